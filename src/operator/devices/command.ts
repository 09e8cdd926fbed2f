/** `hirewire devices`: the devices of a running gateway, and everything about one. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { DEVICE_STATES, type DeviceDetail, type DeviceRow } from "../api/device.ts";
import { parseArguments } from "../arguments.ts";
import { askDesk, dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import { disableDevice, enableDevice } from "../device/disable.ts";
import type { CommandIo } from "../io.ts";
import { printable, table } from "../overview/columns.ts";
import { spanText } from "../overview/status-text.ts";
import type { CommandPorts } from "../settings.ts";

const OPTIONS = {
  ...WHERE_OPTIONS,
  state: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const DEVICES_HELP = `hirewire devices [--state live|silent|disabled] [--json]
hirewire devices show NAME [--json]
hirewire devices disable NAME | enable NAME

The devices of a running gateway: whether they are there, how they are
connected, and what they earned and spent in the last 24 hours. show has the link,
counters, prices, money and newest messages of one. hirewire device list reads
the roster, running gateway or not. disable keeps one out, enable lets it in
again: see their --help.

  --state S      only these
${WHERE_HELP}  --json         JSON Lines, one device each; show: one object
`;

const HEADS = ["device", "state", "link", "origin", "heard", "earned", "spent", "tasks"];

/** Messages that `show` prints. */
const MOST_MESSAGES = 10;

/**
 * Runs `hirewire devices …` and gives its exit code, 0.
 *
 * @param args - what stands after `devices`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `not_found`; `link_lost` when no gateway answers;
 * as {@link disableDevice}
 */
export async function devicesCommand(
  args: string[],
  io: CommandIo,
  ports: WherePorts & CommandPorts,
): Promise<number> {
  const [first, ...others] = args;
  if (first === "disable" || first === "enable") {
    (first === "disable" ? disableDevice : enableDevice)(others, io, ports);
    return 0;
  }
  const { values, positionals } = parseArguments("hirewire devices", args, OPTIONS);
  if (values.help) {
    io.write(DEVICES_HELP);
    return 0;
  }
  const [word, name, ...rest] = positionals;
  const isShow = word === "show" && name !== undefined && rest.length === 0;
  if (word !== undefined && !isShow) {
    throw new Fault("usage", "expected hirewire devices, or hirewire devices show, disable or enable NAME");
  }
  const state = DEVICE_STATES.find((one) => one === values.state);
  if (values.state !== undefined && state === undefined) {
    throw new Fault("usage", `--state takes ${DEVICE_STATES.join(", ")}, not "${values.state}"`);
  }
  const folder = dataFolder(values, ports);
  if (isShow) {
    const detail = await askDesk(folder, "device", { device: name });
    io.write(values.json ? `${JSON.stringify(detail)}\n` : detailText(detail));
    return 0;
  }
  const { devices, at } = await askDesk(folder, "devices", {}, { state });
  if (values.json) for (const row of devices) io.write(`${JSON.stringify(row)}\n`);
  else if (devices.length === 0) io.write("there is no such device\n");
  else {
    const rows = devices.map((row) => cells(row, at));
    for (const line of table([HEADS, ...rows], [5, 6, 7])) io.write(`${line}\n`);
  }
  return 0;
}

function cells(
  { name, state, link, origin, heardAt, earned, spent, tasks }: DeviceRow,
  at: number,
): string[] {
  const heard = heardAt === null ? "-" : `${spanText(at - heardAt, "en")} ago`;
  return [printable(name), state, link ?? "-", printable(origin ?? "-"), heard, earned, spent, String(tasks)];
}

function detailText(detail: DeviceDetail): string {
  const { device, counters, line, roundTripMs, prices, money, runs, messages, testTask } = detail;
  const { name, address, manufacturer, serialNumber, owner, state, link, origin, isKept } = device;
  const refused = Object.entries(counters.refused).map(([code, times]) => `${code} ${times}`);
  const rows = [
    ["device", `${printable(name)}  ${address}  ${manufacturer}/${serialNumber}`],
    ["owner", owner ?? "its own"],
    ["wallet", isKept ? `kept here, at most ${money.cap} in all` : "its own key"],
    ["state", [state, link, origin && printable(origin)].filter((one) => one !== null).join("  ")],
    ["session", device.sessionSince === null ? "none" : `since ${timeText(device.sessionSince)}`],
    ["heard", device.heardAt === null ? "not since the start" : timeText(device.heardAt)],
    ["messages", `in ${counters.messagesIn}, out ${counters.messagesOut}, sessions ${counters.sessions}`],
    ["refused", refused.join(", ") || "nothing"],
    ...(roundTripMs === null ? [] : [["round trip", `${roundTripMs.toFixed(1)} ms`]]),
    ...(line === null ? [] : [["line", lineText(line)]]),
    ...prices.map(({ memoryMiB, rate }) => ["asks", `${rate} for 10^12 of fuel, ${memoryMiB} MiB`]),
    ["money", `credit ${money.credit}, held ${money.held}, owed ${money.owed}`],
    ["today", `${money.spentToday} spent, ${money.perDay === null ? "no limit" : `of ${money.perDay}`}`],
    ["24 hours", `earned ${device.earned}, spent ${device.spent}, ${device.tasks} tasks`],
    ["runs", `${runs.accepted} accepted, ${runs.rejected} rejected, ${runs.lost} lost`],
    ["test task", testTask.ready ? "ready" : printable(testTask.why)],
    ...messages.slice(0, MOST_MESSAGES).map((message) => ["message", messageText(message)]),
  ];
  return `${table(rows, []).join("\n")}\n`;
}

function lineText(line: NonNullable<DeviceDetail["line"]>): string {
  const some = Object.entries(line).filter(([, value]) => value !== null && value !== 0);
  return some.map(([key, value]) => `${key} ${printable(String(value))}`).join(", ");
}

function messageText({ at, direction, topic, bytes, refused }: DeviceDetail["messages"][number]): string {
  return `${timeText(at)} ${direction} ${printable(topic)} ${bytes} B${refused === null ? "" : ` ${refused}`}`;
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
