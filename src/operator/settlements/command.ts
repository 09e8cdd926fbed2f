/** `hirewire settlements`: the settlement log, one row with its story, and exports. */
import type { Clock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import type { SettlementDetail, SettlementPage, SettlementRow } from "../api/settlement.ts";
import { askDesk, dataFolder, type WherePorts } from "../control/ask.ts";
import type { CommandIo } from "../io.ts";
import { printable, table } from "../overview/columns.ts";
import { storyText } from "../tasks/command.ts";
import { openViews, type Views } from "../views/views.ts";
import { parseSettlementsRequest, SETTLEMENTS_HELP, type SettlementsRequest } from "./options.ts";

export type SettlementsPorts = WherePorts & { readonly clock: Clock };

const HEADS = [
  "row",
  "time",
  "kind",
  "device",
  "counterparty",
  "firmware",
  "amount",
  "status",
  "transaction",
];

/** The column of amounts, aligned at its right, and that of rows. */
const NUMBERS = [0, 6];

/** Digits of a hash that are shown, `0x` included. */
const DIGITS = 14;

/**
 * Runs `hirewire settlements …` and gives its exit code, 0.
 *
 * Asks the gateway that runs in the folder; where none does, reads its journal itself. Exports are read from the journal
 * in either case.
 *
 * @param args - what stands after `settlements`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `not_found`, `journal_broken`, `file_format`
 */
export async function settlementsCommand(
  args: string[],
  io: CommandIo,
  ports: SettlementsPorts,
): Promise<number> {
  const request = parseSettlementsRequest(args, ports.clock.now());
  if (request.view === "help") {
    io.write(SETTLEMENTS_HELP);
    return 0;
  }
  const folder = dataFolder(request, ports);
  if (request.view === "export") return withViews(folder, io, ports, (views) => exported(request, io, views));
  if (request.view === "show") {
    const { sequence, json } = request;
    const asked = askDesk(folder, "settlement", { sequence });
    const detail = await orAlone(asked, folder, io, ports, (views) => views.detail(sequence, null));
    io.write(json ? `${JSON.stringify(detail)}\n` : detailText(detail));
    return 0;
  }
  const { filter, limit, before, json } = request;
  const query = before === undefined ? { ...filter, limit } : { ...filter, limit, before };
  const asked = askDesk(folder, "settlements", {}, query);
  const page = await orAlone(asked, folder, io, ports, (views) => views.page(query, null));
  io.write(json ? `${JSON.stringify(page)}\n` : pageText(page));
  if (page.next !== null && !json) io.warn(`there are more: --before ${page.next}\n`);
  return 0;
}

/** What a running gateway has answered; where none runs, what the journal says. */
async function orAlone<T>(
  asked: Promise<T>,
  folder: string,
  io: CommandIo,
  ports: SettlementsPorts,
  read: (views: Views) => Promise<T>,
): Promise<T> {
  try {
    return await asked;
  } catch (fault) {
    if (!isFault(fault, "link_lost")) throw fault;
    return await withViews(folder, io, ports, read);
  }
}

async function withViews<T>(
  folder: string,
  io: CommandIo,
  { clock }: SettlementsPorts,
  work: (views: Views) => Promise<T>,
): Promise<T> {
  let told = 0;
  const onRead = ({ entries, of }: { entries: number; of: number }) => {
    if (entries - told < TELL_EVERY || entries >= of) return;
    told = entries;
    io.warn(`${count(entries)} of ${count(of)} entries read\n`);
  };
  const views = openViews({ data: folder, clock, onRead });
  try {
    await views.caughtUp();
    return await work(views);
  } finally {
    await views.close();
  }
}

/** Entries between two lines of progress. */
const TELL_EVERY = 50_000;

async function exported(
  { filter, format }: Extract<SettlementsRequest, { view: "export" }>,
  io: CommandIo,
  views: Views,
): Promise<number> {
  // a character may be cut in two where a portion ends
  const decoder = new TextDecoder();
  for await (const bytes of views.exportRows({ ...filter, format }, null)) {
    io.write(decoder.decode(bytes, { stream: true }));
  }
  return 0;
}

function pageText({ rows, sums, read }: SettlementPage): string {
  const lines = rows.length === 0 ? ["no such row"] : table([HEADS, ...rows.map(cells)], NUMBERS);
  const { earned, spent, fee, returned, settled, gas } = sums;
  const foot = [
    `${count(sums.rows)} ${sums.rows === 1 ? "row" : "rows"}: earned ${earned}, spent ${spent}, of which fees ${fee}`,
    `returned ${returned}, settled ${settled} USDT; gas ${gas}`,
  ];
  if (read.entries < read.of) foot.push(`${count(read.entries)} of ${count(read.of)} entries read so far`);
  return `${[...lines, "", ...foot].join("\n")}\n`;
}

function cells(row: SettlementRow): string[] {
  const { sequence, at, kind, device, counterparty, firmware, amount, status, transaction } = row;
  return [
    String(sequence),
    new Date(at).toISOString(),
    kind,
    nameOf(device),
    nameOf(counterparty),
    firmware === null ? "-" : printable(firmware.name ?? firmware.hash.slice(0, DIGITS)),
    amount,
    statusText(row, status),
    transaction === null ? "-" : transaction.slice(0, DIGITS),
  ];
}

function statusText({ confirmations, confirmationsNeeded }: SettlementRow, status: string): string {
  const isCounted = status === "confirmed" && confirmations !== null && confirmationsNeeded !== null;
  return isCounted ? `${status} ${confirmations}/${confirmationsNeeded}` : status;
}

function nameOf(party: SettlementRow["device"]): string {
  return party === null ? "-" : printable(party.name ?? party.address.slice(0, DIGITS));
}

function detailText({ row, story, entry, transaction }: SettlementDetail): string {
  const lines = table([HEADS, cells(row)], NUMBERS);
  lines.push("", `entry ${entry.index}: ${entry.kinds.join(", ")}`, `  hash      ${entry.hash}`);
  lines.push(`  previous  ${entry.previous}`);
  if (transaction) {
    const { state, block, gasUsed, gasCost, url } = transaction;
    lines.push(`transaction ${transaction.transaction}: ${transaction.purpose}, ${state}`);
    if (block !== null) lines.push(`  block ${block}, gas ${gasUsed ?? "?"}, ${gasCost ?? "?"} wei`);
    if (url !== null) lines.push(`  ${url}`);
  }
  return `${lines.join("\n")}\n${story ? `\n${storyText(story)}` : ""}`;
}

function count(many: number): string {
  return many.toLocaleString("en-US");
}
