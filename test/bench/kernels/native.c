/*
 * Verifies with Debian's libsecp256k1 on demand, for a benchmark that takes turns with it.
 *
 *     native ROWS    ROWS: 65 bytes key (4, x, y), 32 bytes digest, 64 bytes signature (r, s), again and again
 *
 * Each line of standard input is a turn: "known COUNT" verifies with keys parsed before, "unknown COUNT" parses the
 * key each time. The answer is the nanoseconds of processor time it took; a signature that does not hold ends the program.
 */
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY 65
#define DIGEST 32
#define SIGNATURE 64
#define ROW (KEY + DIGEST + SIGNATURE)

static long long nanoseconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void fail(const char *why) {
  fprintf(stderr, "native: %s\n", why);
  exit(1);
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file) fail("no rows");
  fseek(file, 0, SEEK_END);
  long count = ftell(file) / ROW;
  rewind(file);
  unsigned char *rows = malloc(count * ROW);
  secp256k1_pubkey *keys = malloc(count * sizeof *keys);
  if (!rows || !keys || fread(rows, ROW, count, file) != (size_t)count) fail("cannot read the rows");
  secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
  for (long at = 0; at < count; at++) {
    if (!secp256k1_ec_pubkey_parse(context, &keys[at], rows + at * ROW, KEY)) fail("not a key");
  }
  char which[16];
  long turns, at = 0;
  while (scanf("%15s %ld", which, &turns) == 2) {
    int known = strcmp(which, "known") == 0;
    long long start = nanoseconds();
    for (; turns > 0; turns--, at = (at + 1) % count) {
      const unsigned char *row = rows + at * ROW;
      secp256k1_pubkey key = keys[at];
      secp256k1_ecdsa_signature signature;
      if (!known && !secp256k1_ec_pubkey_parse(context, &key, row, KEY)) fail("not a key");
      if (!secp256k1_ecdsa_signature_parse_compact(context, &signature, row + KEY + DIGEST)) fail("not a signature");
      if (!secp256k1_ecdsa_verify(context, &signature, row + KEY, &key)) fail("does not hold");
    }
    printf("%lld\n", nanoseconds() - start);
    fflush(stdout);
  }
  return 0;
}
