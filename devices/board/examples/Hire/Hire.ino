/*
 * Hires the sum of four bytes, once, over the USB serial line of an ESP32.
 *
 * 1. Upload, close the serial monitor, and name the board's line in the gateway's gateway.toml:
 *      [[serial]]
 *      path = "/dev/serial/by-id/usb-…"
 * 2. hirewire device pair esp-1 --cap 1.00
 * 3. hirewire fund esp-1 1.00 --from wallet.key
 * 4. On a provider, which runs nothing that nobody has trusted there:
 *      hirewire firmware trust 0xb9b220a8bf2b5bf06dfd9e7582c5ebe7bda22709b148ce78073e8c90a8a55e97
 *
 * The line is the gateway's: nothing else may print on Serial. The LED says how it went.
 */
#include <Hirewire.h>
#include <Preferences.h>

/** Adds up its input's bytes: a module of profile task/1. */
const uint8_t FIRMWARE[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7e, 0x03, 0x03, 0x02, 0x00, 0x01, 0x05, 0x04, 0x01, 0x01, 0x01,
    0x01, 0x07, 0x18, 0x03, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x05, 0x61, 0x6c,
    0x6c, 0x6f, 0x63, 0x00, 0x00, 0x03, 0x72, 0x75, 0x6e, 0x00, 0x01, 0x0a, 0x3d, 0x02, 0x05, 0x00,
    0x41, 0x80, 0x08, 0x0b, 0x35, 0x01, 0x02, 0x7f, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x21, 0x03, 0x02,
    0x40, 0x03, 0x40, 0x20, 0x00, 0x20, 0x03, 0x4f, 0x0d, 0x01, 0x20, 0x02, 0x20, 0x00, 0x2d, 0x00,
    0x00, 0x6a, 0x21, 0x02, 0x20, 0x00, 0x41, 0x01, 0x6a, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x00, 0x0b,
    0x41, 0x00, 0x20, 0x02, 0x36, 0x02, 0x00, 0x42, 0x04, 0x0b,
};
const uint8_t INPUT_BYTES[] = {10, 20, 30, 40};
const uint8_t SUM = 100;
const uint8_t LED = 2;

/** Keeps each slot as one value: ESP32's storage replaces it at once or not at all. */
class Flash final : public HirewireStorage {
 public:
  void open() { preferences_.begin("hirewire", false); }

  int32_t load(uint8_t slot, void *bytes, size_t size) override {
    const char name[] = {static_cast<char>('0' + slot), '\0'};
    const size_t length = preferences_.getBytesLength(name);
    if (length == 0 || length > size) return -1;
    return static_cast<int32_t>(preferences_.getBytes(name, bytes, size));
  }

  bool save(uint8_t slot, const void *bytes, size_t length) override {
    const char name[] = {static_cast<char>('0' + slot), '\0'};
    return preferences_.putBytes(name, bytes, length) == length;
  }

 private:
  Preferences preferences_;
};

Flash flash;
Hirewire board(Serial, flash);
bool isFunded = false;
bool isHired = false;
bool isRight = false;

void setup() {
  // All that the gateway may have under way, for as long as the flash is written.
  Serial.setRxBufferSize(1024);
  Serial.begin(115200);
  pinMode(LED, OUTPUT);
  flash.open();
  board.onReady([](const hw_terms &terms) { isFunded = terms.lane.deposit > 0; });
  board.onOutput([](uint32_t offset, const uint8_t *bytes, size_t count) {
    if (offset == 0 && count > 0) isRight = bytes[0] == SUM;
  });
  board.onOutputEnd([](bool isWhole) { digitalWrite(LED, isWhole && isRight ? HIGH : LOW); });
  board.begin("acme", "esp-1", "ESP32");
}

void loop() {
  board.loop();
  if (!isFunded || isHired || board.job() > 0) return;
  HirewireJob job = {};
  job.firmware = FIRMWARE;
  job.firmwareBytes = sizeof FIRMWARE;
  job.input = INPUT_BYTES;
  job.inputBytes = sizeof INPUT_BYTES;
  job.maxPrice = 1000;
  job.checkBudget = 1000;
  job.fuelLimit = 1000000;
  job.dueMs = 60000;
  job.memoryMiB = 1;
  job.profile = "task/1";
  isHired = board.hire(job);
}
