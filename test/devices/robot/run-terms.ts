/** What offers, announces, awards and bills of the device tests have in common. */
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { COSTS_HASH, METER_VERSION } from "../../../src/firmware/meter/costs.ts";
import type { Trust } from "../../../src/firmware/trust.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { leb, taskModule, text } from "../../firmware/module.ts";

export const METER = { meter: METER_VERSION, costs: COSTS_HASH };

/** Of a small module of ours. */
export const RUN_TERMS = { profile: "task/1", memoryMiB: 1, ...METER } as const satisfies Partial<
  Message<"offer">
>;

/** A rate at which each fuel costs an atomic unit. */
export const UNIT_RATE = amount(10n ** 12n);

/** A module that gives its input back, and is at least so many bytes long. */
export function echoModule(bytes = 0): Uint8Array {
  const padding = [...text("padding"), ...new Uint8Array(bytes)];
  return taskModule({ memory: [4, 4], more: [0, ...leb(padding.length), ...padding] });
}

/** Trusts these modules, and no author. */
export function trusting(...modules: readonly Uint8Array[]): Trust {
  return { firmware: new Set(modules.map(hashBlob)), authors: new Set() };
}

/** What a device says of itself that runs what a small module needs. */
export const RUNS = { profiles: ["task/1"], memoryMiB: 64 } satisfies Partial<Message<"factsheet">>;
