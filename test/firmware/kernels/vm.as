/**
 * A register machine of bytecodes that counts the steps of the Collatz sequences of 1..n: short blocks and a jump that
 * is hard to predict, as interpreters have them.
 *
 *   input:  u32 n, >= 1
 *   output: u32 sum of the lengths
 */
import { answer } from "./task";

export { alloc } from "./task";

const SET: u8 = 0;
const COPY: u8 = 1;
const ADD: u8 = 2;
const DOWN: u8 = 3;
const HALVE: u8 = 4;
const TRIPLE: u8 = 5;
const ODD: u8 = 6;
const MANY: u8 = 7;
const LEFT: u8 = 8;
const JUMP: u8 = 9;
const LEAVE: u8 = 10;

/** Opcode, register, operand; a jump goes to the operand's row. Registers: 0 number, 1 its sequence, 2 sum, 3 one. */
const program: StaticArray<u8> = [
  SET, 2, 0,
  COPY, 1, 0,
  MANY, 1, 6,
  DOWN, 0, 0,
  LEFT, 0, 1,
  LEAVE, 0, 0,
  ADD, 2, 3,
  ODD, 1, 10,
  HALVE, 1, 0,
  JUMP, 0, 2,
  TRIPLE, 1, 0,
  JUMP, 0, 2,
];
const registers: usize = heap.alloc(16);
const output: usize = heap.alloc(4);

@inline
function register(index: u32): usize {
  return registers + (index << 2);
}

function interpret(): void {
  const code = changetype<usize>(program);
  let row: u32 = 0;
  for (;;) {
    const at = code + 3 * row;
    const target = register(load<u8>(at, 1));
    const operand = <u32>load<u8>(at, 2);
    row++;
    switch (load<u8>(at)) {
      case SET:
        store<u32>(target, operand);
        break;
      case COPY:
        store<u32>(target, load<u32>(register(operand)));
        break;
      case ADD:
        store<u32>(target, load<u32>(target) + load<u32>(register(operand)));
        break;
      case DOWN:
        store<u32>(target, load<u32>(target) - 1);
        break;
      case HALVE:
        store<u32>(target, load<u32>(target) >> 1);
        break;
      case TRIPLE:
        store<u32>(target, 3 * load<u32>(target) + 1);
        break;
      case ODD:
        if (load<u32>(target) & 1) row = operand;
        break;
      case MANY:
        if (load<u32>(target) > 1) row = operand;
        break;
      case LEFT:
        if (load<u32>(target) > 0) row = operand;
        break;
      case JUMP:
        row = operand;
        break;
      default:
        return;
    }
  }
}

export function run(at: i32, _length: i32): i64 {
  store<u32>(register(0), load<u32>(at));
  store<u32>(register(3), 1);
  interpret();
  store<u32>(output, load<u32>(register(2)));
  return answer(output, 4);
}
