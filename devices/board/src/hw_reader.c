#include "hw_message.h"

#include <string.h>

enum { ONE, WORD16, WORD32, WORD64, AMOUNT, HEX, TEXT, CUT, BASE64, KIND = 15, OPTIONAL = 16 };

/** One member: where it stands in the message and in the struct. `size` of HEX, TEXT and CUT: bytes there. */
typedef struct {
  const char *path;
  uint16_t offset;
  uint8_t kind;
  uint8_t size;
} field;

#define AT(member) (uint16_t) offsetof(hw_message, member)
#define VERSION {"version", 0, ONE, 0}

static const field FILE_FIELDS[] = {
    VERSION,
    {"manufacturer", AT(file.manufacturer), TEXT, HW_NAME_SIZE},
    {"serialNumber", AT(file.serial_number), TEXT, HW_NAME_SIZE},
    {"device", AT(file.device), HEX | OPTIONAL, 20},
    {"secret", AT(file.secret), HEX | OPTIONAL, 32},
    {"key", AT(file.key), HEX | OPTIONAL, 32},
    {"gateway", AT(file.market.gateway), HEX, 20},
    {"chainId", AT(file.market.chain_id), WORD64, 0},
    {"vault", AT(file.market.vault), HEX, 20},
    {"token", AT(file.market.token), HEX, 20},
};

static const field CHALLENGE_FIELDS[] = {
    VERSION,
    {"nonce", AT(challenge.nonce), HEX, 32},
    {"time", AT(challenge.time), WORD64, 0},
};

static const field ACK_FIELDS[] = {
    VERSION,
    {"id", AT(ack.id), CUT, sizeof(((hw_ack *)0)->id)},
    {"task", AT(ack.task), HEX | OPTIONAL, 16},
    {"terms.time", AT(ack.terms.time), WORD64 | OPTIONAL, 0},
    {"terms.gateway", AT(ack.terms.market.gateway), HEX | OPTIONAL, 20},
    {"terms.chainId", AT(ack.terms.market.chain_id), WORD64 | OPTIONAL, 0},
    {"terms.vault", AT(ack.terms.market.vault), HEX | OPTIONAL, 20},
    {"terms.token", AT(ack.terms.market.token), HEX | OPTIONAL, 20},
    {"terms.firmware.meter", AT(ack.terms.meter), WORD16 | OPTIONAL, 0},
    {"terms.firmware.costs", AT(ack.terms.costs), HEX | OPTIONAL, 32},
    {"terms.firmware.maxFuel", AT(ack.terms.max_fuel), WORD64 | OPTIONAL, 0},
    {"terms.lane.epoch", AT(ack.terms.lane.epoch), WORD32 | OPTIONAL, 0},
    {"terms.lane.deposit", AT(ack.terms.lane.deposit), AMOUNT | OPTIONAL, 0},
    {"terms.lane.signed", AT(ack.terms.lane.total), AMOUNT | OPTIONAL, 0},
    {"terms.lane.settled", AT(ack.terms.lane.settled), AMOUNT | OPTIONAL, 0},
    {"terms.lane.closeAt", AT(ack.terms.lane.close_at), WORD64 | OPTIONAL, 0},
    {"terms.lane.credit", AT(ack.terms.lane.credit), AMOUNT | OPTIONAL, 0},
    {"terms.lane.held", AT(ack.terms.lane.held), AMOUNT | OPTIONAL, 0},
    {"terms.lane.owed", AT(ack.terms.lane.owed), AMOUNT | OPTIONAL, 0},
    {"terms.lane.voucher.epoch", AT(ack.terms.lane.voucher.epoch), WORD32 | OPTIONAL, 0},
    {"terms.lane.voucher.cumulative", AT(ack.terms.lane.voucher.cumulative), AMOUNT | OPTIONAL, 0},
    {"terms.lane.voucher.signature", AT(ack.terms.lane.voucher_signature), HEX | OPTIONAL, 65},
};

static const field REFUSAL_FIELDS[] = {
    VERSION,
    {"id", AT(refusal.id), CUT | OPTIONAL, sizeof(((hw_refusal *)0)->id)},
    {"topic", AT(refusal.topic), CUT, sizeof(((hw_refusal *)0)->topic)},
    {"code", AT(refusal.code), TEXT, sizeof(((hw_refusal *)0)->code)},
    {"hint", AT(refusal.hint), CUT, sizeof(((hw_refusal *)0)->hint)},
};

static const field ANSWER_FIELDS[] = {
    VERSION,
    {"task", AT(answer.task), HEX, 16},
    {"state", AT(answer.state), TEXT, sizeof(((hw_answer *)0)->state)},
    {"reason", AT(answer.reason), CUT, sizeof(((hw_answer *)0)->reason)},
    {"verdict", AT(answer.verdict), TEXT | OPTIONAL, HW_VERDICT_SIZE},
    {"output", AT(answer.output), HEX | OPTIONAL, 32},
    {"outputBytes", AT(answer.output_bytes), WORD32, 0},
    {"fuel", AT(answer.fuel), WORD64, 0},
    {"salt", AT(answer.salt), HEX | OPTIONAL, 32},
    {"spent", AT(answer.spent), AMOUNT, 0},
    {"credit", AT(answer.credit), AMOUNT, 0},
    {"provider", AT(answer.provider), HEX | OPTIONAL, 20},
};

static const field INVOICE_FIELDS[] = {
    VERSION,
    {"task", AT(invoice.task), HEX, 16},
    {"provider", AT(invoice.provider), HEX, 20},
    {"award", AT(invoice.award), HEX, 32},
    {"accept", AT(invoice.accept), HEX, 65},
    {"verdict", AT(invoice.verdict), TEXT, HW_VERDICT_SIZE},
    {"fuel", AT(invoice.fuel), WORD64, 0},
    {"rate", AT(invoice.rate), AMOUNT, 0},
    {"saltedOutput", AT(invoice.salted_output), HEX, 32},
    {"outputBytes", AT(invoice.output_bytes), WORD32, 0},
    {"price", AT(invoice.price), AMOUNT, 0},
    {"fee", AT(invoice.fee), AMOUNT, 0},
    {"checks", AT(invoice.checks), AMOUNT, 0},
    {"due", AT(invoice.due), WORD64, 0},
    {"signature", AT(invoice.signature), HEX, 65},
};

static const field RECEIPT_FIELDS[] = {
    VERSION,
    {"task", AT(receipt.task), HEX, 16},
    {"requester", AT(receipt.requester), HEX, 20},
    {"provider", AT(receipt.provider), HEX, 20},
    {"firmware", AT(receipt.firmware), HEX, 32},
    {"input", AT(receipt.input), HEX, 32},
    {"verdict", AT(receipt.verdict), TEXT, HW_VERDICT_SIZE},
    {"output", AT(receipt.output), HEX | OPTIONAL, 32},
    {"meter", AT(receipt.meter), WORD32, 0},
    {"costs", AT(receipt.costs), HEX, 32},
    {"fuel", AT(receipt.fuel), WORD64, 0},
    {"rate", AT(receipt.rate), AMOUNT, 0},
    {"price", AT(receipt.price), AMOUNT, 0},
    {"fee", AT(receipt.fee), AMOUNT, 0},
    {"checks", AT(receipt.checks), AMOUNT, 0},
    {"signature", AT(receipt.signature), HEX, 65},
};

static const field BLOB_GET_FIELDS[] = {
    VERSION,
    {"from", AT(blob_get.from), TEXT, sizeof(((hw_blob_get *)0)->from)},
    {"hash", AT(blob_get.hash), HEX, 32},
    {"offset", AT(blob_get.offset), WORD32, 0},
    {"length", AT(blob_get.length), WORD32, 0},
};

static const field BLOB_DATA_FIELDS[] = {
    VERSION,
    {"from", AT(blob_data.from), TEXT, sizeof(((hw_blob_data *)0)->from)},
    {"hash", AT(blob_data.hash), HEX, 32},
    {"offset", AT(blob_data.offset), WORD32, 0},
    {"total", AT(blob_data.total), WORD32, 0},
    {"bytes", AT(blob_data.count), BASE64, 0},
};

#define TABLE(fields) fields, (uint8_t)(sizeof fields / sizeof fields[0])

/** By hw_reads. */
static const struct {
  const char *level;
  const field *fields;
  uint8_t count;
} TABLES[] = {
    {"", NULL, 0},
    {"", TABLE(FILE_FIELDS)},
    {"challenge", TABLE(CHALLENGE_FIELDS)},
    {"ack", TABLE(ACK_FIELDS)},
    {"refusal", TABLE(REFUSAL_FIELDS)},
    {"answer", TABLE(ANSWER_FIELDS)},
    {"invoice", TABLE(INVOICE_FIELDS)},
    {"receipt", TABLE(RECEIPT_FIELDS)},
    {"blob-get", TABLE(BLOB_GET_FIELDS)},
    {"blob-data", TABLE(BLOB_DATA_FIELDS)},
};

hw_reads hw_reads_of(const char *level) {
  for (unsigned i = HW_READS_CHALLENGE; i < sizeof TABLES / sizeof TABLES[0]; i++)
    if (strcmp(level, TABLES[i].level) == 0) return (hw_reads)i;
  return HW_READS_NOTHING;
}

/** The field at the reader's path, or NULL. */
static const field *field_here(const hw_reader *reader) {
  const field *fields = TABLES[reader->reads].fields;
  for (unsigned i = 0; i < TABLES[reader->reads].count; i++) {
    const size_t length = strlen(fields[i].path);
    if (length == reader->path_length && memcmp(fields[i].path, reader->path, length) == 0) return &fields[i];
  }
  return NULL;
}

static bool read_text(char *into, uint8_t size, bool is_cut, const char *text, size_t length) {
  if (length >= size && !is_cut) return false;
  const size_t kept = length < size ? length : size - 1u;
  memcpy(into, text, kept);
  into[kept] = 0;
  return true;
}

static bool read_string(hw_reader *reader, const field *here, const char *text, size_t length) {
  uint8_t *into = (uint8_t *)reader->message + here->offset;
  uint64_t amount = 0;
  switch (here->kind & KIND) {
    case HEX: return hw_hex_read_prefixed(text, length, into, here->size);
    case TEXT: return read_text((char *)into, here->size, false, text, length);
    case CUT: return read_text((char *)into, here->size, true, text, length);
    case AMOUNT:
      if (!hw_decimal_read(text, length, &amount)) return false;
      memcpy(into, &amount, sizeof amount);
      return true;
    default: return false;
  }
}

static bool read_number(hw_reader *reader, const field *here, const char *text, size_t length) {
  uint8_t *into = (uint8_t *)reader->message + here->offset;
  uint64_t number = 0;
  if (!hw_decimal_read(text, length, &number)) return false;
  const uint32_t number32 = (uint32_t)number;
  const uint16_t number16 = (uint16_t)number;
  switch (here->kind & KIND) {
    case ONE: return number == 1;
    case WORD16: memcpy(into, &number16, sizeof number16); return number == number16;
    case WORD32: memcpy(into, &number32, sizeof number32); return number == number32;
    case WORD64: memcpy(into, &number, sizeof number); return true;
    default: return false;
  }
}

static bool read_base64(hw_reader *reader, const char *text, size_t length) {
  uint32_t *count = &reader->message->blob_data.count;
  for (size_t i = 0; i < length; i++) {
    uint8_t bytes[3];
    const int came = hw_base64_take(&reader->base64, text[i], bytes);
    if (came < 0) return false;
    for (int j = 0; j < came; j++, (*count)++) {
      if (*count == reader->bytes_size) return false;
      reader->bytes[*count] = bytes[j];
    }
  }
  return true;
}

/** A string at a field, all of it or a part. */
static bool take_string(hw_reader *reader, const field *here, bool is_last, const char *text, size_t length) {
  const bool is_first = !reader->is_long;
  const uint8_t kind = here->kind & KIND;
  reader->is_long = !is_last;
  if (kind == BASE64) {
    if (is_first) {
      hw_base64_begin(&reader->base64);
      reader->message->blob_data.count = 0;
    }
    return read_base64(reader, text, length) && (!is_last || hw_base64_end(&reader->base64));
  }
  if (kind == CUT && !is_first) return true;
  return (is_first && is_last) || kind == CUT ? read_string(reader, here, text, length) : false;
}

/** Longer than any field's path: what is below it is no field's either. */
#define NOWHERE UINT8_MAX

/** One more key at the end of the path. */
static void enter(hw_reader *reader, const char *key, size_t length) {
  const uint8_t depth = reader->json.depth;
  const size_t before = reader->opened[depth];
  const size_t dot = before > 0 ? 1u : 0u;
  if (before + dot + length > sizeof reader->path) {
    reader->path_length = NOWHERE;
    return;
  }
  if (dot == 1) reader->path[before] = '.';
  memcpy(reader->path + before + dot, key, length);
  reader->path_length = (uint8_t)(before + dot + length);
}

static bool take_value(hw_reader *reader, hw_json_token token, const char *text, size_t length) {
  const field *here = field_here(reader);
  if (here == NULL) return true;
  const uint32_t bit = (uint32_t)1 << (here - TABLES[reader->reads].fields);
  switch (token) {
    case HW_JSON_NULL: return (here->kind & OPTIONAL) != 0;
    case HW_JSON_NUMBER: reader->seen |= bit; return read_number(reader, here, text, length);
    case HW_JSON_STRING_PART: return take_string(reader, here, false, text, length);
    case HW_JSON_STRING: reader->seen |= bit; return take_string(reader, here, true, text, length);
    default: return false;
  }
}

static void take(void *context, hw_json_token token, const char *text, size_t length) {
  hw_reader *reader = context;
  if (token == HW_JSON_KEY) {
    enter(reader, text, length);
    return;
  }
  if (token == HW_JSON_OBJECT_END || token == HW_JSON_ARRAY_END) {
    reader->path_length = reader->opened[reader->json.depth];
    return;
  }
  const bool is_root = reader->json.depth == 1 && token == HW_JSON_OBJECT;
  if (!is_root && !take_value(reader, token, text, length)) reader->is_bad = true;
  if (token == HW_JSON_ARRAY) enter(reader, "[", 1);
  if (token == HW_JSON_OBJECT || token == HW_JSON_ARRAY) reader->opened[reader->json.depth] = reader->path_length;
  if (reader->json.depth == 0) reader->is_bad = true;
}

void hw_reader_begin(hw_reader *reader, hw_reads reads, hw_message *message, uint8_t *bytes, uint32_t bytes_size) {
  memset(message, 0, sizeof *message);
  reader->message = message;
  reader->reads = reads;
  reader->bytes = bytes;
  reader->bytes_size = bytes_size;
  reader->seen = 0;
  reader->is_bad = false;
  reader->is_long = false;
  reader->path_length = 0;
  memset(reader->opened, 0, sizeof reader->opened);
  hw_json_begin(&reader->json, take, reader);
}

void hw_reader_feed(hw_reader *reader, const void *bytes, size_t count) {
  if (!hw_json_feed(&reader->json, bytes, count)) reader->is_bad = true;
}

bool hw_reader_end(hw_reader *reader) {
  if (!hw_json_end(&reader->json) || reader->is_bad) return false;
  const field *fields = TABLES[reader->reads].fields;
  for (unsigned i = 0; i < TABLES[reader->reads].count; i++)
    if ((fields[i].kind & OPTIONAL) == 0 && (reader->seen >> i & 1u) == 0) return false;
  return true;
}
