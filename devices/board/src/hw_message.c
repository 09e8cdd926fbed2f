#include "hw_message.h"

static void open_message(hw_text *text) {
  hw_text_open(text, NULL);
  hw_text_number(text, "version", 1);
}

void hw_write_login(hw_text *text, const uint8_t device[20], const char *slot, const char *token) {
  open_message(text);
  hw_text_hex(text, "device", device, 20);
  hw_text_string(text, "slot", slot);
  if (token == NULL) hw_text_null(text, "token");
  else hw_text_string(text, "token", token);
  hw_text_close(text);
}

void hw_write_pair(hw_text *text, const char *manufacturer, const char *serial_number, const char *model,
                   const uint8_t *proof) {
  open_message(text);
  hw_text_string(text, "manufacturer", manufacturer);
  hw_text_string(text, "serialNumber", serial_number);
  hw_text_string(text, "model", model);
  if (proof != NULL) hw_text_hex(text, "proof", proof, 32);
  hw_text_close(text);
}

void hw_write_voucher(hw_text *text, const char *id, const hw_market *market, const hw_voucher *voucher,
                      const uint8_t *signature) {
  open_message(text);
  hw_text_string(text, "id", id);
  if (signature != NULL) {
    hw_text_open(text, "voucher");
    hw_text_number(text, "chainId", market->chain_id);
    hw_text_hex(text, "vault", market->vault, 20);
    hw_text_hex(text, "payee", market->gateway, 20);
    hw_text_hex(text, "token", market->token, 20);
  }
  hw_text_number(text, "epoch", voucher->epoch);
  hw_text_amount(text, "cumulative", voucher->cumulative);
  if (signature != NULL) {
    hw_text_hex(text, "signature", signature, 65);
    hw_text_close(text);
  }
  hw_text_close(text);
}

void hw_write_offer(hw_text *text, const hw_offer *offer, const char *manifest, size_t manifest_length,
                    const uint8_t *signature) {
  open_message(text);
  hw_text_string(text, "id", offer->id);
  hw_text_hex(text, "firmware", offer->firmware, 32);
  hw_text_number(text, "firmwareBytes", offer->firmware_bytes);
  hw_text_hex(text, "input", offer->input, 32);
  hw_text_number(text, "inputBytes", offer->input_bytes);
  hw_text_amount(text, "maxPrice", offer->max_price);
  hw_text_amount(text, "checkBudget", offer->check_budget);
  hw_text_number(text, "deadline", offer->deadline);
  hw_text_string(text, "payment", offer->is_on_result ? "result" : "prepaid");
  hw_text_string(text, "profile", offer->profile);
  hw_text_number(text, "memoryMiB", offer->memory_mib);
  hw_text_number(text, "fuelLimit", offer->fuel_limit);
  hw_text_number(text, "meter", offer->meter);
  hw_text_hex(text, "costs", offer->costs, 32);
  if (manifest != NULL) {
    hw_text_key(text, "manifest");
    hw_text_raw(text, manifest, manifest_length);
  }
  if (signature != NULL) hw_text_hex(text, "signature", signature, 65);
  hw_text_close(text);
}

void hw_write_blob_get(hw_text *text, const uint8_t hash[32], uint32_t offset, uint32_t length) {
  open_message(text);
  hw_text_string(text, "from", "device");
  hw_text_hex(text, "hash", hash, 32);
  hw_text_number(text, "offset", offset);
  hw_text_number(text, "length", length);
  hw_text_close(text);
}

void hw_write_blob_data(hw_text *text, const uint8_t hash[32], uint32_t offset, uint32_t total) {
  open_message(text);
  hw_text_string(text, "from", "device");
  hw_text_hex(text, "hash", hash, 32);
  hw_text_number(text, "offset", offset);
  hw_text_number(text, "total", total);
  hw_text_key(text, "bytes");
  hw_text_raw(text, "\"", 1);
}
