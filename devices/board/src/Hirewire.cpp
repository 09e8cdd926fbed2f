// PlatformIO and Arduino compile every file here; a build without Arduino has no use for this one.
#ifdef ARDUINO

#include "Hirewire.h"

#include <string.h>

#include "hw_sha256.h"

namespace {

Hirewire &hirewireOf(void *context) { return *static_cast<Hirewire *>(context); }

void hashOf(const uint8_t *bytes, uint32_t count, uint8_t digest[32]) {
  hw_sha256 sha;
  hw_sha256_begin(&sha);
  hw_sha256_take(&sha, bytes, count);
  hw_sha256_end(&sha, digest);
}

}  // namespace

Hirewire::Hirewire(Stream &line, HirewireStorage &storage) : line_(line), storage_(storage) {
  memset(&platform_, 0, sizeof platform_);
  memset(&client_, 0, sizeof client_);
  memset(&order_, 0, sizeof order_);
  memset(&job_, 0, sizeof job_);
}

bool Hirewire::begin(const char *manufacturer, const char *serialNumber, const char *model) {
  platform_.context = this;
  platform_.now_ms = [](void *) -> uint32_t { return millis(); };
  platform_.write = [](void *context, const uint8_t *bytes, size_t count) {
    size_t taken = 1;
    // A USB port that nobody listens on takes nothing: the bytes are lost, as on a pulled cable, and the link says them again.
    for (size_t sent = 0; sent < count && taken > 0; sent += taken)
      taken = hirewireOf(context).line_.write(bytes + sent, count - sent);
  };
  platform_.load = [](void *context, uint8_t slot, void *bytes, size_t size) {
    return hirewireOf(context).storage_.load(slot, bytes, size);
  };
  platform_.save = [](void *context, uint8_t slot, const void *bytes, size_t length) {
    return hirewireOf(context).storage_.save(slot, bytes, length);
  };
  platform_.log = nullptr;
  platform_.read_blob = [](void *context, const uint8_t *hash, uint32_t offset, uint8_t *bytes, size_t count) {
    return hirewireOf(context).readBlob(hash, offset, bytes, count);
  };
  hw_client_options options;
  memset(&options, 0, sizeof options);
  options.manufacturer = manufacturer;
  options.serial_number = serialNumber;
  options.model = model;
  options.slot = "0";
  const hw_client_events told = events();
  return hw_client_start(&client_, &platform_, &options, &told);
}

void Hirewire::loop() {
  uint8_t bytes[64];
  size_t count = 0;
  while (count < sizeof bytes && line_.available() > 0) bytes[count++] = static_cast<uint8_t>(line_.read());
  if (count > 0) hw_client_take(&client_, bytes, count);
  hw_client_tick(&client_);
}

uint32_t Hirewire::job() const { return hw_client_job(&client_); }

bool Hirewire::hire(const HirewireJob &job) {
  hw_order order;
  memset(&order, 0, sizeof order);
  hashOf(job.firmware, job.firmwareBytes, order.firmware);
  hashOf(job.input, job.inputBytes, order.input);
  order.firmware_bytes = job.firmwareBytes;
  order.input_bytes = job.inputBytes;
  order.max_price = job.maxPrice;
  order.check_budget = job.checkBudget;
  order.fuel_limit = job.fuelLimit;
  order.due_ms = job.dueMs;
  order.memory_mib = job.memoryMiB;
  order.is_on_result = job.isOnResult;
  order.profile = job.profile;
  order.manifest = job.manifest;
  order.manifest_length = job.manifest == nullptr ? 0 : strlen(job.manifest);
  if (!hw_client_hire(&client_, &order)) return false;
  order_ = order;
  job_ = job;
  return true;
}

size_t Hirewire::readBlob(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) const {
  const bool isFirmware = memcmp(hash, order_.firmware, 32) == 0;
  if (!isFirmware && memcmp(hash, order_.input, 32) != 0) return 0;
  const uint8_t *blob = isFirmware ? job_.firmware : job_.input;
  const uint32_t length = isFirmware ? job_.firmwareBytes : job_.inputBytes;
  if (blob == nullptr || offset >= length) return 0;
  const size_t read = count < length - offset ? count : length - offset;
  memcpy(bytes, blob + offset, read);
  return read;
}

hw_client_events Hirewire::events() {
  hw_client_events told;
  memset(&told, 0, sizeof told);
  told.context = this;
  told.paired = [](void *context) {
    if (hirewireOf(context).paired_ != nullptr) hirewireOf(context).paired_();
  };
  told.ready = [](void *context, const hw_terms *terms) {
    if (hirewireOf(context).ready_ != nullptr) hirewireOf(context).ready_(*terms);
  };
  told.offered = [](void *context, const uint8_t *task) {
    if (hirewireOf(context).offered_ != nullptr) hirewireOf(context).offered_(task);
  };
  told.invoice_paid = [](void *context, uint64_t price, uint64_t total) {
    if (hirewireOf(context).invoicePaid_ != nullptr) hirewireOf(context).invoicePaid_(price, total);
  };
  told.answered = [](void *context, const hw_answer *answer, bool isProven) {
    if (hirewireOf(context).answered_ != nullptr) hirewireOf(context).answered_(*answer, isProven);
  };
  told.output = [](void *context, uint32_t offset, const uint8_t *bytes, size_t count) {
    if (hirewireOf(context).output_ != nullptr) hirewireOf(context).output_(offset, bytes, count);
  };
  told.output_end = [](void *context, bool isWhole) {
    if (hirewireOf(context).outputEnd_ != nullptr) hirewireOf(context).outputEnd_(isWhole);
  };
  told.done = [](void *context) {
    if (hirewireOf(context).done_ != nullptr) hirewireOf(context).done_();
  };
  told.refused = [](void *context, const char *code, const char *hint) {
    if (hirewireOf(context).refused_ != nullptr) hirewireOf(context).refused_(code, hint);
  };
  return told;
}

#endif
