/** What a requester orders and is answered, and an offer in between. */
import type { Hex } from "../../src/base/bytes.ts";
import { type Amount, add } from "../../src/base/money.ts";
import type { MemoryClass, Profile, RunVerdict } from "../../src/protocol/fuel.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Events } from "./events.ts";
import type { Hold } from "./hold.ts";

export type Order = {
  /** A WebAssembly module that the static policy lets through, at most 4 MiB. */
  readonly firmware: Uint8Array;
  /** What it is run on, at most 64 MiB. */
  readonly input: Uint8Array;
  /**
   * The most fuel that the run may burn: a whole number, `1..10^15`, and no more than the gateway's `terms` allow. A run that needs more ends `out-of-fuel` and is billed all of it.
   */
  readonly fuelLimit: number;
  /** The most that the run may cost, fee included: what is bid has to fit into it at the whole fuel limit. */
  readonly maxPrice: Amount;
  /** MiB of memory that the run is priced by: the least class that the module declares, unless told. */
  readonly memoryMiB?: MemoryClass;
  /** How the module is called: read from its exports, unless told. */
  readonly profile?: Profile;
  /** What the module's author says of it: providers that trust the author need not know the module. */
  readonly manifest?: Manifest;
  /** Set aside for second opinions, 0 unless told; what they do not use comes back as credit. */
  readonly checkBudget?: Amount;
  /**
   * `prepaid` unless told: the offer carries its money. `result`: what has been done is invoiced; gateways do so for
   * devices that have paid before.
   */
  readonly payment?: Message<"offer">["payment"];
  /** Milliseconds from now, in gateway time, by which the answer must be there; 60 s unless told. */
  readonly deadlineMs?: number;
  /**
   * Calls the order off. Before its offer has left the device, {@link Robot.hire} rejects with the signal's reason, and
   * nothing is spent. After that the gateway is asked to cancel, its bytes are uploaded no further, and the answer
   * decides: `cancelled` for nothing while no provider has accepted, `cancelled` for the price of the whole fuel limit
   * when one has, any other state when the task was quicker; its output is then not fetched.
   */
  readonly signal?: AbortSignal;
  /** Called with `offered` when the gateway has taken the offer on, and with the end state. */
  readonly onState?: (state: "offered" | Answer["state"]) => void;
  /** Called at each step, and at most once for each percent of one. */
  readonly onProgress?: (progress: Progress) => void;
};

/** How far an order has come. Offers and outputs are real; what a provider says of its run is its word. */
export type Progress = {
  /**
   * `uploading`: bytes of firmware and input that the gateway has pulled, of all there are: what it has already it does
   * not pull. `offered`: the gateway has taken the offer on (1 of 1). From a provider that has accepted: `fetching` bytes of firmware and input,
   * `running` milliseconds of the time that the run may take, `delivering` bytes of the output. `downloading`: bytes of
   * the output that are here.
   */
  readonly step: "uploading" | "offered" | Message<"progress">["step"] | "downloading";
  readonly done: number;
  /** At least `done`; 0 for bytes of which there are none. */
  readonly total: number;
};

export type Answer = {
  readonly task: Hex;
  readonly state: Message<"answer">["state"];
  readonly reason: string;
  /** How the run that was paid for has ended; null when none was. Only `ok` has an output. */
  readonly verdict: RunVerdict | null;
  /** What was billed: the whole limit of a run that was cancelled, 0 where nothing was. */
  readonly fuel: number;
  /** The bytes whose hash the answer named; null when there are none, or the order's signal came before they did. */
  readonly output: Uint8Array | null;
  /** What the task cost, checks included. */
  readonly spent: Amount;
  /** What was left on the lane, as the gateway counted when the task ended. */
  readonly credit: Amount;
  readonly provider: Hex | null;
  /** A second provider's run agreed. */
  readonly rechecked: boolean;
  /** The gateway's signed receipt, if it was there before the output was. */
  readonly receipt?: Message<"receipt">;
  /** What was paid against, for work that is paid on result. */
  readonly invoice?: Message<"invoice">;
};

/** An offer that the gateway has not answered, or whose debt is not paid. */
export type OpenOffer = {
  /** As it was sent, voucher included. */
  readonly message: Message<"offer">;
  readonly task: Hex;
  /** Null for an offer of an earlier process. */
  readonly order: Order | null;
  readonly answered: PromiseWithResolvers<Message<"answer">>;
  /** Money set aside: by the offer, or to pay its invoice. */
  hold: Hold | null;
  isOffered: boolean;
  isPaying: boolean;
  /** Its cancellation was asked for. */
  isCancelled: boolean;
  /** The newest step that was told, and its percent. */
  told: string;
  receipt: Message<"receipt"> | null;
  invoice: Message<"invoice"> | null;
  /** Ends the watch on its deadline. */
  unwatch: () => void;
};

/** An offer on its way. */
export function openOffer(
  message: Message<"offer">,
  task: Hex,
  hold: Hold | null,
  order: Order | null,
): OpenOffer {
  const answered = Promise.withResolvers<Message<"answer">>();
  // Nobody may be waiting when it ends.
  answered.promise.catch(() => {});
  const state = {
    isOffered: false,
    isPaying: false,
    isCancelled: false,
    told: "",
    receipt: null,
    invoice: null,
    unwatch: () => {},
  };
  return { message, task, order, answered, hold, ...state };
}

/** The most that an offer can cost. */
export function budgetOf({ maxPrice, checkBudget }: Message<"offer">): Amount {
  return add(maxPrice, checkBudget);
}

/** Tells whoever ordered, in a microtask of its own: what a caller's function throws must not end our session. */
export function tellState(order: Order | null, state: "offered" | Answer["state"]): void {
  queueMicrotask(() => order?.onState?.(state));
}

/** Tells whoever ordered, and whoever listens, how far it is: what is no news in whole percent is left out. */
export function tellProgress(events: Events, offer: OpenOffer, progress: Progress): void {
  const { step, done, total } = progress;
  const news = `${step} ${total === 0 ? 100 : Math.floor((100 * done) / total)}`;
  if (offer.order === null || offer.told === news) return;
  offer.told = news;
  const { onProgress } = offer.order;
  queueMicrotask(() => onProgress?.(progress));
  events.emit({ kind: "progress", side: "requester", task: offer.task, ...progress });
}

/** Whether its cancellation was asked for, which an earlier process may have done. */
export function mayHaveCancelled({ order, isCancelled }: OpenOffer): boolean {
  return order === null || isCancelled;
}
