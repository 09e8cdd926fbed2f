/** The first screen in plain text: 24 lines of 80 columns, for a terminal and for browsers without JavaScript. */
import type { LaneRow } from "../api/lane.ts";
import type { Overview, OverviewQuery } from "../api/overview.ts";
import type { TaskRow } from "../api/task.ts";
import { alertText } from "./alert-text.ts";
import { cut, padded, printable, spread, table } from "./columns.ts";
import { type Language, type StatusWords, WORDS } from "./words.ts";

/** Lines that the whole screen may have. */
const LINES = 24;

/** So many entries behind the journal, and the sums are not yet what they will be. */
const BEHIND = 500;

/** The narrowest that it is drawn for. */
const LEAST_COLUMNS = 40;

const SPANS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

type View = {
  readonly seen: Overview;
  readonly words: StatusWords;
  readonly language: Language;
  readonly period: OverviewQuery["period"];
  readonly columns: number;
};

/**
 * The first screen in 24 lines at most, each ending with a line feed.
 *
 * @param period - that the overview was asked for
 * @param columns - width of a line; 40 at the least
 */
export function statusText(
  seen: Overview,
  language: Language = "en",
  period: OverviewQuery["period"] = "day",
  columns: number = 80,
): string {
  const width = Math.max(LEAST_COLUMNS, columns);
  const view: View = { seen, words: WORDS[language], language, period, columns: width };
  const head = [...headOf(view), "", ...moneyOf(view), ""];
  const sections = [alertsOf(view), tasksOf(view), devicesOf(view), lanesOf(view)];
  const rows = share(sections, LINES - head.length - sections.length);
  const body = sections.flatMap(({ title, lines }, at) => [title, ...lines.slice(0, rows[at])]);
  return [...head, ...body].map((line) => `${cut(line, width).trimEnd()}\n`).join("");
}

/** How long something is, in the largest unit that it has one of: `6 min`. */
export function spanText(ms: number, language: Language): string {
  const { units } = WORDS[language];
  for (const [unit, length] of SPANS) {
    if (ms >= length || unit === "s") return `${Math.max(0, Math.floor(ms / length))} ${units[unit]}`;
  }
  return "";
}

type Section = { readonly title: string; readonly lines: readonly string[] };

/** How many lines each section gets: one after the other takes one more, as long as it has any. */
function share(sections: readonly Section[], lines: number): number[] {
  const rows = sections.map(() => 0);
  for (let left = lines, before = -1; left > 0 && left !== before; ) {
    before = left;
    for (const [at, section] of sections.entries()) {
      const has = rows[at] ?? 0;
      if (left === 0 || has >= section.lines.length) continue;
      rows[at] = has + 1;
      left--;
    }
  }
  return rows;
}

const MARKS = { working: "●", halted: "▲", stopped: "■" } as const;

function headOf({ seen, words, language, columns }: View): string[] {
  const { name, state, reason, chain, journal, at } = seen;
  const time = `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const title = `${MARKS[state]} ${printable(name)}  ${words[state]}`;
  const play = chain.isPlayMoney ? words.playMoney : printable(chain.name);
  const { intact, verifiedAt } = journal;
  const found = intact === null ? words.unchecked : intact ? words.intact : words.broken;
  const when = verifiedAt === null ? [] : [words.checked(spanText(at - verifiedAt, language))];
  const entries = `${journal.entries.toLocaleString("en-US")} ${words.entries}`;
  const lines = [
    spread(title, play, columns),
    spread([`${words.journal} ${found}`, ...when, entries].join(words.comma), time, columns),
  ];
  return reason === null ? lines : [...lines, cut(`  ${printable(reason)}`, columns)];
}

/** A line for each of the four numbers: what it is, how much, and what goes with it. */
function moneyOf(view: View): string[] {
  const { seen, words, period, columns } = view;
  const { earned, spent, unsettled, wallet, funds } = seen;
  const symbol = cut(printable(seen.token.symbol), 12);
  const money = (amount: string | null) => (amount === null ? words.unknown : `${amount} ${symbol}`);
  const gained = [changeOf(view), tasksNote(earned.tasks, words), readingNote(view)].filter(
    (note) => note !== "",
  );
  const inHand = `+ ${funds.credit}  ${words.held} ${funds.held}  ${words.owed} ${funds.owed}`;
  const rows: (readonly [string, string, string])[] = [
    [words.earned[period], money(earned.amount), gained.join("  ")],
    [words.spent[period], money(spent.amount), spentNotes(view)],
    [words.unsettled, money(unsettled.incoming), unsettledNotes(view)],
    wallet
      ? [words.wallet, money(wallet.vault), walletNotes(view)]
      : [words.funds, money(funds.deposited), inHand],
  ];
  return table(rows, [1]).map((line) => cut(line, columns));
}

function tasksNote(tasks: number | null, words: StatusWords): string {
  return tasks === null ? "" : `${tasks} ${words.tasks}`;
}

/** How much of the journal the settlement log has read, while it is far behind. */
function readingNote({ seen: { log }, words }: View): string {
  if (log === null || log.of - log.entries <= BEHIND) return "";
  return words.reading(`${Math.floor((100 * log.entries) / log.of)} %`);
}

/** How much more or less than in the period before; nothing where there was nothing. */
function changeOf({ seen: { earned }, words, period }: View): string {
  const before = earned.before === null ? 0n : unitsOf(earned.before);
  if (before === 0n || earned.amount === null) return "";
  const permille = ((unitsOf(earned.amount) - before) * 1_000n) / before;
  const sign = permille < 0n ? "-" : "+";
  const size = permille < 0n ? -permille : permille;
  const percent = `${sign}${size / 10n}.${size % 10n} %`;
  return `${percent} ${period === "day" ? words.onTheDayBefore : words.onThePeriodBefore}`;
}

/** Decimal text as a count: all amounts of a token have the same decimals. */
function unitsOf(decimal: string): bigint {
  return BigInt(decimal.replace(".", ""));
}

function spentNotes({ seen: { spent, fees }, words }: View): string {
  const notes = spent.tasks === null ? [] : [tasksNote(spent.tasks, words)];
  if (spent.cap !== null) notes.unshift(words.cap(spent.cap));
  if (fees !== null) notes.push(`${words.fees} ${fees}`);
  return notes.join("  ");
}

function unsettledNotes({ seen: { unsettled, at }, words, language }: View): string {
  const notes = [`${words.promised} ${unsettled.outgoing}`];
  if (unsettled.nextAt !== null) notes.push(words.next(spanText(unsettled.nextAt - at, language)));
  return notes.join("  ");
}

function walletNotes({ seen: { wallet }, words }: View): string {
  if (!wallet) return "";
  const { lanes, gas, gasSymbol, isEnough } = wallet;
  const state = isEnough === null ? "" : ` ${isEnough ? `● ${words.enough}` : `▲ ${words.low}`}`;
  const coins = gas === null ? words.unknown : `${shortCoins(gas)} ${printable(gasSymbol)}`;
  return `+ ${lanes} ${words.onLanes}  ${words.gas} ${coins}${state}`;
}

/** Native coins to four places, or to nine where those show nothing: nobody counts the rest of eighteen. */
function shortCoins(decimal: string): string {
  const short = decimal.replace(/(\.\d{4})\d+$/, "$1");
  return /[1-9]/.test(short) ? short : decimal.replace(/(\.\d{9})\d+$/, "$1");
}

function alertsOf({ seen: { alerts }, words, language, columns }: View): Section {
  if (alerts.length === 0) return { title: words.nothing, lines: [] };
  const lines = alerts.slice(0, LINES).map((alert) => {
    const mark = alert.severity === "page" ? "■" : "▲";
    return spread(
      `${mark} ${printable(alertText(alert, language))}`,
      cut(printable(alert.mend), 32),
      columns,
    );
  });
  return { title: `${words.needsYou} (${alerts.length})`, lines };
}

function tasksOf({ seen: { tasks, at }, words, language, columns }: View): Section {
  if (tasks.open === 0) return { title: words.noTasks, lines: [] };
  const line = (row: TaskRow) => {
    const { firmware, provider, requester, state, price } = row;
    const known = Object.hasOwn(words.task, state)
      ? words.task[state as keyof StatusWords["task"]]
      : printable(state);
    const cells = [
      padded(printable(firmware.name ?? short(firmware.hash)), 18),
      padded(partyText(requester), 14),
      padded(provider === null ? "-" : partyText(provider), 14),
      padded(`${known} ${spanText(at - row.at, language)}`, 16),
    ];
    return spread(`  ${cells.join(" ")}`, price, columns);
  };
  return { title: `${words.liveTasks} (${tasks.open})`, lines: tasks.live.slice(0, LINES).map(line) };
}

const DEVICE_MARKS = { live: "●", silent: "▲", disabled: "■" } as const;

function devicesOf({ seen: { devices, at }, words, language, columns }: View): Section {
  const counts = (["live", "silent", "disabled"] as const)
    .filter((state) => devices[state] > 0)
    .map((state) => `${devices[state]} ${words.device[state]}`);
  if (counts.length === 0) return { title: words.noDevices, lines: [] };
  const line = ({ name, link, state, heardAt, earned }: Overview["devices"]["rows"][number]) => {
    const heard = heardAt === null ? words.never : words.heard(spanText(at - heardAt, language));
    const cells = [
      padded(printable(name), 20),
      padded(link === null ? "-" : words.link[link], 7),
      padded(words.device[state], 9),
      padded(heard, 24),
    ];
    return spread(`${DEVICE_MARKS[state]} ${cells.join(" ")}`, earned ?? "-", columns);
  };
  return {
    title: `${words.devices}${words.colon}${counts.join(words.comma)}`,
    lines: devices.rows.slice(0, LINES).map(line),
  };
}

function lanesOf({ seen: { lanes, at }, words, language, columns }: View): Section {
  const counts = (["open", "closing"] as const)
    .filter((state) => lanes[state] > 0)
    .map((state) => `${lanes[state]} ${words.lane[state]}`);
  if (counts.length === 0) return { title: words.noLanes, lines: [] };
  const line = ({ device, direction, state, deposit, signed, closesAt }: LaneRow) => {
    const end = closesAt === null ? words.lane[state] : words.ends(spanText(closesAt - at, language));
    const cells = [padded(partyText(device), 20), padded(words.direction[direction], 17), padded(end, 12)];
    const mark = state === "closing" ? "▲" : " ";
    return spread(`${mark} ${cells.join(" ")}`, `${signed} ${words.of} ${deposit}`, columns);
  };
  return {
    title: `${words.lanes}${words.colon}${counts.join(words.comma)}`,
    lines: lanes.rows.slice(0, LINES).map(line),
  };
}

function partyText({ name, address }: { readonly name: string | null; readonly address: string }): string {
  return name === null || name === address ? short(address) : printable(name);
}

function short(hex: string): string {
  return `${hex.slice(0, 6)}…${hex.slice(-4)}`;
}
