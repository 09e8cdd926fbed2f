/**
 * A simulated provider: asks a rate for fuel, more while it is busy, and runs what it is awarded and trusts.
 *
 *     node devices/robot/sim/provider.ts --connection FILE --wallet FILE --trust FILE
 *       --rpc URL|--watchtower URL|--lanes trust [--confirmations 12] [--rate R|1=R,16=R,64=R] [--busy 15]
 *
 * `--rate` is in atomic units for 10^12 of fuel, 85000000 unless told, for all memory classes or for each; a class that
 * it leaves out is not bid for. `--busy` is added for each task under way, in percent of it.
 */
import { once } from "node:events";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { PROFILES } from "../../../src/protocol/fuel.ts";
import { readConnectionFile } from "../connection-file.ts";
import { connect } from "../robot.ts";
import { readTrust } from "../trust.ts";
import { LANE_OPTIONS, lanesFrom } from "./lanes.ts";
import { readOptions, runProgram, say, sayEvents } from "./program.ts";
import { readRates } from "./rates.ts";

await runProgram(async (ending) => {
  const options = readOptions({
    ...{ connection: null, wallet: null, trust: null, rate: "85000000", busy: "15" },
    ...LANE_OPTIONS,
  });
  const rates = readRates(options.rate);
  const trust = await readTrust(options.trust);
  const executor = new Executor({ clock: systemClock });
  await executor.start();
  try {
    const speed = await executor.benchmark();
    const file = await readConnectionFile(options.connection);
    const robot = await connect({
      file,
      lanes: lanesFrom(options, file),
      walletPath: options.wallet,
      factsheet: { profiles: [...PROFILES], memoryMiB: 64 },
      signal: ending,
    });
    sayEvents(robot);
    const running = new Set<string>();
    const percent = () => 100n + BigInt(options.busy) * BigInt(running.size);
    const serving = robot.serve({
      ...{ executor, trust, speed },
      rate: ({ memoryMiB }) => {
        const idle = rates.get(memoryMiB);
        return idle === undefined ? null : amount((idle * percent()) / 100n);
      },
      concurrency: 8,
      ask: [...rates].map(([memoryMiB, rate]) => ({ memoryMiB, rate })),
      onEvent: (task, step) => {
        if (step === "accepted") running.add(task);
        if (step === "delivered" || step === "forfeited" || step === "rejected") running.delete(task);
        say("task", { task, step });
      },
    });
    say("serving", {
      ...{ device: robot.address, rates: Object.fromEntries(rates) },
      fuelPerSecond: Object.fromEntries(speed),
    });
    if (!ending.aborted) await once(ending, "abort");
    await serving.stop();
    await robot.close();
  } finally {
    await executor.stop();
  }
});
