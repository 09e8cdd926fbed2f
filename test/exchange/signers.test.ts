import { expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { signaturesIn, signedByItsSender } from "../../src/exchange/intake.ts";
import { Signers } from "../../src/exchange/signers.ts";
import { checkSigners } from "../../src/kernels/signature.ts";
import type { SignatureCheck } from "../../src/kernels/signature-group.ts";
import { CART, MARKET, manifest, offer, offerTerms, ROBOT, voucherOf } from "./stage.ts";

const digest: Hex = `0x${"5a".repeat(32)}`;

async function questions(): Promise<{ readonly own: SignatureCheck; readonly copied: SignatureCheck }> {
  const signature = await ROBOT.sign(digest);
  return { own: { by: ROBOT.address, digest, signature }, copied: { by: CART.address, digest, signature } };
}

it("a signature holds for who made it, and for nobody who copies it in the same group", async () => {
  const { own, copied } = await questions();
  const foreseen = new Signers();
  await foreseen.foresee([own, copied], (checks) => Promise.resolve(checkSigners(checks)));
  expect([foreseen.isSigner(own), foreseen.isSigner(copied), foreseen.unforeseen]).toEqual([true, false, 0]);
  const asked = new Signers();
  expect([asked.isSigner(copied), asked.isSigner(own), asked.unforeseen]).toEqual([false, true, 2]);
});

it("what was foreseen is asked once, what was not is asked once when it is wanted", async () => {
  const { own, copied } = await questions();
  const signers = new Signers();
  const asked: number[] = [];
  await signers.foresee([own], (checks) => {
    asked.push(checks.length);
    return Promise.resolve(checkSigners(checks));
  });
  for (let times = 0; times < 3; times++) expect(signers.isSigner(own)).toBe(true);
  for (let times = 0; times < 3; times++) expect(signers.isSigner(copied)).toBe(false);
  expect([asked, signers.unforeseen]).toEqual([[1], 1]);
});

it("all that deciding an offer asks about is foreseen: its own signature, its voucher's and its manifest's", async () => {
  const signed = await manifest(CART);
  const terms = offerTerms("o-1", { manifest: signed, voucher: await voucherOf(ROBOT, 10n) });
  const command = { topic: "offer", by: ROBOT.address, message: await offer(ROBOT, terms) } as const;
  const signers = new Signers();
  await signers.foresee(signaturesIn(MARKET, command), (checks) => Promise.resolve(checkSigners(checks)));
  expect(signedByItsSender(MARKET, command, signers)).toBe(true);
  expect(terms.voucher && signers.isPayer(terms.voucher, ROBOT.address)).toBe(true);
  expect(signers.isAuthor(signed)).toBe(true);
  expect(signers.unforeseen).toBe(0);
  expect(signers.isAuthor({ ...signed, author: ROBOT.address })).toBe(false);
});
