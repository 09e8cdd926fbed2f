// What Rust's compiler makes of a task in `#[no_mangle] extern "C"`, with its exports and its globals.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

extern u8 __heap_base;
static u8 *next = &__heap_base;

__attribute__((export_name("alloc"))) u8 *alloc(u32 length) {
  u8 *start = next;
  next += (length + 15) & ~15u;
  u32 pages = ((u32)next + 65535) / 65536;
  if (pages > __builtin_wasm_memory_size(0)) __builtin_wasm_memory_grow(0, pages - __builtin_wasm_memory_size(0));
  return start;
}

__attribute__((export_name("run"))) u64 run(const u8 *input, u32 length) {
  u8 *output = alloc(length);
  for (u32 i = 0; i < length; i++) output[i] = input[length - 1 - i];
  return ((u64)(u32)output << 32) | length;
}

__attribute__((export_name("verify"))) int verify(const u8 *input, u32 inputLength, const u8 *output, u32 outputLength) {
  if (inputLength != outputLength) return 0;
  for (u32 i = 0; i < inputLength; i++)
    if (output[i] != input[inputLength - 1 - i]) return 0;
  return 1;
}
