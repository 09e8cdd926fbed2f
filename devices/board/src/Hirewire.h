/** The library for Arduino: a board that hires over a Stream, such as Serial. */
#ifndef HIREWIRE_H
#define HIREWIRE_H

#include <Arduino.h>

#include "hw_client.h"

/** What outlives a power cut: EEPROM, Preferences, a file. */
class HirewireStorage {
 public:
  /** Reads slot 0 to 2 into `bytes`: its length, or -1 where it is empty or longer than `size`. */
  virtual int32_t load(uint8_t slot, void *bytes, size_t size) = 0;

  /**
   * Keeps bytes in a slot, 1024 at most; true once they outlive a power cut. A power cut in the middle must leave the old
   * bytes or the new ones: what was promised is in here before it is said.
   */
  virtual bool save(uint8_t slot, const void *bytes, size_t length) = 0;

 protected:
  ~HirewireStorage() = default;
};

/** One piece of work. What it points to must stay until the job is done. */
struct HirewireJob {
  /** The task firmware's module, and what it is given. */
  const uint8_t *firmware;
  uint32_t firmwareBytes;
  const uint8_t *input;
  uint32_t inputBytes;
  /** Most that the run may cost, and what is set aside for second opinions, atomic units. */
  uint64_t maxPrice;
  uint64_t checkBudget;
  uint64_t fuelLimit;
  /** How long after it is offered the answer is due, milliseconds. */
  uint32_t dueMs;
  uint16_t memoryMiB;
  /** Paid against an invoice and not beforehand. */
  bool isOnResult;
  /** `task/1` or `wasi-stdio/1`. */
  const char *profile;
  /** The manifest's JSON text, or nullptr. */
  const char *manifest;
};

/** A board's side of one line. Call `loop` from the sketch's own. */
class Hirewire {
 public:
  Hirewire(Stream &line, HirewireStorage &storage);
  Hirewire(const Hirewire &) = delete;
  Hirewire &operator=(const Hirewire &) = delete;

  /**
   * Starts. The names say who the board is until it is paired: letters, digits and _.:- , 1 to 64 each. False when the
   * storage holds what is not ours.
   */
  bool begin(const char *manufacturer, const char *serialNumber, const char *model);

  /** Takes what has come, and does what is due. */
  void loop();

  /** The number of the job that is due, from 0: the open one's, also after a reboot, or that of the next one. */
  uint32_t job() const;

  /** Has the job of this number done; after a reboot give the same again. False while another one is open. */
  bool hire(const HirewireJob &job);

  void onPaired(void (*call)()) { paired_ = call; }
  void onReady(void (*call)(const hw_terms &)) { ready_ = call; }
  void onOffered(void (*call)(const uint8_t task[16])) { offered_ = call; }
  void onInvoicePaid(void (*call)(uint64_t price, uint64_t total)) { invoicePaid_ = call; }
  void onAnswered(void (*call)(const hw_answer &, bool isProven)) { answered_ = call; }
  void onOutput(void (*call)(uint32_t offset, const uint8_t *bytes, size_t count)) { output_ = call; }
  void onOutputEnd(void (*call)(bool isWhole)) { outputEnd_ = call; }
  void onDone(void (*call)()) { done_ = call; }
  void onRefused(void (*call)(const char *code, const char *hint)) { refused_ = call; }

 private:
  size_t readBlob(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) const;
  hw_client_events events();

  Stream &line_;
  HirewireStorage &storage_;
  hw_platform platform_;
  hw_client client_;
  hw_order order_;
  HirewireJob job_;
  void (*paired_)() = nullptr;
  void (*ready_)(const hw_terms &) = nullptr;
  void (*offered_)(const uint8_t[16]) = nullptr;
  void (*invoicePaid_)(uint64_t, uint64_t) = nullptr;
  void (*answered_)(const hw_answer &, bool) = nullptr;
  void (*output_)(uint32_t, const uint8_t *, size_t) = nullptr;
  void (*outputEnd_)(bool) = nullptr;
  void (*done_)() = nullptr;
  void (*refused_)(const char *, const char *) = nullptr;
};

#endif
