import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asyncApiDocument } from "../../src/protocol/asyncapi.ts";
import { TOPICS, type Topic } from "../../src/protocol/topic.ts";

const FILE = new URL("../../src/protocol/asyncapi.json", import.meta.url);
const document: ReturnType<typeof asyncApiDocument> = JSON.parse(JSON.stringify(asyncApiDocument()));
const names = Object.keys(TOPICS) as Topic[];

/** Every `$ref` in a value. */
function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : refsIn(inner),
  );
}

function at(pointer: string): unknown {
  let value: unknown = document;
  for (const part of pointer.split("/").slice(1)) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  }
  return value;
}

describe("the AsyncAPI document", () => {
  it("in the tree is the one that the schemas give; npm run docs writes it", () => {
    expect(JSON.parse(readFileSync(FILE, "utf8"))).toEqual(document);
  });

  it("has a channel and a message for each topic, and the operations of its direction", () => {
    expect(Object.keys(document.channels)).toEqual(names);
    expect(Object.keys(document.components.messages)).toEqual([...names, "offer-draft", "voucher-draft"]);
    const expected = names.flatMap((topic) => [
      ...(TOPICS[topic].up ? [`receive-${topic}`] : []),
      ...(TOPICS[topic].down ? [`send-${topic}`] : []),
    ]);
    expect(Object.keys(document.operations)).toEqual(expected);
  });

  it("gives five levels of address, and the QoS and retain of each topic", () => {
    for (const topic of names) {
      expect(at(`#/channels/${topic}/address`)).toBe(`hirewire/v1/{manufacturer}/{serialNumber}/${topic}`);
      const { qos, retain, up } = TOPICS[topic];
      const operation = `#/operations/${up ? "receive" : "send"}-${topic}`;
      expect(at(`${operation}/bindings/mqtt`)).toEqual({ qos, retain, bindingVersion: "0.2.0" });
    }
  });

  it("shows what a kept wallet says in place of what is signed", () => {
    for (const topic of ["offer", "voucher"] as const) {
      const messages = [topic, `${topic}-draft`];
      expect(Object.keys(document.channels[topic]?.messages ?? {})).toEqual(messages);
      const refs = messages.map((name) => ({ $ref: `#/channels/${topic}/messages/${name}` }));
      expect(at(`#/operations/receive-${topic}/messages`)).toEqual(refs);
      const payload = `#/components/messages/${topic}-draft/payload`;
      expect(at(`${payload}/properties`)).not.toHaveProperty("signature");
      expect(at(`${payload}/properties`)).not.toHaveProperty("voucher");
      expect(at(`${payload}/additionalProperties`)).toBe(false);
    }
  });

  it("points nowhere that is not there", () => {
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(names.length * 4);
    expect(refs.filter((ref) => at(ref) === undefined)).toEqual([]);
  });

  it("describes commands as they are written: amounts as text, no unknown field, voucher optional", () => {
    expect(at("#/components/messages/offer/payload/additionalProperties")).toBe(false);
    expect(at("#/components/messages/offer/payload/required")).not.toContain("voucher");
    expect(at("#/components/messages/offer/payload/required")).not.toContain("manifest");
    expect(at("#/components/messages/offer/payload/required")).toContain("maxPrice");
    expect(at("#/components/messages/bid/payload/properties/rate")).toMatchObject({ type: "string" });
    expect(at("#/components/messages/bid/payload/properties/expires")).toMatchObject({
      type: "integer",
      minimum: 0,
      maximum: 2 ** 53 - 1,
    });
    expect(at("#/components/messages/state/payload/additionalProperties")).not.toBe(false);
  });
});
