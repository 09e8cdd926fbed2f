import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Draft, decodeDraft, draftSchemas, encodeDraft } from "../../src/protocol/draft.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/message.ts";
import { MESSAGES } from "./any-message.ts";

/** What a device with a kept wallet says where another one says such an offer. */
const offers = MESSAGES.offer.map(({ signature, voucher: _, ...draft }) => ({ draft, signature }));
const vouchers: fc.Arbitrary<Draft<"voucher">> = MESSAGES.voucher.map(({ id, voucher }) => {
  const { epoch, cumulative } = voucher;
  return { version: 1, id, epoch, cumulative };
});

describe("a draft", () => {
  it("comes back from its JSON as it was", () => {
    fc.assert(
      fc.property(offers, vouchers, ({ draft: offer }, voucher) => {
        expect(decodeDraft("offer", JSON.parse(encodeDraft("offer", offer)))).toEqual(offer);
        expect(decodeDraft("voucher", JSON.parse(encodeDraft("voucher", voucher)))).toEqual(voucher);
      }),
    );
  });

  it("of an offer is the offer but for its signature, to the letter", () => {
    fc.assert(
      fc.property(offers, ({ draft, signature }) => {
        const whole = encodeMessage("offer", { ...draft, signature });
        expect(decodeMessage("offer", { ...JSON.parse(encodeDraft("offer", draft)), signature })).toEqual({
          ...draft,
          signature,
        });
        const { signature: _, ...rest } = JSON.parse(whole);
        expect(rest).toEqual(JSON.parse(encodeDraft("offer", draft)));
        expect(decodeDraft("offer", JSON.parse(whole))).toBeNull();
      }),
    );
  });

  it("has every member, and no other", () => {
    fc.assert(
      fc.property(offers, vouchers, fc.nat(), ({ draft: offer }, voucher, at) => {
        for (const [topic, text] of [
          ["offer", encodeDraft("offer", offer)],
          ["voucher", encodeDraft("voucher", voucher)],
        ] as const) {
          const value: Record<string, unknown> = JSON.parse(text);
          const names = Object.keys(draftSchemas[topic].shape).filter((name) => name !== "manifest");
          const missing = names[at % names.length] ?? "";
          expect(decodeDraft(topic, { ...value, [missing]: undefined }), missing).toBeNull();
          expect(decodeDraft(topic, { ...value, more: 1 })).toBeNull();
        }
      }),
    );
  });
});
