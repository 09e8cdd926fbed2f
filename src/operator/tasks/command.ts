/** `hirewire tasks`: live tasks of a running gateway, those that are over, and the life of one. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import type { Story, TaskRow } from "../api/task.ts";
import { parseArguments } from "../arguments.ts";
import { askDesk, dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import type { CommandIo } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { printable, table } from "../overview/columns.ts";

const OPTIONS = {
  ...WHERE_OPTIONS,
  live: { type: "boolean" },
  ended: { type: "boolean" },
  device: { type: "string" },
  state: { type: "string" },
  firmware: { type: "string" },
  limit: { type: "string", default: "50" },
  before: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const TASKS_HELP = `hirewire tasks [--live | --ended] [--device NAME] [--state S] [--firmware F] [--json]
hirewire tasks show TASK [--json]

The tasks of a running gateway, newest first: the live ones, which are not over,
or with --ended those that are. show tells the life of one, from its offer to its
settlement; the first digits of a live task's id are enough.

  --device NAME  requester or provider, name or address
  --state S      announced, running, paid, ...
  --firmware F   name, or hash or the first digits of it
  --limit N      at most so many (50); --before PLACE goes on where a list ended
${WHERE_HELP}  --json         JSON Lines, one task each; show: one object
`;

const HEADS = ["task", "state", "since", "firmware", "requester", "provider", "price"];

/** Digits of a task that are shown, `0x` included. */
const DIGITS = 14;

/**
 * Runs `hirewire tasks …` and gives its exit code, 0.
 *
 * @param args - what stands after `tasks`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `not_found`; `link_lost` when no gateway answers
 */
export async function tasksCommand(args: string[], io: CommandIo, ports: WherePorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire tasks", args, OPTIONS);
  if (values.help) {
    io.write(TASKS_HELP);
    return 0;
  }
  const [word, typed, ...rest] = positionals;
  const isShow = word === "show" && typed !== undefined && rest.length === 0;
  if (word !== undefined && !isShow)
    throw new Fault("usage", "expected hirewire tasks, or hirewire tasks show TASK");
  if (values.live && values.ended) throw new Fault("usage", "give --live or --ended, not both");
  const folder = dataFolder(values, ports);
  if (isShow) {
    const story = await askDesk(folder, "task", { task: await wholeId(folder, typed) });
    io.write(values.json ? `${JSON.stringify(story)}\n` : storyText(story));
    return 0;
  }
  const { device, state, firmware, before } = values;
  const limit = wholeNumber(values.limit, "--limit", 1, 500);
  const view = values.ended ? "ended" : "live";
  const { tasks, next } = await askDesk(
    folder,
    "tasks",
    {},
    { view, device, state, firmware, before, limit },
  );
  if (values.json) for (const row of tasks) io.write(`${JSON.stringify(row)}\n`);
  else if (tasks.length === 0)
    io.write(view === "live" ? "nothing is under way\n" : "no such task has ended\n");
  else for (const line of table([HEADS, ...tasks.map(cells)], [6])) io.write(`${line}\n`);
  if (next !== null) io.warn(`there are more: hirewire tasks --${view} --before ${next}\n`);
  return 0;
}

/** The id that the first digits of a live task, or of one of the newest, stand for. */
async function wholeId(folder: string, typed: string): Promise<string> {
  const wanted = typed.toLowerCase();
  if (/^0x[0-9a-f]{32}$/.test(wanted)) return wanted;
  if (!/^0x[0-9a-f]{4,31}$/.test(wanted)) {
    throw new Fault(
      "usage",
      `a task is 0x and 32 hexadecimal digits, or at least 4 of the first, not "${typed}"`,
    );
  }
  for (const view of ["live", "ended"] as const) {
    const { tasks } = await askDesk(folder, "tasks", {}, { view, limit: 500 });
    const found = tasks.filter(({ task }) => task.startsWith(wanted));
    if (found.length > 1)
      throw new Fault("usage", `${typed} are the first digits of ${found.length} tasks: give more`);
    if (found[0]) return found[0].task;
  }
  throw new Fault(
    "not_found",
    `no live task and none of the newest begins with ${typed}: give all of its digits`,
  );
}

function cells({ task, state, at, firmware, requester, provider, price }: TaskRow): string[] {
  return [
    task.slice(0, DIGITS),
    state,
    new Date(at).toISOString(),
    printable(firmware.name ?? firmware.hash.slice(0, DIGITS)),
    nameOf(requester),
    provider === null ? "-" : nameOf(provider),
    price,
  ];
}

function nameOf({ name, address }: { readonly name: string | null; readonly address: string }): string {
  return name ?? address;
}

/** A story as lines; the page and --json have the rest of it. */
export function storyText(story: Story): string {
  const { task, state, requester, provider, offer, bids, awards, runs, checks, verdict, bill, vouchers } =
    story;
  const when = (at: number) => new Date(at).toISOString();
  const rows: [number, string, string][] = [
    [
      offer.at,
      "offered",
      `${nameOf(requester)}: at most ${offer.maxPrice}, ${offer.payment}, until ${when(offer.deadline)}`,
    ],
    ...bids.map((bid): [number, string, string] => [
      bid.at,
      "bid",
      `${nameOf(bid.provider)}: ${bid.price}, ${bid.won ? "won" : "lost"}: ${bid.why}`,
    ]),
    ...awards.map((award): [number, string, string] => [
      award.at,
      "awarded",
      `${nameOf(award.provider)} to ${award.role}: ${award.outcome}`,
    ]),
    ...runs.map((run): [number, string, string] => [
      run.at,
      "delivered",
      `${nameOf(run.provider)}: ${run.verdict}, ${run.fuel} fuel`,
    ]),
    ...checks.map((check): [number, string, string] => [
      check.at,
      "checked",
      `${check.rung}: ${check.passed ? "passed" : "failed"}${check.reason ? `, ${check.reason}` : ""}`,
    ]),
  ];
  if (verdict) rows.push([verdict.at, "verdict", `${verdict.verdict}: ${verdict.how}`]);
  if (bill) rows.push([bill.at, "bill", `${bill.price}, of which ${bill.fee} are the gateway's fee`]);
  for (const { at, payer, payee, amount, settlement } of vouchers) {
    rows.push([at, "voucher", `${nameOf(payer)} to ${nameOf(payee)}: ${amount}, ${settlement}`]);
  }
  const steps = table(
    rows.sort(([a], [b]) => a - b).map(([at, what, text]) => [when(at), what, printable(text)]),
    [],
  );
  const firmware = printable(offer.firmware.name ?? offer.firmware.hash);
  const title = `${task} ${state}: ${firmware}, run by ${provider === null ? "nobody" : nameOf(provider)}`;
  return [title, ...steps, ""].join("\n");
}
