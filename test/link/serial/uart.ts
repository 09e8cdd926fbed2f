/** A UART's eye on a line whose other end runs at another rate: what arrives is bits in time, not bytes. */
import type { OpenPort } from "../../../src/link/serial/open-port.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const BITS_PER_BYTE = 10;
/** Times that a UART looks at the line in each bit. */
const OVERSAMPLING = 16;

/**
 * What a receiver at one rate makes of bytes sent back to back at another: it waits for a falling edge and samples in the
 * middle of what it takes for bits. 8N1; bytes with a wrong stop bit are delivered as they are.
 *
 * @param phase - how late the receiver notices an edge: 0..1/16 of its bits
 */
export function sampleAt(bytes: Uint8Array, sentBaud: number, heardBaud: number, phase = 0): Uint8Array {
  if (sentBaud === heardBaud) return bytes;
  const levels: number[] = [];
  for (const byte of bytes) {
    levels.push(0);
    for (let bit = 0; bit < 8; bit++) levels.push((byte >> bit) & 1);
    levels.push(1);
  }
  // Times are in bits of the sender; an idle line is high.
  const levelAt = (time: number) => levels[Math.floor(time)] ?? 1;
  const step = sentBaud / heardBaud;
  const heard: number[] = [];
  for (let time = 0; time < levels.length; ) {
    if (levelAt(time) === 1) {
      time = Math.floor(time) + 1;
      continue;
    }
    const start = time + step * phase;
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte |= levelAt(start + step * (bit + 1.5)) << bit;
    if (levelAt(start + step / 2) === 0) heard.push(byte);
    time = start + step * (BITS_PER_BYTE - 0.5);
    while (time < levels.length && levelAt(time) === 0) time = Math.floor(time) + 1;
  }
  return Uint8Array.from(heard);
}

/** The gateway's end of a line; its port can be set to another rate than the board's. */
export function uartPort(clock: VirtualClock, board: { baud: number }, gateway: { baud: number }) {
  let listener = (_bytes: Uint8Array) => {};
  let toBoard = (_bytes: Uint8Array) => {};
  const rates: number[] = [];
  let turns = 0;
  // The clocks of two UARTs drift against each other.
  const phase = () => (turns++ % 7) / 7 / OVERSAMPLING;
  const port: OpenPort = {
    write: (bytes) => {
      clock.after(1, () => toBoard(sampleAt(bytes, gateway.baud, board.baud, phase())));
    },
    send: (_bytes, done) => done(),
    onBytes: (heard) => {
      listener = heard;
    },
    pause: () => {},
    resume: () => {},
    setBaud: (baud) => {
      rates.push(baud);
      gateway.baud = baud;
      return Promise.resolve();
    },
  };
  return {
    port,
    /** Each rate that the port was set to, in order. */
    rates,
    boardPort: {
      write: (bytes: Uint8Array) => {
        clock.after(1, () => listener(sampleAt(bytes, board.baud, gateway.baud, phase())));
      },
      onBytes: (heard: (bytes: Uint8Array) => void) => {
        toBoard = heard;
      },
    },
  };
}
