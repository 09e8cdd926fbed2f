/** Who gives way where all places are taken. */
import { describe, expect, it } from "vitest";
import { dial, dialIn, PINGREQ, PINGRESP } from "./raw-client.ts";
import { makeDevice, startStand } from "./stand.ts";

describe("a connection", () => {
  it.each([{ connections: 3 }, { connectionsPerAddress: 3 }])(
    "before it logs in, gives way to a newer one where %o is all, and a session to none",
    async (limits) => {
      const robot = makeDevice();
      const stand = await startStand({ devices: [robot], limits });
      const kept = await dialIn(stand.broker, robot, { clientId: robot.clientId("kept") });
      const [first, second] = [await dial(stand.broker), await dial(stand.broker)];
      await dialIn(stand.broker, robot, { clientId: robot.clientId("late") });
      expect(await first.next()).toBeNull();
      await dialIn(stand.broker, robot, { clientId: robot.clientId("last") });
      expect(await second.next()).toBeNull();
      expect(await (await dial(stand.broker)).next()).toBeNull();
      expect(stand.refused()).toEqual(["too_many", "too_many", "too_many"]);
      kept.send(PINGREQ);
      expect(await kept.types(1)).toEqual([PINGRESP]);
      expect(stand.broker.figures).toMatchObject({ connections: 3, sessions: 3 });
    },
  );
});
