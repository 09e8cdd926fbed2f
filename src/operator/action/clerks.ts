/** What an operator can do, as the API and the control socket ask for it; each within the scope of whoever asks. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount } from "../../base/money.ts";
import type { State } from "../../exchange/state.ts";
import type { WaitingBoard } from "../../link/broker/broker.ts";
import type { Settlement } from "../../settlement/settlement.ts";
import type { Viewer } from "../api/access.ts";
import type { Desk } from "../api/desk.ts";
import type { Answered, Asked } from "../api/routes.ts";
import type { Verb } from "../control/server.ts";
import { reasonText } from "../control/switch-file.ts";
import { entryWhen, saveEntry } from "../device/disable.ts";
import { planAsJson } from "../money/verbs.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { closeLane, type LaneDeedParts, topUp } from "./lane-deeds.ts";
import { rotateKey } from "./rotate.ts";
import { deviceFor, entryOf, payeeIn } from "./subject.ts";
import type { TestTasks } from "./test-tasks.ts";

export type ActionParts = Omit<LaneDeedParts, "payment" | "settlement"> & {
  readonly data: string;
  readonly state: State;
  readonly settlement: Pick<Settlement, "plan" | "settle" | "topUp" | "close">;
  /** What all devices of one owner may spend in a day; null for no limit. */
  readonly ownerPerDay: Amount | null;
  /** The office's switches. */
  readonly switches: {
    readonly halt: (reason: string) => Promise<unknown>;
    readonly resume: () => Promise<unknown>;
    readonly stopPaying: (reason: string) => Promise<unknown>;
    readonly resumePaying: () => Promise<unknown>;
  };
  /** Boards that wait to be paired, and how one is: the verb of `pairVerbs`. */
  readonly waiting: () => readonly WaitingBoard[];
  readonly pair: Verb;
  /** Reads the roster again; resolves when what follows from it is done. */
  readonly refresh: () => Promise<void>;
  readonly tests: Pick<TestTasks, "send">;
};

type ActionName =
  | ("settle" | "halt" | "resume" | "stopPaying" | "resumePaying" | "topUpLane" | "closeLane")
  | ("disableDevice" | "enableDevice" | "rotateKey" | "sendTestTask" | "setBudget");

const DONE = { done: true } as const;

/**
 * The clerks of all actions. What somebody may not see is `not_found` for them; other faults are those of what is done.
 */
export function actionClerks(parts: ActionParts): Pick<Desk, ActionName> {
  const { switches } = parts;
  return {
    settle: ({ input }) => settle(parts, input),
    halt: ({ input }) => switches.halt(reasonText(input.reason)).then(done),
    resume: () => switches.resume().then(done),
    stopPaying: ({ input }) => switches.stopPaying(reasonText(input.reason)).then(done),
    resumePaying: () => switches.resumePaying().then(done),
    topUpLane: async ({ params, input }, viewer) => {
      const sum = parseAmount(input.amount, parts.decimals);
      return await topUp(lanesOf(parts), payeeFor(parts, viewer, params.lane), sum, input.dryRun);
    },
    closeLane: async ({ params, input }, viewer) =>
      await closeLane(lanesOf(parts), payeeFor(parts, viewer, params.lane), input.dryRun),
    disableDevice: ({ params }, viewer) =>
      change(parts, viewer, params.device, (entry) => entryWhen(entry, true, operatorFor(viewer))),
    enableDevice: ({ params }, viewer) =>
      change(parts, viewer, params.device, (entry) => entryWhen(entry, false, operatorFor(viewer))),
    rotateKey: async ({ params }, viewer) => await rotateKey(parts, entryFor(parts, viewer, params.device)),
    sendTestTask: async ({ params }, viewer) => {
      const { address } = deviceFor(viewer, parts.state.roster, params.device);
      return { task: await parts.tests.send(address) };
    },
    setBudget: ({ params, input }, viewer) =>
      change(parts, viewer, params.device, (entry) => ({
        ...entry,
        perDay: budgetFor(parts, viewer, input.perDay),
      })),
  };
}

function done(): typeof DONE {
  return DONE;
}

function operatorFor({ owner }: Viewer): "gateway" | "owner" {
  return owner === null ? "gateway" : "owner";
}

function lanesOf({ state, ...parts }: ActionParts): LaneDeedParts {
  return { ...parts, payment: state.payment };
}

async function settle(
  { settlement, market, decimals, state }: ActionParts,
  { dryRun, force }: Asked<"settle">["input"],
): Promise<Answered<"settle">> {
  const { rows, ...sums } = planAsJson(await settlement.plan({ force }), market, decimals);
  const settled = dryRun ? [] : await settlement.settle({ force });
  const named = rows.map((row) => ({ ...row, name: state.roster.get(row.device)?.name ?? null }));
  return {
    dryRun,
    plan: { ...sums, rows: named },
    settled: settled.map(({ gasUsed, ...one }) => ({ ...one, gasUsed: Number(gasUsed) })),
  };
}

/** The device at the other end of one of the gateway's own lanes. */
function payeeFor({ state }: ActionParts, viewer: Viewer, lane: string): { address: Hex; name: string } {
  const payee = payeeIn(lane);
  if (payee !== null) return deviceFor(viewer, state.roster, payee);
  const { name } = deviceFor(viewer, state.roster, lane.split("-")[0] ?? "");
  const words = `this lane is ${name}'s own money`;
  throw new Fault("usage", `${words}: hirewire fund ${name}, or hirewire lane close ${name} --from KEYFILE`);
}

function entryFor({ state, data }: ActionParts, viewer: Viewer, typed: string): RosterEntry {
  return entryOf(data, deviceFor(viewer, state.roster, typed));
}

/** Writes the entry anew, and waits until the gateway has read it. */
async function change(
  parts: ActionParts,
  viewer: Viewer,
  typed: string,
  changed: (entry: RosterEntry) => RosterEntry,
): Promise<typeof DONE> {
  saveEntry(parts.data, changed(entryFor(parts, viewer, typed)));
  await parts.refresh();
  return DONE;
}

/** What a device may spend in a day: whoever has an owner's scope sets no more than all of that owner's devices may. */
function budgetFor(
  { decimals, ownerPerDay }: ActionParts,
  viewer: Viewer,
  perDay: string | null,
): string | null {
  const sum = perDay === null ? null : parseAmount(perDay, decimals);
  if (sum === null || viewer.owner === null || ownerPerDay === null || sum <= ownerPerDay) return perDay;
  const most = formatAmount(ownerPerDay, decimals);
  throw new Fault("usage", `all devices of an owner may spend ${most} a day: no budget can be above it`);
}
