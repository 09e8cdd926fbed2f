import { expect, it } from "vitest";
import { amount } from "../src/base/money.ts";
import { Desk, SECRET } from "./custody-desk.ts";
import { CART, ROBOT } from "./exchange/stage.ts";

it("a device that is here is estranged once what it came in by is its own no more", () => {
  const desk = new Desk();
  const { custody } = desk;
  // it came in by a signature before its wallet was kept here
  expect(custody.isEstranged(ROBOT.address)).toBe(true);
  expect([custody.secretOf(ROBOT.address), custody.secretOf(CART.address)]).toEqual([SECRET, null]);
  expect([ROBOT, CART].map(({ address }) => custody.isEstranged(address))).toEqual([false, false]);
  desk.wallet = { ...desk.walletUnder(amount(5n)), secret: SECRET.slice() };
  expect(custody.isEstranged(ROBOT.address)).toBe(false);
  desk.wallet = { ...desk.walletUnder(amount(5n)), secret: new Uint8Array(32) };
  expect(custody.isEstranged(ROBOT.address)).toBe(true);
  // whoever comes in by the new one meanwhile does not make the former good
  expect(custody.secretOf(ROBOT.address)).toEqual(new Uint8Array(32));
  expect(custody.isEstranged(ROBOT.address)).toBe(true);
  custody.forgetFormer();
  custody.secretOf(ROBOT.address);
  expect(custody.isEstranged(ROBOT.address)).toBe(false);
  custody.forgetFormer();
  desk.wallet = null;
  expect([custody.isEstranged(ROBOT.address), custody.secretOf(ROBOT.address)]).toEqual([true, null]);
});
