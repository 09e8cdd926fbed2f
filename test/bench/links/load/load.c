/*
 * Loads an MQTT 3.1.1 broker over loopback, in one thread, and prints what it saw as one line of JSON.
 *
 *     load --port N --connects FILE [options]
 *
 * FILE holds raw CONNECT packets, one after another, and each client takes one: first the publishers, then the
 * subscribers, the frozen ones and the callers. All connect at once.
 *
 *   --publishers N    they publish to --publish, %d being the publisher's number
 *   --subscribers N   they hear --subscribe, %d being the subscriber's number
 *   --frozen N        they subscribe to --freeze and then never read again
 *   --callers N       they hear --subscribe and publish what --payloads has for them: a length of four bytes, most
 *                     significant first, and the bytes, again and again; one for each caller in turn. What a caller
 *                     hears is the answer to something it said. The end is when everything is answered.
 *   --qos 0|1         of what is published and of the subscriptions
 *   --size A[,B]      bytes of a publisher's messages, at least 20; with B every other one has that many
 *   --window N        messages of each client that may be under way: not acknowledged, or not delivered to all
 *   --rate R          instead: so many a second from all publishers together, whatever becomes of those before
 *   --seconds S
 *   --process PID     of the broker: its processor time during the run is printed too
 *   --idle            only connect and subscribe, say so, and stay until standard input ends
 *   --flood           instead of all that: announce a CONNECT of 256 MB, send zeros while the broker reads, and stay
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "options.h"

/* Nobody waits longer than this for what must come. */
#define PATIENCE (60 * SECOND)
/* Bytes of a client that may wait to be sent. */
#define UNSENT 65536

struct client {
  int fd;
  enum role role;
  int number; /* among those of its role */
  bool connected, ready, writing;
  struct buffer in, out;
  uint16_t id;
  long sent, back, unacked;
  uint64_t heard;
};

static struct client *clients;
static int total, connected, ready, poller;
static struct buffer connects, payloads;
static bool measuring;
static long sent, received, answered, spoken;
static uint64_t *latencies, gap;
static size_t measured, latency_room;

static void listen_for(struct client *c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void flush(struct client *c) {
  while (c->out.from < c->out.to) {
    ssize_t done = send(c->fd, c->out.bytes + c->out.from, c->out.to - c->out.from, MSG_NOSIGNAL);
    if (done < 0 && errno == EAGAIN) {
      if (!c->writing) listen_for(c, EPOLLIN | EPOLLOUT);
      c->writing = true;
      return;
    }
    if (done < 0) fail("client %ld cannot send: %s", (long)(c - clients), strerror(errno));
    c->out.from += (size_t)done;
  }
  c->out.from = c->out.to = 0;
  if (c->writing) listen_for(c, EPOLLIN);
  c->writing = false;
}

static void subscribe(struct client *c) {
  char filter[256];
  int length = snprintf(filter, sizeof filter, c->role == FROZEN ? options.freeze : options.subscribe, c->number);
  uint8_t head[6] = {0x82, (uint8_t)(length + 5), 0, 1, 0, (uint8_t)length};
  uint8_t qos = (uint8_t)options.qos;
  if (length > 120) fail("the filter is too long: %s", filter);
  add(&c->out, head, sizeof head);
  add(&c->out, filter, (size_t)length);
  add(&c->out, &qos, 1);
  flush(c);
}

/* A PUBLISH up to where its payload begins. */
static void begin_publish(struct client *c, size_t payload) {
  char topic[256];
  uint8_t head[8] = {(uint8_t)(0x30 | options.qos << 1)};
  size_t at = 1, length = (size_t)snprintf(topic, sizeof topic, options.publish, c->number);
  size_t left = 2 + length + (options.qos ? 2 : 0) + payload;
  do {
    head[at++] = (uint8_t)(left % 128 | (left > 127 ? 128 : 0));
    left /= 128;
  } while (left);
  head[at++] = (uint8_t)(length >> 8);
  head[at++] = (uint8_t)length;
  add(&c->out, head, at);
  add(&c->out, topic, length);
  if (options.qos) {
    if (++c->id == 0) c->id = 1;
    uint8_t id[2] = {(uint8_t)(c->id >> 8), (uint8_t)c->id};
    add(&c->out, id, 2);
    c->unacked++;
  }
  c->sent++;
  sent++;
}

static void publish(struct client *c) {
  static char filling[1 << 16];
  char stamp[STAMP + 1];
  size_t size = options.size[c->sent % 2];
  if (!filling[0]) memset(filling, 'x', sizeof filling);
  begin_publish(c, size);
  snprintf(stamp, sizeof stamp, "%04x%016llx", (unsigned)c->number, (unsigned long long)now());
  add(&c->out, stamp, STAMP);
  add(&c->out, filling, size - STAMP);
}

/* The next of this caller's payloads; false when there is none left. */
static bool call(struct client *c) {
  static size_t *starts;
  if (!starts) {
    size_t count = 0;
    for (size_t at = payloads.from; at < payloads.to; count++) {
      if (count % 4096 == 0) starts = enlarged(starts, (count + 4096) * sizeof *starts);
      starts[count] = at;
      const uint8_t *length = payloads.bytes + at;
      at += 4 + ((size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3]);
    }
    spoken = (long)count;
  }
  size_t index = (size_t)c->sent * (size_t)options.count[CALLER] + (size_t)c->number;
  if (index >= (size_t)spoken) return false;
  const uint8_t *at = payloads.bytes + starts[index];
  size_t length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
  begin_publish(c, length);
  add(&c->out, at + 4, length);
  return true;
}

/* Publishes what the window allows. */
static void pump(struct client *c) {
  bool calls = c->role == CALLER;
  long copies = calls ? 1 : options.count[SUBSCRIBER];
  bool any = false;
  while (c->sent * copies - c->back < options.window * copies && c->unacked < options.window &&
         c->out.to - c->out.from < UNSENT) {
    if (!calls) publish(c);
    else if (!call(c)) break;
    any = true;
  }
  if (any) flush(c);
}

static void pump_all(void) {
  for (int at = 0; at < total; at++) {
    if (clients[at].role == PUBLISHER || clients[at].role == CALLER) pump(&clients[at]);
  }
}

static void become_ready(struct client *c) {
  c->ready = true;
  ready++;
  /* A frozen client's socket is not even watched. */
  if (c->role == FROZEN) epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
}

static void note_latency(uint64_t took) {
  if (measured == latency_room) {
    latency_room = latency_room ? latency_room * 2 : 1 << 16;
    latencies = enlarged(latencies, latency_room * sizeof *latencies);
  }
  latencies[measured++] = took;
}

static void hear(struct client *c, uint8_t header, const uint8_t *body, const uint8_t *end) {
  const uint8_t *at = body + 2 + ((size_t)body[0] << 8 | body[1]);
  if (header & 6) {
    uint8_t ack[4] = {0x40, 2, at[0], at[1]};
    add(&c->out, ack, sizeof ack);
    at += 2;
  }
  uint64_t time = now();
  if (measuring && time - c->heard > gap) gap = time - c->heard;
  c->heard = time;
  if (measuring) received++;
  if (c->role == CALLER) {
    c->back++;
    answered++;
    return;
  }
  char stamp[STAMP + 1] = {0};
  if (end - at < STAMP) return;
  memcpy(stamp, at, STAMP);
  uint64_t then = strtoull(stamp + 4, NULL, 16);
  stamp[4] = 0;
  long publisher = strtol(stamp, NULL, 16);
  if (publisher >= options.count[PUBLISHER]) fail("heard of publisher %ld", publisher);
  clients[publisher].back++;
  if (measuring) note_latency(time - then);
}

static void take(struct client *c, uint8_t header, const uint8_t *body, const uint8_t *end) {
  switch (header >> 4) {
    case 2:
      if (body[1]) fail("the CONNECT of client %ld is refused: %d", (long)(c - clients), body[1]);
      c->connected = true;
      connected++;
      if (c->role == PUBLISHER) become_ready(c);
      else subscribe(c);
      return;
    case 9:
      if (body[2] & 128) fail("the subscription of client %ld is refused", (long)(c - clients));
      become_ready(c);
      return;
    case 4:
      c->unacked--;
      return;
    case 3:
      hear(c, header, body, end);
      return;
    default:
      fail("packet type %d", header >> 4);
  }
}

static void read_all(struct client *c) {
  for (int turns = 0; turns < 8; turns++) {
    make_room(&c->in, c->connected && measuring ? 65536 : 1024);
    size_t room = c->in.room - c->in.to;
    ssize_t got = recv(c->fd, c->in.bytes + c->in.to, room, 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) fail("the broker ends client %ld: %s", (long)(c - clients), got ? strerror(errno) : "closed");
    c->in.to += (size_t)got;
    size_t length, body = 0;
    while ((length = packet_at(c->in.bytes + c->in.from, c->in.to - c->in.from, &body)) > 0) {
      const uint8_t *packet = c->in.bytes + c->in.from;
      c->in.from += length;
      take(c, packet[0], packet + body, packet + length);
      if (c->role == FROZEN && c->ready) return;
    }
    if ((size_t)got < room) break;
  }
  if (c->out.from < c->out.to) flush(c);
}

static void serve(int milliseconds) {
  struct epoll_event events[256];
  int count = epoll_wait(poller, events, 256, milliseconds);
  for (int at = 0; at < count; at++) {
    struct client *c = events[at].data.ptr;
    if (events[at].events & EPOLLOUT) flush(c);
    if (events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_all(c);
  }
}

static int dial(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
  return fd;
}

static void open_clients(void) {
  for (int role = 0; role < ROLES; role++) total += options.count[role];
  clients = enlarged(NULL, (size_t)(total + 1) * sizeof *clients);
  memset(clients, 0, (size_t)(total + 1) * sizeof *clients);
  connects = file_of(options.connects);
  poller = epoll_create1(0);
  int at = 0;
  for (int role = 0; role < ROLES; role++) {
    for (int number = 0; number < options.count[role]; number++) {
      struct client *c = &clients[at++];
      c->role = (enum role)role;
      c->number = number;
      size_t body, length = packet_at(connects.bytes + connects.from, connects.to - connects.from, &body);
      if (length == 0) fail("%d CONNECT packets for %d clients", at - 1, total);
      add(&c->out, connects.bytes + connects.from, length);
      connects.from += length;
      c->fd = dial();
      c->writing = true;
      struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
      if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
    }
  }
}

static void stay(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  char byte;
  fflush(stdout);
  for (;;) {
    if (poller) serve(50);
    if (poll(&input, 1, poller ? 0 : -1) > 0 && read(0, &byte, 1) <= 0) return;
  }
}

static void flood(void) {
  static uint8_t zeros[65536];
  const long announced = 268435455;
  int fd = dial();
  struct pollfd writable = {.fd = fd, .events = POLLOUT};
  bool closed = poll(&writable, 1, 5000) <= 0 || send(fd, "\x10\xff\xff\xff\x7f", 5, MSG_NOSIGNAL) < 0;
  /* A byte less than announced: the packet never ends. */
  while (!closed && sent < announced - 1) {
    size_t chunk = announced - 1 - sent < (long)sizeof zeros ? (size_t)(announced - 1 - sent) : sizeof zeros;
    if (poll(&writable, 1, 5000) <= 0) break;
    ssize_t done = send(fd, zeros, chunk, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN) closed = true;
    if (done > 0) sent += done;
  }
  printf("{\"sent\":%ld,\"closed\":%s}\n", sent, closed ? "true" : "false");
  stay();
}

/* Processor time that the broker has used, seconds: fields 14 and 15 of proc_pid_stat(5). */
static double used(void) {
  char name[64], line[1024];
  unsigned long user = 0, kernel = 0;
  snprintf(name, sizeof name, "/proc/%d/stat", options.process);
  FILE *file = options.process ? fopen(name, "r") : NULL;
  if (!file) return 0;
  char *after = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
  if (after) sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  fclose(file);
  return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int earlier(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double percentile(double part) {
  return measured ? (double)latencies[(size_t)((double)(measured - 1) * part)] / 1e3 : 0;
}

static void run(uint64_t begun) {
  double before = used();
  uint64_t start = now(), end = start + (uint64_t)(options.seconds * (double)SECOND), time = start;
  measuring = true;
  for (int at = 0; at < total; at++) clients[at].heard = start;
  if (options.count[CALLER]) end = start + PATIENCE;
  for (long turn = 0; time < end && (turn == 0 || !spoken || answered < spoken); turn++) {
    if (options.rate == 0) pump_all();
    for (; options.rate > 0 && (double)sent < (double)(time - start) / 1e9 * options.rate;) {
      struct client *c = &clients[sent % options.count[PUBLISHER]];
      publish(c);
      flush(c);
    }
    serve(1);
    time = now();
  }
  if (answered < spoken) fail("%ld of %ld calls were answered", answered, spoken);
  for (int at = 0; at < total; at++) {
    if (clients[at].role == SUBSCRIBER && time - clients[at].heard > gap) gap = time - clients[at].heard;
  }
  qsort(latencies, measured, sizeof *latencies, earlier);
  double seconds = (double)(time - start) / 1e9;
  printf("{\"readySeconds\":%.3f,\"seconds\":%.4f,\"sent\":%ld,\"received\":%ld,\"perSecond\":%.1f,"
         "\"processorSeconds\":%.2f,\"p50Us\":%.1f,\"p99Us\":%.1f,\"longestGapMs\":%.1f}\n",
         (double)(start - begun) / 1e9, seconds, sent, received, (double)received / seconds, used() - before, percentile(0.5),
         percentile(0.99), (double)gap / 1e6);
}

int main(int argc, char **argv) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  read_options(argc, argv);
  if (options.flood) {
    flood();
    return 0;
  }
  if (!options.connects) fail("no --connects");
  if (options.payloads) payloads = file_of(options.payloads);
  uint64_t begun = now();
  open_clients();
  while (ready < total && now() - begun < PATIENCE) serve(10);
  if (ready < total) fail("only %d of %d clients were accepted, and %d subscribed", connected, total, ready);
  if (options.idle) {
    printf("{\"readySeconds\":%.3f}\n", (double)(now() - begun) / 1e9);
    stay();
  } else {
    run(begun);
  }
  return 0;
}
