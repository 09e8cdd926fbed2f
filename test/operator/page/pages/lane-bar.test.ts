import { expect, test } from "vitest";
import type { LaneRow } from "../../../../src/operator/api/lane.ts";
import { laneBars } from "../../../../src/operator/page/pages/lane-bar.ts";

const GATEWAY = `0x${"01".repeat(20)}`;

function lane(device: number, direction: LaneRow["direction"], amounts: [string, string, string]): LaneRow {
  const address = `0x${device.toString(16).padStart(40, "0")}`;
  const [deposit, signed, settled] = amounts;
  const isIn = direction === "incoming";
  return {
    id: `${address}-${isIn ? "in" : "out"}`,
    direction,
    device: { address, name: `device-${device}` },
    payer: isIn ? address : GATEWAY,
    payee: isIn ? GATEWAY : address,
    epoch: 0,
    deposit,
    signed,
    settled,
    unsettled: (Number(signed) - Number(settled)).toFixed(6),
    room: (Number(deposit) - Number(signed)).toFixed(6),
    state: "open",
    window: "1 day",
    closesAt: null,
  };
}

const LANES = [
  lane(2, "outgoing", ["2.000000", "0.500000", "0.000000"]),
  lane(1, "incoming", ["8.000000", "6.000000", "2.000000"]),
  lane(2, "incoming", ["4.000000", "1.000000", "1.000000"]),
];

const shares = (bars: ReturnType<typeof laneBars>) =>
  bars.map(({ bars: each }) => each.map(({ parts }) => parts.map(({ side, share }) => [side, share])));

test("lanes stand by device, incoming first, all on the scale of the longest deposit", () => {
  const bars = laneBars(LANES, false);
  expect(bars.map(({ device }) => device.name)).toEqual(["device-2", "device-1"]);
  expect(shares(bars)).toEqual([
    [
      [
        ["ours", 0.125],
        ["ours", 0],
        ["theirs", 0.375],
      ],
      [
        ["theirs", 0],
        ["theirs", 0.0625],
        ["ours", 0.1875],
      ],
    ],
    [
      [
        ["ours", 0.25],
        ["ours", 0.5],
        ["theirs", 0.25],
      ],
    ],
  ]);
});

test("to an owner of devices, ours is the devices' side", () => {
  const sides = (isOwner: boolean) =>
    laneBars(LANES, isOwner).flatMap(({ bars }) =>
      bars.flatMap(({ parts }) => parts.map(({ side }) => side)),
    );
  const turned = sides(false).map((side) => (side === "ours" ? "theirs" : "ours"));
  expect(sides(true)).toEqual(turned);
});

test("without any deposit there is nothing to draw, and no division by it", () => {
  const [only] = laneBars([lane(1, "incoming", ["0.000000", "0.000000", "0.000000"])], false);
  expect(only?.bars[0]?.parts.map(({ share }) => share)).toEqual([0, 0, 0]);
  expect(laneBars([], false)).toEqual([]);
});
