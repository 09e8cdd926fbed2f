/** Server-sent events as text (WHATWG, "server-sent events"). */

export type ServerEvent = { readonly name: string; readonly text: string };

/**
 * Cuts a stream's text into whole events; what is not whole yet is the rest. Comments and unknown fields are passed over,
 * and an event without data is none.
 */
export function cutEvents(buffer: string): { events: ServerEvent[]; rest: string } {
  // A carriage return at the end may be half of a line's end.
  const held = buffer.endsWith("\r") ? "\r" : "";
  const blocks = buffer
    .slice(0, buffer.length - held.length)
    .replaceAll(/\r\n?/g, "\n")
    .split("\n\n");
  const rest = (blocks.pop() ?? "") + held;
  const events = blocks.flatMap((block) => {
    const fields = block.split("\n").map((line) => /^(\w+)(?:: ?(.*))?$/.exec(line));
    const lines = fields.flatMap((field) => (field?.[1] === "data" ? [field[2] ?? ""] : []));
    const name = fields.findLast((field) => field?.[1] === "event")?.[2] || "message";
    return lines.length === 0 ? [] : [{ name, text: lines.join("\n") }];
  });
  return { events, rest };
}
