/**
 * Quicksort with a comparison behind a function pointer, then a hash table of what was sorted: code as clang writes it.
 *
 *   input:  u32 n (<= 32,768), u32 seed
 *   output: u32 hash of the sorted words, u32 words found in the table
 */
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int (*order)(u32, u32);

#define EXPORT(name) __attribute__((export_name(name)))
#define MOST 32768u
#define SLOTS 65536u

static u32 words[MOST];
static u32 slots[SLOTS];
static u32 output[2];
static unsigned char room[65536];
static u32 used;

EXPORT("alloc") void *allocate(int length) {
  void *at = room + used;
  used += ((u32)length + 15u) & ~15u;
  return at;
}

static int ascending(u32 a, u32 b) { return a < b; }
static int descending(u32 a, u32 b) { return a > b; }
/** By the low half first: the optimiser cannot know which order is asked for. */
static int swapped(u32 a, u32 b) { return (a << 16 | a >> 16) < (b << 16 | b >> 16); }
static const order orders[] = {ascending, descending, swapped};

static void sort(u32 *at, int low, int high, order before) {
  while (low < high) {
    u32 pivot = at[low + (high - low) / 2];
    int left = low, right = high;
    while (left <= right) {
      while (before(at[left], pivot)) left++;
      while (before(pivot, at[right])) right--;
      if (left > right) break;
      u32 moved = at[left];
      at[left++] = at[right];
      at[right--] = moved;
    }
    sort(at, low, right, before);
    low = left;
  }
}

static u32 slot_of(u32 word) { return (word * 2654435761u) >> 16; }

static void insert(u32 word) {
  u32 slot = slot_of(word);
  while (slots[slot] != 0 && slots[slot] != word) slot = (slot + 1) % SLOTS;
  slots[slot] = word;
}

static int find(u32 word) {
  for (u32 slot = slot_of(word); slots[slot] != 0; slot = (slot + 1) % SLOTS)
    if (slots[slot] == word) return 1;
  return 0;
}

EXPORT("run") u64 run(const u32 *input, int length) {
  u32 count = input[0] > MOST ? MOST : input[0];
  u32 state = input[1] | 1u;
  for (u32 i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    words[i] = state;
  }
  sort(words, 0, (int)count - 1, orders[input[1] % 3u]);
  for (u32 i = 0; i < SLOTS; i++) slots[i] = 0;
  for (u32 i = 0; i < count; i++) insert(words[i]);
  u32 hash = 2166136261u, found = 0;
  for (u32 i = 0; i < count; i++) {
    hash = (hash ^ words[i]) * 16777619u;
    found += (u32)find(words[i] ^ (i & 1u));
  }
  output[0] = hash;
  output[1] = found;
  return (u64)(u32)(unsigned long)output << 32 | sizeof output;
}
