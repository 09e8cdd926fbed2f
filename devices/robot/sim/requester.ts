/**
 * A simulated requester: plans many paths on one map by hiring, and compares every length with the optimum.
 *
 *     node devices/robot/sim/requester.ts --connection FILE --wallet FILE --firmware FILE
 *       --rpc URL|--watchtower URL|--lanes trust [--confirmations 12] [--payment prepaid|result]
 *       [--map FILE] [--scen FILE] [--queries 32] [--part all|but-last] [--batch 1] [--parallel 4]
 *       [--manifest FILE] [--fuel-limit N] [--max-price N] [--pause 0]
 *
 * Unless told, the fuel limit of a task follows from its map and queries, and its highest price from the fuel limit. As
 * much again is set aside to have it checked. `--pause` is so many milliseconds after each answer.
 */
import { readFile } from "node:fs/promises";
import { systemClock } from "../../../src/base/clock.ts";
import { add, amount } from "../../../src/base/money.ts";
import { readConnectionFile } from "../connection-file.ts";
import { readCourse } from "../plan/course.ts";
import { connect } from "../robot.ts";
import { LANE_OPTIONS, lanesFrom } from "./lanes.ts";
import { LIMIT_OPTIONS, limitsOf, planBatch } from "./planning.ts";
import { readOptions, runProgram, say, sayEvents } from "./program.ts";

await runProgram(async (ending) => {
  const options = readOptions({
    ...{ connection: null, wallet: null, firmware: null, map: "", scen: "", seed: "1" },
    ...{ ...LANE_OPTIONS, ...LIMIT_OPTIONS, payment: "prepaid" },
    ...{ queries: "32", part: "all", batch: "1", parallel: "4", pause: "0" },
  });
  const course = await readCourse({
    map: options.map || null,
    scen: options.scen || null,
    count: Number(options.queries),
    part: options.part === "but-last" ? "but-last" : "all",
    seed: Number(options.seed),
  });
  const { grid } = course;
  const batches = chunked(course.queries, Number(options.batch));
  say("course", {
    ...{ map: course.map, width: grid.width, height: grid.height, source: course.source },
    ...{ queries: course.queries.length, tasks: batches.length },
  });
  const firmware = await readFile(options.firmware);
  const file = await readConnectionFile(options.connection);
  const lanes = lanesFrom(options, file);
  const limits = await limitsOf(options, grid, Number(options.batch));
  // All that is under way at a time, and as much again while answers are on their way.
  const creditLimit = amount(2n * BigInt(options.parallel) * add(limits.maxPrice, limits.checkBudget));
  const robot = await connect({ file, lanes, creditLimit, walletPath: options.wallet, signal: ending });
  sayEvents(robot);
  const terms = {
    firmware,
    ...limits,
    payment: options.payment === "result" ? ("result" as const) : ("prepaid" as const),
    signal: ending,
  };
  const pause = Number(options.pause);
  let optimal = 0;
  const next = batches.entries();
  const worker = async () => {
    for (const [number, queries] of next) {
      const right = await planBatch(robot, grid, queries, terms, number);
      optimal += right;
      if (pause > 0) await systemClock.sleep(pause, ending);
    }
  };
  await Promise.all(Array.from({ length: Number(options.parallel) }, worker));
  say("done", { tasks: batches.length, queries: course.queries.length, optimal });
  await robot.close();
});

function chunked<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}
