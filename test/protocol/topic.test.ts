import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTopic, TOPIC_ROOT, TOPICS, type Topic, topicOf } from "../../src/protocol/topic.ts";

const names = Object.keys(TOPICS) as Topic[];
const level = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);

describe("a topic", () => {
  it("is read back as it was written, in five levels", () => {
    fc.assert(
      fc.property(level, level, fc.constantFrom(...names), (manufacturer, serialNumber, topic) => {
        const text = topicOf({ manufacturer, serialNumber }, topic);
        expect(text.split("/")).toHaveLength(5);
        expect(parseTopic(text)).toEqual({ manufacturer, serialNumber, topic });
      }),
    );
  });

  it("is written back as it was read, whatever the text", () => {
    const piece = fc.constantFrom(
      "hirewire",
      "v1",
      "",
      "a",
      "+",
      "#",
      "offer",
      "blob-get",
      "constructor",
      "__proto__",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 7 }), (pieces) => {
        const text = pieces.join("/");
        const parsed = parseTopic(text);
        if (parsed) expect(topicOf(parsed, parsed.topic)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    "",
    "/",
    "hirewire/v1/acme/7",
    "hirewire/v1/acme/7/offer/",
    "hirewire/v1/acme/7/offer/x",
    "/hirewire/v1/acme/7/offer",
    "hirewire/v2/acme/7/offer",
    "Hirewire/v1/acme/7/offer",
    "hirewire/v1//7/offer",
    "hirewire/v1/acme//offer",
    "hirewire/v1/acme/7/",
    "hirewire/v1/acme/7/Offer",
    "hirewire/v1/acme/7/toString",
    "hirewire/v1/acme/7/__proto__",
    "$SYS/v1/acme/7/offer",
  ])("is not %j", (text) => {
    expect(parseTopic(text)).toBeNull();
  });

  it("travels up, down, or both, and keeps to what MQTT 3.1.1 has", () => {
    for (const [name, rule] of Object.entries(TOPICS)) {
      expect(rule.up || rule.down, name).toBe(true);
      expect([0, 1]).toContain(rule.qos);
      expect(rule.limit).toBeGreaterThan(0);
      expect(rule.retain && !["connection", "factsheet"].includes(name)).toBe(false);
    }
    expect(names.filter((name) => TOPICS[name].up && TOPICS[name].down)).toEqual([
      "progress",
      "blob-get",
      "blob-data",
    ]);
    expect(TOPIC_ROOT.split("/")).toHaveLength(2);
  });
});
