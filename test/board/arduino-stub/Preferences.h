/** ESP32's storage of named values, as far as the example uses it. */
#ifndef PREFERENCES_H
#define PREFERENCES_H

#include <stddef.h>

class Preferences {
 public:
  bool begin(const char *name, bool isReadOnly);
  size_t getBytesLength(const char *key);
  size_t getBytes(const char *key, void *bytes, size_t size);
  size_t putBytes(const char *key, const void *bytes, size_t length);
};

#endif
