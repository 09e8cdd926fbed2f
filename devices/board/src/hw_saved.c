#include "hw_saved.h"

#include "hw_crc32.h"

bool hw_saved_keep(const hw_platform *platform, uint8_t slot, hw_saved_head *record, uint32_t format, size_t size) {
  record->format = format;
  record->check = 0;
  record->check = hw_crc32((const uint8_t *)record, size);
  return platform->save(platform->context, slot, record, size);
}

hw_saved_found hw_saved_take(const hw_platform *platform, uint8_t slot, hw_saved_head *record, uint32_t format,
                             size_t size) {
  const int32_t length = platform->load(platform->context, slot, record, size);
  if (length < 0) return HW_SAVED_NOTHING;
  if ((size_t)length != size || record->format != format) return HW_SAVED_UNREADABLE;
  const uint32_t check = record->check;
  record->check = 0;
  return hw_crc32((const uint8_t *)record, size) == check ? HW_SAVED_WHOLE : HW_SAVED_UNREADABLE;
}
