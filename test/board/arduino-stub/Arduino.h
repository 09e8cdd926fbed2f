/** The little of Arduino's core that the library and its example use, with the core's own signatures. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

#define HIGH 0x1
#define LOW 0x0
#define OUTPUT 0x1

unsigned long millis(void);
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t value);

class Print {
 public:
  virtual size_t write(uint8_t byte) = 0;
  virtual size_t write(const uint8_t *bytes, size_t count) = 0;
};

class Stream : public Print {
 public:
  virtual int available() = 0;
  virtual int read() = 0;
};

class HardwareSerial : public Stream {
 public:
  /** ESP32 only. */
  size_t setRxBufferSize(size_t size);
  void begin(unsigned long baud);
  size_t write(uint8_t byte) override;
  size_t write(const uint8_t *bytes, size_t count) override;
  int available() override;
  int read() override;
};

extern HardwareSerial Serial;

#endif
