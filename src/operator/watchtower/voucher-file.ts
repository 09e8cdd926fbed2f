/** A file of vouchers that somebody keeps writing: read whenever it has changed. */
import { readFile, stat } from "node:fs/promises";
import { Fault } from "../../base/fault.ts";
import type { VoucherShelf } from "../../settlement/voucher-shelf.ts";
import type { VoucherSource } from "../../settlement/watchtower.ts";
import { vouchersInText } from "./voucher-text.ts";

/** Bytes: some 100,000 vouchers. */
const LARGEST = 64 * 1_024 * 1_024;

export class VoucherFile implements VoucherSource {
  readonly #path: string;
  readonly #shelf: VoucherShelf;
  /** What the file looked like when it was read. */
  #look = "";
  #malformed = 0;

  constructor(path: string, shelf: VoucherShelf) {
    this.#path = path;
    this.#shelf = shelf;
  }

  /** What stood in the file at the newest reading and is no voucher. */
  get malformed(): number {
    return this.#malformed;
  }

  /** @throws {@link Fault} `config_missing` when it cannot be read, `file_format` when it is too large, `disk_failed` */
  async read(): Promise<void> {
    const found = await stat(this.#path).catch(unreadable(this.#path));
    const look = `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (look === this.#look) return;
    if (found.size > LARGEST) {
      throw new Fault("file_format", `${this.#path} has ${found.size} bytes, at most ${LARGEST} are read`);
    }
    const text = await readFile(this.#path, "utf8").catch(unreadable(this.#path));
    const { vouchers, malformed } = vouchersInText(text);
    this.#shelf.offer(
      vouchers.map((voucher) => ({ voucher })),
      { own: true },
    );
    this.#malformed = malformed;
    this.#look = look;
  }
}

function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new Fault("config_missing", `the file of vouchers ${path} cannot be read`, { cause });
  };
}
