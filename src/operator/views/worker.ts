/** The views' thread: follows the journal, and answers questions in between. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { Librarian } from "./librarian.ts";
import type { Request, Response, ToldFault, WorkerStart } from "./messages.ts";
import { Reader } from "./reader.ts";
import type { ChainSight } from "./sight.ts";

/** How often the journal is looked at when nobody says that there is more, milliseconds. */
const LOOK_MS = 2_000;

/** How long a journal that cannot be read is left alone, milliseconds. */
const TROUBLE_MS = 5_000;

/** How often it is said how far the journal was read, entries. */
const TELL_EVERY = 10_000;

class Thread {
  readonly #port: MessagePort;
  readonly #start: WorkerStart;
  readonly #clock: Clock;
  #reader: Reader | null = null;
  #librarian: Librarian | null = null;
  #sight: ChainSight | null = null;
  #trouble: Fault | null = null;
  /** Asked to be told when the journal is read to where it ended then. */
  #waiting: { readonly id: number; readonly upTo: number }[] = [];
  #cancelLook: (() => void) | null = null;
  #isTurning: boolean = false;
  #told = -1;

  constructor(port: MessagePort, start: WorkerStart, clock: Clock) {
    this.#port = port;
    this.#start = start;
    this.#clock = clock;
  }

  run(): void {
    this.#port.on("message", (request: Request) => this.#take(request));
    this.#turn();
  }

  #take(request: Request): void {
    if ("noted" in request) this.#turn();
    else if ("sight" in request) this.#sight = request.sight;
    else this.#answer(request);
    if (this.#reader) this.#reader.sight = this.#sight;
  }

  #answer({ id, ask, asked }: Extract<Request, { ask: unknown }>): void {
    try {
      if (ask === "close") this.#close(id);
      else if (ask === "caughtUp") this.#wait(id);
      else {
        const answers = this.#librarian;
        if (!answers) throw this.#trouble ?? new Fault("impossible", "the views have not begun");
        const answer = (answers[ask] as (...asked: readonly unknown[]) => unknown)(...asked);
        this.#post({ id, answer });
      }
    } catch (cause) {
      this.#post({ id, fault: told(cause) });
      this.#mend(cause);
    }
  }

  /** A file that turns out to be damaged is made anew. */
  #mend(cause: unknown): void {
    if (!isDamage(cause) || !this.#reader) return;
    this.#reader.restart();
    this.#turn();
  }

  /** Reads a portion of the journal, and the next one once everybody else had a turn. */
  #turn(): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    if (this.#isTurning) return;
    this.#isTurning = true;
    let next = LOOK_MS;
    try {
      const reader = this.#opened();
      next = reader.follow() ? 0 : LOOK_MS;
      this.#untroubled();
      const { entries, of } = reader.read();
      if (next > 0 || entries - this.#told >= TELL_EVERY) this.#tell({ entries, of });
      this.#release(entries);
    } catch (cause) {
      next = TROUBLE_MS;
      this.#troubled(cause);
      if (isDamage(cause)) this.#reader?.restart();
    }
    const again = () => {
      this.#isTurning = false;
      this.#turn();
    };
    if (next === 0) setImmediate(again);
    else {
      this.#isTurning = false;
      this.#cancelLook = this.#clock.after(next, () => this.#turn());
    }
  }

  #opened(): Reader {
    if (this.#reader) return this.#reader;
    const { data, explorer } = this.#start;
    const reader = new Reader(data, this.#clock);
    this.#reader = reader;
    this.#librarian = new Librarian(reader, () => this.#clock.now(), explorer);
    return reader;
  }

  #wait(id: number): void {
    if (this.#trouble) throw this.#trouble;
    const upTo = this.#reader?.read().of ?? 0;
    this.#waiting.push({ id, upTo });
    this.#turn();
  }

  #release(entries: number): void {
    const done = this.#waiting.filter(({ upTo }) => upTo <= entries);
    this.#waiting = this.#waiting.filter(({ upTo }) => upTo > entries);
    for (const { id } of done) this.#post({ id, answer: this.#reader?.read() });
  }

  #close(id: number): void {
    this.#cancelLook?.();
    this.#isTurning = true;
    try {
      this.#reader?.close();
    } finally {
      this.#post({ id, answer: null });
      this.#port.close();
    }
  }

  #tell(read: { entries: number; of: number }): void {
    if (read.entries === this.#told) return;
    this.#told = read.entries;
    this.#post({ read });
  }

  #troubled(cause: unknown): void {
    const fault = asFault(cause);
    const isNew = this.#trouble?.message !== fault.message;
    this.#trouble = fault;
    if (isNew) this.#post({ trouble: told(fault) });
    for (const { id } of this.#waiting.splice(0)) this.#post({ id, fault: told(fault) });
  }

  #untroubled(): void {
    if (!this.#trouble) return;
    this.#trouble = null;
    this.#post({ trouble: null });
  }

  #post(response: Response): void {
    this.#port.postMessage(response);
  }
}

/** SQLite's codes of a file that is damaged, or is none: https://sqlite.org/rescode.html. */
function isDamage(cause: unknown): boolean {
  if (isFault(cause)) return cause.code === "file_format";
  const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) & 0xff : 0;
  return code === 11 || code === 26;
}

function asFault(cause: unknown): Fault {
  if (isFault(cause)) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new Fault("disk_failed", `the views of the journal failed: ${text}`, { cause });
}

function told(cause: unknown): ToldFault {
  const { code, message, facts } = asFault(cause);
  return { code, message, facts };
}

if (parentPort) new Thread(parentPort, workerData as WorkerStart, systemClock).run();
