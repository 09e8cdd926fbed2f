import { describe, expect, it } from "vitest";
import type { WaitingBoard } from "../../../src/link/broker/broker.ts";
import { rotation } from "../../../src/operator/api/action.ts";
import { newPairing, savePairing } from "../../../src/operator/device/pairing.ts";
import { MARKET } from "../../exchange/stage.ts";
import { KEEPER, NORTH, openFleets } from "./fleets.ts";

const waits = (origin: string, serialNumber = "b-1"): WaitingBoard =>
  ({ manufacturer: "m", serialNumber, model: "a board", origin }) as WaitingBoard;

function withBoard(waiting: readonly WaitingBoard[]) {
  const fleets = openFleets({ waiting: () => waiting });
  const place = { name: "board", manufacturer: "m", serialNumber: "b-1", owner: NORTH, cap: "1.00" };
  savePairing(fleets.data, newPairing(MARKET, place));
  void fleets.parts.refresh();
  const rotate = async (device: string) =>
    rotation.parse(await fleets.clerks.rotateKey({ params: { device }, input: {} }, KEEPER));
  return { ...fleets, rotate };
}

describe("a new key", () => {
  it("is given at once to the board that waits for its own wallet", async () => {
    const { rotate, asked } = withBoard([waits("/dev/ttyUSB0", "b-2"), waits("/dev/ttyUSB1")]);
    expect(await rotate("board")).toMatchObject({ done: true, command: null });
    expect(asked).toEqual(["pair board"]);
  });

  it("waits for a board that does not: its store has to be erased", async () => {
    const { rotate, asked } = withBoard([waits("/dev/ttyUSB0", "b-2")]);
    const found = await rotate("board");
    expect(found).toMatchObject({ done: false, command: "hirewire device pair board --again" });
    expect(found.what).toContain("erase the store");
    expect(asked).toEqual([]);
  });

  it("crosses no network unless somebody says so", async () => {
    const { rotate, asked } = withBoard([waits("tcp://barn:4000")]);
    expect((await rotate("board")).command).toBe("hirewire device pair board --again --over-network");
    expect(asked).toEqual([]);
  });

  it("of a device that has its own takes its owner's key, which is not here", async () => {
    const { rotate } = withBoard([]);
    const command = "hirewire device replace crane --owner-key KEYFILE --out FILE";
    expect(await rotate("crane")).toMatchObject({ done: false, command });
    expect((await rotate("lathe")).what).toContain("no owner");
  });
});
