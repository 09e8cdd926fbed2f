/** Faults that last: told when they begin, and again only after they were over. */
import { isFault } from "../base/fault.ts";

export class Alarms {
  readonly #raised = new Set<string>();
  readonly #onFault: (fault: unknown) => void;

  constructor(onFault: (fault: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Tells a fault unless the same is told and not over. */
  raise(name: string, fault: unknown): void {
    if (this.#raised.has(name)) return;
    this.#raised.add(name);
    this.#onFault(fault);
  }

  /** It is over. */
  clear(name: string): void {
    this.#raised.delete(name);
  }

  /** Tells a fault of a job that is repeated; each sort of fault once until the job succeeds. */
  failed(job: string, fault: unknown): void {
    this.raise(`${job}: ${isFault(fault) ? fault.code : "unknown"}`, fault);
  }

  /** The job has succeeded: whatever kept it from doing so is over. */
  succeeded(job: string): void {
    for (const name of this.#raised) if (name.startsWith(`${job}: `)) this.#raised.delete(name);
  }
}
