#include "hw_eip712.h"

#include "hw_bytes.h"
#include "hw_keccak.h"

#include <string.h>

static void take_text(hw_keccak *keccak, const char *text) {
  uint8_t hash[32];
  hw_keccak_of(text, strlen(text), hash);
  hw_keccak_take(keccak, hash, sizeof hash);
}

static void take_zeros(hw_keccak *keccak, unsigned count) {
  static const uint8_t ZEROS[32];
  hw_keccak_take(keccak, ZEROS, count);
}

static void take_number(hw_keccak *keccak, uint64_t value) {
  uint8_t bytes[8];
  hw_put_u64(bytes, value);
  take_zeros(keccak, 24);
  hw_keccak_take(keccak, bytes, sizeof bytes);
}

static void take_address(hw_keccak *keccak, const uint8_t address[20]) {
  take_zeros(keccak, 12);
  hw_keccak_take(keccak, address, 20);
}

static void take_word(hw_keccak *keccak, const uint8_t word[32]) {
  hw_keccak_take(keccak, word, 32);
}

static void take_task(hw_keccak *keccak, const uint8_t task[16]) {
  hw_keccak_take(keccak, task, 16);
  take_zeros(keccak, 16);
}

/** Begins hashStruct: the struct's type comes first. */
static void begin(hw_keccak *keccak, const char *type) {
  hw_keccak_begin(keccak);
  take_text(keccak, type);
}

/** Ends hashStruct and binds it to the domain of this name. */
static void end(hw_keccak *keccak, const char *domain, const hw_market *market, uint8_t digest[32]) {
  static const uint8_t PREFIX[2] = {0x19, 0x01};
  uint8_t hash[32];
  uint8_t separator[32];
  hw_keccak_end(keccak, hash);
  begin(keccak, "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
  take_text(keccak, domain);
  take_text(keccak, "1");
  take_number(keccak, market->chain_id);
  take_address(keccak, market->vault);
  hw_keccak_end(keccak, separator);
  hw_keccak_begin(keccak);
  hw_keccak_take(keccak, PREFIX, sizeof PREFIX);
  take_word(keccak, separator);
  take_word(keccak, hash);
  hw_keccak_end(keccak, digest);
}

void hw_offer_digest(const hw_market *market, const uint8_t requester[20], const hw_offer *offer, uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Offer(address gateway,address token,address requester,string id,bytes32 firmware,"
                 "uint32 firmwareBytes,bytes32 input,uint32 inputBytes,uint96 maxPrice,uint96 checkBudget,"
                 "uint64 deadline,string payment,string profile,uint16 memoryMiB,uint64 fuelLimit,uint16 meter,"
                 "bytes32 costs)");
  take_address(&keccak, market->gateway);
  take_address(&keccak, market->token);
  take_address(&keccak, requester);
  take_text(&keccak, offer->id);
  take_word(&keccak, offer->firmware);
  take_number(&keccak, offer->firmware_bytes);
  take_word(&keccak, offer->input);
  take_number(&keccak, offer->input_bytes);
  take_number(&keccak, offer->max_price);
  take_number(&keccak, offer->check_budget);
  take_number(&keccak, offer->deadline);
  take_text(&keccak, offer->is_on_result ? "result" : "prepaid");
  take_text(&keccak, offer->profile);
  take_number(&keccak, offer->memory_mib);
  take_number(&keccak, offer->fuel_limit);
  take_number(&keccak, offer->meter);
  take_word(&keccak, offer->costs);
  end(&keccak, "hirewire", market, digest);
}

void hw_voucher_digest(const hw_market *market, const hw_voucher *voucher, uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");
  take_address(&keccak, market->gateway);
  take_address(&keccak, market->token);
  take_number(&keccak, voucher->epoch);
  take_number(&keccak, voucher->cumulative);
  end(&keccak, "LaneVault", market, digest);
}

void hw_connect_digest(const hw_market *market, const hw_connect *connect, uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Connect(address gateway,string clientId,uint64 issued,uint64 expires,bytes32 nonce)");
  take_address(&keccak, market->gateway);
  take_text(&keccak, connect->client_id);
  take_number(&keccak, connect->issued);
  take_number(&keccak, connect->expires);
  take_word(&keccak, connect->nonce);
  end(&keccak, "hirewire", market, digest);
}

void hw_invoice_digest(const hw_market *market, const uint8_t requester[20], const hw_invoice *invoice,
                       uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Invoice(bytes16 task,address requester,address provider,bytes32 award,string verdict,uint64 fuel,"
                 "uint96 rate,bytes32 saltedOutput,uint96 price,uint96 fee,uint96 checks,uint64 due)");
  take_task(&keccak, invoice->task);
  take_address(&keccak, requester);
  take_address(&keccak, invoice->provider);
  take_word(&keccak, invoice->award);
  take_text(&keccak, invoice->verdict);
  take_number(&keccak, invoice->fuel);
  take_number(&keccak, invoice->rate);
  take_word(&keccak, invoice->salted_output);
  take_number(&keccak, invoice->price);
  take_number(&keccak, invoice->fee);
  take_number(&keccak, invoice->checks);
  take_number(&keccak, invoice->due);
  end(&keccak, "hirewire", market, digest);
}

void hw_accept_digest(const hw_market *market, const uint8_t award[32], uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Accept(bytes32 award)");
  take_word(&keccak, award);
  end(&keccak, "hirewire", market, digest);
}

void hw_receipt_digest(const hw_market *market, const hw_receipt *receipt, uint8_t digest[32]) {
  hw_keccak keccak;
  begin(&keccak, "Receipt(bytes16 task,address requester,address provider,bytes32 firmware,bytes32 input,"
                 "string verdict,bytes32 output,uint16 meter,bytes32 costs,uint64 fuel,uint96 rate,uint96 price,"
                 "uint96 fee,uint96 checks)");
  take_task(&keccak, receipt->task);
  take_address(&keccak, receipt->requester);
  take_address(&keccak, receipt->provider);
  take_word(&keccak, receipt->firmware);
  take_word(&keccak, receipt->input);
  take_text(&keccak, receipt->verdict);
  take_word(&keccak, receipt->output);
  take_number(&keccak, receipt->meter);
  take_word(&keccak, receipt->costs);
  take_number(&keccak, receipt->fuel);
  take_number(&keccak, receipt->rate);
  take_number(&keccak, receipt->price);
  take_number(&keccak, receipt->fee);
  take_number(&keccak, receipt->checks);
  end(&keccak, "hirewire", market, digest);
}
