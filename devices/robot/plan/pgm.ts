/** Grey images in the binary PGM format: https://netpbm.sourceforge.net/doc/pgm.html. */
import { mapFault } from "./map-file.ts";

export interface Pgm {
  readonly width: number;
  readonly height: number;
  /** The value of white, 1..65535. */
  readonly maxval: number;
  /** Row by row from the top, `0..maxval`. */
  readonly pixels: Uint16Array;
}

/** Digits and blanks of a header number, with comments in between. */
interface Header {
  readonly bytes: Uint8Array;
  readonly file: string;
  at: number;
  line: number;
}

const NEWLINE = 10;
const HASH = 35;

/**
 * Reads a `P5` file: 8-bit samples, or 16-bit big-endian ones when maxval is above 255. `file` names it in faults.
 *
 * @throws {@link Fault} `file_format`
 */
export function parsePgm(bytes: Uint8Array, file: string): Pgm {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x35) throw mapFault(file, 1, 'expected "P5"');
  const header: Header = { bytes, file, at: 2, line: 1 };
  const width = readNumber(header, "width");
  const height = readNumber(header, "height");
  const maxval = readNumber(header, "maxval");
  // exactly one blank ends the header: the next byte is a sample, whatever it looks like
  const start = header.at + 1;
  const sampleBytes = maxval > 255 ? 2 : 1;
  const count = width * height;
  if (bytes.length < start + count * sampleBytes) {
    const found = Math.max(bytes.length - start, 0);
    throw mapFault(file, header.line, `expected ${count * sampleBytes} bytes of samples, found ${found}`);
  }
  const pixels = new Uint16Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  for (let i = 0; i < count; i++) {
    const value = sampleBytes === 1 ? view.getUint8(i) : view.getUint16(2 * i);
    if (value > maxval)
      throw mapFault(file, header.line, `sample ${i} is ${value}, above the maxval ${maxval}`);
    pixels[i] = value;
  }
  return { width, height, maxval, pixels };
}

function readNumber(header: Header, name: string): number {
  skipBlanks(header);
  let digits = "";
  while (isDigit(header.bytes[header.at]) && digits.length < 6) {
    digits += String.fromCharCode(header.bytes[header.at] ?? 0);
    header.at++;
  }
  const value = Number(digits);
  if (value < 1 || value > 65_535 || !isBlank(header.bytes[header.at])) {
    throw mapFault(header.file, header.line, `expected a ${name} within 1..65535`);
  }
  return value;
}

function skipBlanks(header: Header): void {
  let isComment = false;
  for (;;) {
    const byte = header.bytes[header.at];
    if (byte === HASH) isComment = true;
    if (byte === undefined || !(isComment || isBlank(byte))) return;
    if (byte === NEWLINE) {
      isComment = false;
      header.line++;
    }
    header.at++;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}
