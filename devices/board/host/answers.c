/**
 * The library's answers to questions on standard input, one to a line, for tests that know better: words parted by
 * spaces, the first says what is asked, bytes are hexadecimal. An answer is one line; `?` is one that there is none
 * for.
 */
#include "hw_bill.h"
#include "hw_keccak.h"
#include "hw_message.h"
#include "hw_wallet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 24
#define LINE_SIZE (1u << 20)

static char line[LINE_SIZE];
static uint8_t bytes[LINE_SIZE / 2];
static char *words[MOST_WORDS];
static unsigned count;

/** The bytes of a word; `-` stands for none. */
static size_t bytes_of(const char *word, uint8_t *into) {
  const size_t length = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;
  if (length > 0 && !hw_hex_read(word, strlen(word), into, length)) exit(2);
  return length;
}

static uint64_t number_of(const char *word) {
  uint64_t number = 0;
  if (!hw_decimal_read(word, strlen(word), &number)) exit(3);
  return number;
}

static void tell(const uint8_t *told, size_t length) {
  for (size_t i = 0; i < length; i++) printf("%02x", told[i]);
  printf("\n");
}

static hw_market market_of(char **from) {
  hw_market market;
  market.chain_id = number_of(from[0]);
  bytes_of(from[1], market.vault);
  bytes_of(from[2], market.gateway);
  bytes_of(from[3], market.token);
  return market;
}

static void tell_keccak(void) {
  uint8_t digest[32];
  hw_keccak_of(bytes, bytes_of(words[1], bytes), digest);
  tell(digest, sizeof digest);
}

/** sha256 BYTES CUT: the bytes in pieces. */
static void tell_sha256(void) {
  uint8_t digest[32];
  hw_sha256 sha;
  const size_t length = bytes_of(words[1], bytes);
  const size_t cut = (size_t)number_of(words[2]);
  hw_sha256_begin(&sha);
  for (size_t at = 0; at < length; at += cut) hw_sha256_take(&sha, bytes + at, length - at < cut ? length - at : cut);
  hw_sha256_end(&sha, digest);
  tell(digest, sizeof digest);
}

static void tell_hmac(void) {
  uint8_t key[32];
  uint8_t code[32];
  hw_hmac hmac;
  bytes_of(words[1], key);
  hw_hmac_begin(&hmac, key);
  hw_hmac_take(&hmac, bytes, bytes_of(words[2], bytes));
  hw_hmac_end(&hmac, code);
  tell(code, sizeof code);
}

static void tell_voucher(void) {
  uint8_t digest[32];
  const hw_market market = market_of(words + 1);
  const hw_voucher voucher = {.epoch = (uint32_t)number_of(words[5]), .cumulative = number_of(words[6])};
  hw_voucher_digest(&market, &voucher, digest);
  tell(digest, sizeof digest);
}

static void tell_connect(void) {
  uint8_t digest[32];
  uint8_t nonce[32];
  const hw_market market = market_of(words + 1);
  bytes_of(words[8], nonce);
  const hw_connect connect = {words[5], number_of(words[6]), number_of(words[7]), nonce};
  hw_connect_digest(&market, &connect, digest);
  tell(digest, sizeof digest);
}

static void tell_accept(void) {
  uint8_t digest[32];
  uint8_t award[32];
  const hw_market market = market_of(words + 1);
  bytes_of(words[5], award);
  hw_accept_digest(&market, award, digest);
  tell(digest, sizeof digest);
}

static void read_offer(char **from, hw_offer *offer) {
  memset(offer, 0, sizeof *offer);
  strcpy(offer->id, from[0]);
  bytes_of(from[1], offer->firmware);
  offer->firmware_bytes = (uint32_t)number_of(from[2]);
  bytes_of(from[3], offer->input);
  offer->input_bytes = (uint32_t)number_of(from[4]);
  offer->max_price = number_of(from[5]);
  offer->check_budget = number_of(from[6]);
  offer->deadline = number_of(from[7]);
  offer->is_on_result = strcmp(from[8], "result") == 0;
  strcpy(offer->profile, from[9]);
  offer->memory_mib = (uint16_t)number_of(from[10]);
  offer->fuel_limit = number_of(from[11]);
  offer->meter = (uint16_t)number_of(from[12]);
  bytes_of(from[13], offer->costs);
}

/** offer MARKET REQUESTER FIELDS: the digest, then the draft. */
static void tell_offer(void) {
  uint8_t digest[32];
  uint8_t requester[20];
  char text[1024];
  hw_offer offer;
  hw_text draft;
  const hw_market market = market_of(words + 1);
  bytes_of(words[5], requester);
  read_offer(words + 6, &offer);
  hw_offer_digest(&market, requester, &offer, digest);
  hw_text_begin(&draft, text, sizeof text);
  hw_write_offer(&draft, &offer, NULL, 0, NULL);
  for (size_t i = 0; i < sizeof digest; i++) printf("%02x", digest[i]);
  printf(" %.*s\n", (int)draft.length, draft.text);
}

static bool read_message(hw_reads reads, size_t length, size_t cut, hw_message *message, uint8_t *blob, uint32_t size) {
  hw_reader reader;
  hw_reader_begin(&reader, reads, message, blob, size);
  for (size_t at = 0; at < length; at += cut)
    hw_reader_feed(&reader, bytes + at, length - at < cut ? length - at : cut);
  return hw_reader_end(&reader);
}

/** invoice|receipt MARKET REQUESTER MESSAGE: the digest of what was read. */
static void tell_signed(bool is_invoice) {
  uint8_t digest[32];
  uint8_t requester[20];
  hw_message message;
  const hw_market market = market_of(words + 1);
  bytes_of(words[5], requester);
  const size_t length = bytes_of(words[6], bytes);
  if (!read_message(is_invoice ? HW_READS_INVOICE : HW_READS_RECEIPT, length, 7, &message, NULL, 0)) {
    printf("?\n");
    return;
  }
  if (is_invoice) hw_invoice_digest(&market, requester, &message.invoice, digest);
  else hw_receipt_digest(&market, &message.receipt, digest);
  tell(digest, sizeof digest);
}

/** read LEVEL CUT MESSAGE: what was read as it stands in memory, where a test may compare two readings; or `?`. */
static void tell_reading(void) {
  static hw_message message;
  static uint8_t blob[512];
  const hw_reads reads = strcmp(words[1], "file") == 0 ? HW_READS_FILE : hw_reads_of(words[1]);
  const size_t length = bytes_of(words[3], bytes);
  memset(blob, 0, sizeof blob);
  if (!read_message(reads, length, (size_t)number_of(words[2]), &message, blob, sizeof blob)) {
    printf("?\n");
    return;
  }
  if (reads == HW_READS_ACK) {
    const hw_lane *lane = &message.ack.terms.lane;
    printf("%s %llu %u %llu %llu %llu %llu\n", message.ack.id, (unsigned long long)message.ack.terms.time, lane->epoch,
           (unsigned long long)lane->deposit, (unsigned long long)lane->total, (unsigned long long)lane->credit,
           (unsigned long long)lane->voucher.cumulative);
  } else if (reads == HW_READS_BLOB_DATA) {
    printf("%u %u %u ", message.blob_data.offset, message.blob_data.total, message.blob_data.count);
    tell(blob, message.blob_data.count);
  } else if (reads == HW_READS_REFUSAL) {
    printf("%s %s\n", message.refusal.code, message.refusal.hint);
  } else {
    printf("read\n");
  }
}

static void put_token(void *context, hw_json_token token, const char *text, size_t length) {
  static const char MARKS[] = "{}[]kpsntfu";
  (void)context;
  printf("%c", MARKS[token]);
  for (size_t i = 0; i < length; i++) printf("%02x", (unsigned)(uint8_t)text[i]);
  printf(" ");
}

/** json CUT TEXT: the tokens, then `ok` or `?`. */
static void tell_json(void) {
  hw_json json;
  const size_t cut = (size_t)number_of(words[1]);
  const size_t length = bytes_of(words[2], bytes);
  hw_json_begin(&json, put_token, NULL);
  for (size_t at = 0; at < length; at += cut) hw_json_feed(&json, bytes + at, length - at < cut ? length - at : cut);
  printf("%s\n", hw_json_end(&json) ? "ok" : "?");
}

static void tell_price(void) {
  uint64_t price = 0;
  const bool is_one = hw_price_of(number_of(words[1]), number_of(words[2]), &price);
  if (is_one) printf("%llu\n", (unsigned long long)price);
  else printf("?\n");
}

/** amount TEXT: the number it stands for. */
static void tell_amount(void) {
  uint64_t amount = 0;
  const size_t length = bytes_of(words[1], bytes);
  if (hw_decimal_read((const char *)bytes, length, &amount)) printf("%llu\n", (unsigned long long)amount);
  else printf("?\n");
}

/**
 * seal SECRET GATEWAY DEVICE SLOT GATEWAY_NONCE BOARD_NONCE LEVEL BODY SEALED: the login's code, the body sealed up
 * twice, and whether SEALED is the first message down.
 */
static void tell_seal(void) {
  static hw_seal seal;
  uint8_t secret[32], gateway[20], device[20], gateway_nonce[32], board_nonce[16], code[32], end[HW_SEAL_SIZE];
  bytes_of(words[1], secret);
  bytes_of(words[2], gateway);
  bytes_of(words[3], device);
  bytes_of(words[5], gateway_nonce);
  bytes_of(words[6], board_nonce);
  const hw_seal_terms terms = {secret, gateway, device, words[4], gateway_nonce, board_nonce};
  hw_seal_open(&seal, &terms, code);
  for (size_t i = 0; i < sizeof code; i++) printf("%02x", code[i]);
  const size_t length = bytes_of(words[8], bytes);
  for (unsigned round = 0; round < 2; round++) {
    hw_seal_say(&seal, words[7]);
    hw_seal_say_bytes(&seal, bytes, length);
    hw_seal_said(&seal, end);
    printf(" ");
    for (size_t i = 0; i < sizeof end; i++) printf("%02x", end[i]);
  }
  const size_t sealed = bytes_of(words[9], bytes);
  hw_seal_hear(&seal, words[7]);
  const size_t body = sealed > HW_SEAL_SIZE ? sealed - HW_SEAL_SIZE : 0;
  hw_seal_hear_bytes(&seal, bytes, body);
  printf(" %s\n", hw_seal_heard(&seal, bytes + body) ? "held" : "broken");
}

static void tell_proof(void) {
  uint8_t secret[32], gateway[20], device[20], proof[32];
  bytes_of(words[1], secret);
  bytes_of(words[2], gateway);
  bytes_of(words[3], device);
  hw_seal_proof(secret, gateway, device, proof);
  tell(proof, sizeof proof);
}

static bool open_wallet(hw_wallet *wallet, const char *key) {
  hw_file file;
  memset(&file, 0, sizeof file);
  bytes_of(key, file.key);
  return hw_wallet_open(wallet, &file);
}

/** sign KEY DIGEST: the address and the signature. */
static void tell_signature(void) {
  static hw_wallet wallet;
  uint8_t digest[32], signature[65];
  bytes_of(words[2], digest);
  if (!open_wallet(&wallet, words[1]) || !hw_wallet_sign(&wallet, digest, signature)) {
    printf("?\n");
    return;
  }
  for (size_t i = 0; i < 20; i++) printf("%02x", wallet.address[i]);
  printf(" ");
  tell(signature, sizeof signature);
}

static void tell_signer(void) {
  uint8_t account[20], digest[32], signature[65];
  bytes_of(words[1], account);
  bytes_of(words[2], digest);
  bytes_of(words[3], signature);
  printf("%s\n", hw_wallet_is_signed_by(account, digest, signature) ? "yes" : "no");
}

/** token KEY SLOT TIME NONCE MARKET: what a login carries. */
static void tell_token(void) {
  static hw_wallet wallet;
  char token[HW_TOKEN_SIZE];
  const hw_market market = market_of(words + 5);
  hw_login login = {.market = &market, .slot = words[2], .time = number_of(words[3])};
  bytes_of(words[4], login.gateway_nonce);
  if (!open_wallet(&wallet, words[1]) || !hw_wallet_login(&wallet, &login, token)) printf("?\n");
  else printf("%s\n", token);
}

static void tell_invoice(void) {
  tell_signed(true);
}

static void tell_receipt(void) {
  tell_signed(false);
}

static const struct {
  const char *name;
  unsigned words;
  void (*tell)(void);
} QUESTIONS[] = {
    {"keccak", 2, tell_keccak},   {"sha256", 3, tell_sha256},   {"hmac", 3, tell_hmac},
    {"voucher", 7, tell_voucher}, {"connect", 9, tell_connect}, {"accept", 6, tell_accept},
    {"offer", 20, tell_offer},    {"invoice", 7, tell_invoice}, {"receipt", 7, tell_receipt},
    {"read", 4, tell_reading},    {"json", 3, tell_json},       {"price", 3, tell_price},
    {"amount", 2, tell_amount},   {"seal", 10, tell_seal},      {"proof", 4, tell_proof},
    {"sign", 3, tell_signature},  {"signer", 4, tell_signer},   {"token", 9, tell_token},
};

static bool ask(void) {
  for (unsigned i = 0; i < sizeof QUESTIONS / sizeof QUESTIONS[0]; i++) {
    if (strcmp(words[0], QUESTIONS[i].name) != 0 || count != QUESTIONS[i].words) continue;
    QUESTIONS[i].tell();
    return true;
  }
  return false;
}

int main(void) {
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    count = 0;
    for (char *word = strtok(line, " "); word != NULL && count < MOST_WORDS; word = strtok(NULL, " "))
      words[count++] = word;
    if (count == 0 || !ask()) {
      fprintf(stderr, "not a question: %s\n", count == 0 ? "" : words[0]);
      return 1;
    }
  }
  return 0;
}
