/**
 * A simulated provider: bids a flat price per task, more while it is busy, and runs what it is awarded.
 *
 *     node devices/robot/sim/provider.ts --connection FILE --wallet FILE --rpc URL|--watchtower URL|--lanes trust
 *       [--confirmations 12] [--price 900] [--busy 150]
 */
import { once } from "node:events";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { readConnectionFile } from "../connection-file.ts";
import { connectRobot } from "../robot.ts";
import { LANE_OPTIONS, lanesFrom } from "./lanes.ts";
import { readOptions, runProgram, say, sayEvents } from "./program.ts";

await runProgram(async (ending) => {
  const options = readOptions({ connection: null, wallet: null, price: "900", busy: "150", ...LANE_OPTIONS });
  const executor = new Executor({ clock: systemClock });
  await executor.start();
  try {
    const file = await readConnectionFile(options.connection);
    const robot = await connectRobot({
      file,
      lanes: lanesFrom(options, file),
      walletPath: options.wallet,
      factsheet: { profiles: ["task/1"], memoryMiB: 64 },
      signal: ending,
    });
    sayEvents(robot);
    const running = new Set<string>();
    const serving = robot.serve({
      executor,
      concurrency: 8,
      price: () => amount(BigInt(options.price) + BigInt(options.busy) * BigInt(running.size)),
      onEvent: (task, step) => {
        if (step === "accepted") running.add(task);
        if (step === "delivered" || step === "forfeited" || step === "rejected") running.delete(task);
        say("task", { task, step });
      },
    });
    say("serving", { device: robot.address });
    if (!ending.aborted) await once(ending, "abort");
    await serving.stop();
    await robot.close();
  } finally {
    await executor.stop();
  }
});
