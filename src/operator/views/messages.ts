/** What the gateway's thread and the views' worker say to each other. */
import type { FaultCode } from "../../base/fault.ts";
import type { MarketPrices } from "../api/market.ts";
import type {
  ExportQuery,
  SettlementChoices,
  SettlementDetail,
  SettlementPage,
  SettlementQuery,
} from "../api/settlement.ts";
import type { Story, StoryEntry, TaskQuery } from "../api/task.ts";
import type { DeviceSums, PeriodSums, SliceSums } from "./ask.ts";
import type { TaskPage } from "./ask-tasks.ts";
import type { Owner } from "./directory.ts";
import type { Read } from "./reader.ts";
import type { ChainSight } from "./sight.ts";

/** Every question, with what it is asked with and what it is answered. */
export type Questions = {
  readonly page: { asked: readonly [SettlementQuery, Owner]; answer: SettlementPage };
  readonly choices: { asked: readonly [Owner]; answer: SettlementChoices };
  readonly detail: { asked: readonly [number, Owner]; answer: SettlementDetail };
  readonly story: { asked: readonly [string, Owner]; answer: Story };
  readonly entry: { asked: readonly [number, Owner]; answer: StoryEntry };
  readonly endedTasks: { asked: readonly [TaskQuery, Owner]; answer: TaskPage };
  readonly sums: { asked: readonly [Owner, number, number]; answer: PeriodSums };
  readonly slices: { asked: readonly [Owner, number, number, readonly number[]]; answer: SliceSums[] };
  readonly perDevice: { asked: readonly [Owner, number, number]; answer: DeviceSums[] };
  readonly prices: { asked: readonly [Owner, number, number]; answer: MarketPrices["paid"] };
  /** Begins an export and gives its number. */
  readonly exportOpen: { asked: readonly [ExportQuery, Owner]; answer: number };
  /** The next bytes of one; null at its end. */
  readonly exportNext: { asked: readonly [number]; answer: Uint8Array | null };
  readonly exportClose: { asked: readonly [number]; answer: null };
  /** Resolves when the journal is read up to where it ends now. */
  readonly caughtUp: { asked: readonly []; answer: Read };
  /** Writes what is not written and ends the worker. */
  readonly close: { asked: readonly []; answer: null };
};

export type Question = keyof Questions;

export type Request =
  | { readonly id: number; readonly ask: Question; readonly asked: readonly unknown[] }
  | { readonly noted: number }
  | { readonly sight: ChainSight };

/** A fault as it crosses between threads. */
export type ToldFault = {
  readonly code: FaultCode;
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number | bigint | boolean>>;
};

export type Response =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: ToldFault }
  | { readonly read: Read }
  /** Something is wrong with following the journal; questions are answered from what was read before. */
  | { readonly trouble: ToldFault | null };

export type WorkerStart = { readonly data: string; readonly explorer: string };
