import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { addresseeOf, offerIdFor } from "../../src/exchange/addressee.ts";
import { sayAgain } from "../../src/exchange/outbox.ts";
import { taskOf } from "../../src/market/market.ts";
import { GUEST, OPERATOR } from "../../src/market/roster.ts";
import { commandId } from "../../src/protocol/scalar.ts";
import { type Counter, openCounter } from "./counter.ts";
import { ARM, BOARD, bid, CAMERA, funded, offer, offerTerms, ROBOT, START, voucherOf } from "./stage.ts";

const enrol = (manufacturer: string) =>
  ({
    kind: "deviceEnrolled",
    device: ROBOT.address,
    owner: null,
    name: "operator",
    manufacturer,
    serialNumber: "t",
  }) as const;

async function offered(manufacturer: string, id: string): Promise<{ counter: Counter; task: Hex }> {
  const counter = openCounter();
  await counter.observe([...funded([ROBOT, ARM, BOARD, CAMERA], 10_000n), enrol(manufacturer)]);
  await counter.send(
    ROBOT,
    "offer",
    await offer(ROBOT, offerTerms(id, { voucher: await voucherOf(ROBOT, 1_200n) })),
  );
  const [task] = [...counter.state.market.tasks.keys()];
  if (!task) throw new Error("no task");
  await counter.tell({ topic: "blobsHere", task });
  return { counter, task };
}

const announcedTo = (counter: Counter) =>
  counter.heard().flatMap(({ to, topic }) => (topic === "announce" ? [to] : []));

describe("an offer's id that names a provider", () => {
  it("gives its name back, whatever its bytes, and is an id that may be said", () => {
    const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(toHex);
    const roster = new Map([
      [
        ROBOT.address,
        { address: ROBOT.address, name: "operator", owner: null, manufacturer: OPERATOR, serialNumber: "t" },
      ],
    ]);
    fc.assert(
      fc.property(anyAddress, fc.nat(4_102_444_800_000), (provider, now) => {
        const offerId = offerIdFor(provider, now);
        expect(commandId.safeParse(offerId).success).toBe(true);
        expect(addresseeOf({ roster }, { requester: ROBOT.address, offerId } as never)).toBe(provider);
      }),
    );
  });

  it("is told to that provider alone, at once and at its next session", async () => {
    const { counter, task } = await offered(OPERATOR, offerIdFor(ARM.address, START));
    expect(announcedTo(counter)).toEqual([ARM.address]);
    const again = ({ address }: typeof ARM) =>
      sayAgain(counter.state, address, true).map(({ topic }) => topic);
    expect([again(ARM), again(BOARD), again(CAMERA)]).toEqual([["announce"], [], []]);
    await counter.send(ARM, "bid", await bid(ARM, "b-1", task, 500n));
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", task, 400n));
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task });
    expect(taskOf(counter.state.market, task).run?.provider).toBe(ARM.address);
  });

  it("means nothing where anybody but the gateway's own requester says it", async () => {
    for (const manufacturer of ["hirewire", GUEST]) {
      const { counter, task } = await offered(manufacturer, offerIdFor(ARM.address, START));
      expect(announcedTo(counter)).toEqual([BOARD, ARM, CAMERA].map(({ address }) => address));
      expect(addresseeOf(counter.state, taskOf(counter.state.market, task))).toBeNull();
    }
  });

  it("is anybody's where it names nobody", async () => {
    for (const id of ["o-1", "test-", "test-abc"]) {
      const { counter } = await offered(OPERATOR, id);
      expect(announcedTo(counter)).toHaveLength(3);
    }
  });
});
