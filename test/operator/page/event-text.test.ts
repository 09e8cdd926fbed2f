import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutEvents, type ServerEvent } from "../../../src/operator/page/event-text.ts";

describe("the page's reader of events", () => {
  it("reads names, data of several lines, and passes comments over", () => {
    const text =
      ": alive\n\nevent: changed\ndata: [\ndata: ]\n\ndata:bare\r\n\r\nevent: none\n\nretry: 5\n\nevent: half\nda";
    expect(cutEvents(text)).toEqual({
      events: [
        { name: "changed", text: "[\n]" },
        { name: "message", text: "bare" },
      ],
      rest: "event: half\nda",
    });
  });

  it("reads the same however the stream is cut", () => {
    const line = fc.stringMatching(/^[ -~é巡]{0,12}$/u);
    const event = fc.record({
      name: fc.stringMatching(/^[a-z]{1,8}$/),
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
    });
    const end = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        end,
        fc.array(fc.nat(40), { maxLength: 20 }),
        (sent, eol, cuts) => {
          const wire = sent
            .map(({ name, lines }) =>
              [`event: ${name}`, ...lines.map((one) => `data: ${one}`), "", ""].join(eol),
            )
            .join(`:${eol}${eol}`);
          const got: ServerEvent[] = [];
          let rest = "";
          let at = 0;
          for (const size of [...cuts, wire.length]) {
            const cut = cutEvents(rest + wire.slice(at, at + size));
            got.push(...cut.events);
            rest = cut.rest;
            at += size;
          }
          // A carriage return at the very end waits for what comes next.
          got.push(...cutEvents(`${rest}\n\n`).events);
          expect(got).toEqual(sent.map(({ name, lines }) => ({ name, text: lines.join("\n") })));
        },
      ),
    );
  });
});
