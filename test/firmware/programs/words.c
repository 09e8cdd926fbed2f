// A WASI command: counts the words of its standard input, and exits with their number's excess over what fits a line.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  size_t room = 1 << 10, length = 0;
  char *text = malloc(room);
  for (size_t got; (got = fread(text + length, 1, room - length, stdin)) > 0;) {
    length += got;
    if (length == room) text = realloc(text, room *= 2);
  }
  if (length == 4 && memcmp(text, "fail", 4) == 0) return 3;
  if (length == 4 && memcmp(text, "exit", 4) == 0) {
    puts("bye");
    exit(0);
  }
  if (length == 4 && memcmp(text, "file", 4) == 0) {
    printf("%d\n", fopen("/etc/passwd", "r") == NULL);
    return 0;
  }
  long words = 0;
  unsigned hash = 2166136261u;
  for (size_t i = 0; i < length; i++) {
    words += !isspace((unsigned char)text[i]) && (i == 0 || isspace((unsigned char)text[i - 1]));
    hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  }
  unsigned char random[4];
  getentropy(random, sizeof random);
  fprintf(stderr, "nobody reads this\n");
  printf("%zu bytes, %ld words, %08x, %d arguments, time %ld, %02x%02x%02x%02x, %.3f\n", length, words, hash, argc - 1,
         (long)time(NULL), random[0], random[1], random[2], random[3], (double)length / 3);
  return 0;
}
