/* What the program is told to do. */
#include <getopt.h>
#include <stdbool.h>
#include "bytes.h"

/* Of a message's payload: the publisher in 4 hexadecimal digits, then the time of sending in 16. */
#define STAMP 20

enum role { PUBLISHER, SUBSCRIBER, FROZEN, CALLER, ROLES };

static struct {
  int port, qos, window, process, count[ROLES];
  size_t size[2];
  double rate, seconds;
  bool idle, flood;
  const char *connects, *payloads, *publish, *subscribe, *freeze;
} options = {.window = 1, .size = {256, 256}, .seconds = 1};

static void read_options(int argc, char **argv) {
  static const struct option known[] = {
      {"port", 1, 0, 'p'},   {"connects", 1, 0, 'c'},  {"publishers", 1, 0, 'P'}, {"subscribers", 1, 0, 'S'},
      {"frozen", 1, 0, 'F'}, {"callers", 1, 0, 'C'},   {"publish", 1, 0, 'u'},    {"subscribe", 1, 0, 's'},
      {"process", 1, 0, 'x'},  {"freeze", 1, 0, 'f'}, {"payloads", 1, 0, 'l'},  {"qos", 1, 0, 'q'},        {"size", 1, 0, 'z'},
      {"window", 1, 0, 'w'}, {"rate", 1, 0, 'r'},      {"seconds", 1, 0, 'd'},    {"idle", 0, 0, 'i'},
      {"flood", 0, 0, 'o'},  {0, 0, 0, 0},
  };
  for (int which; (which = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (which) {
      case 'p': options.port = atoi(optarg); break;
      case 'c': options.connects = optarg; break;
      case 'P': options.count[PUBLISHER] = atoi(optarg); break;
      case 'S': options.count[SUBSCRIBER] = atoi(optarg); break;
      case 'F': options.count[FROZEN] = atoi(optarg); break;
      case 'C': options.count[CALLER] = atoi(optarg); break;
      case 'u': options.publish = optarg; break;
      case 's': options.subscribe = optarg; break;
      case 'f': options.freeze = optarg; break;
      case 'l': options.payloads = optarg; break;
      case 'x': options.process = atoi(optarg); break;
      case 'q': options.qos = atoi(optarg); break;
      case 'z':
        options.size[0] = options.size[1] = (size_t)atoi(optarg);
        if (strchr(optarg, ',')) options.size[1] = (size_t)atoi(strchr(optarg, ',') + 1);
        break;
      case 'w': options.window = atoi(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'd': options.seconds = atof(optarg); break;
      case 'i': options.idle = true; break;
      case 'o': options.flood = true; break;
      default: exit(2);
    }
  }
  for (int at = 0; at < 2; at++) {
    if (options.size[at] < STAMP || options.size[at] > 65536) fail("a size of %zu bytes", options.size[at]);
  }
}
