import { expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { Signers } from "../../src/exchange/signers.ts";
import { checkSigners } from "../../src/kernels/signature.ts";
import type { SignatureCheck } from "../../src/kernels/signature-group.ts";
import { CART, ROBOT } from "./stage.ts";

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
