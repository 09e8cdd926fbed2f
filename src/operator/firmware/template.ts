/** A first task firmware of one's own: profile `task/1`, in AssemblyScript. */
export const TEMPLATE = `/** Task firmware, profile task/1: gives its input back in capital letters (ASCII). */

/** Gives the address of room for \`size\` bytes; the host writes the input there. */
export function alloc(size: i32): i32 {
  return <i32>heap.alloc(<usize>size);
}

/** Gives the output's address and length as one number: address << 32 | length. */
export function run(input: i32, length: i32): i64 {
  for (let at = input; at < input + length; at++) {
    const letter = load<u8>(at);
    if (letter >= 0x61 && letter <= 0x7a) store<u8>(at, letter - 0x20);
  }
  return ((<i64>input) << 32) | <i64>length;
}
`;
