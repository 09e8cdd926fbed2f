/**
 * A simulated board: buys path plans over a serial line, MQTT inside the reliable link.
 *
 *     node devices/board/board.ts --path /dev/ttyX|tcp://host:port --connection FILE --wallet FILE --firmware FILE
 *       --rpc URL|--watchtower URL|--lanes trust [--confirmations 12] [--baud 115200] [--map FILE] [--scen FILE]
 *       [--queries 1] [--manifest FILE] [--fuel-limit N] [--max-price N]
 */
import { readFile } from "node:fs/promises";
import { systemClock } from "../../src/base/clock.ts";
import { openSerialLine } from "../../src/link/serial/line.ts";
import { readConnectionFile } from "../robot/connection-file.ts";
import { readCourse } from "../robot/plan/course.ts";
import { connect } from "../robot/robot.ts";
import { LANE_OPTIONS, lanesFrom } from "../robot/sim/lanes.ts";
import { LIMIT_OPTIONS, limitsOf, planBatch } from "../robot/sim/planning.ts";
import { readOptions, runProgram, say, sayEvents } from "../robot/sim/program.ts";
import { LineSessions } from "./line-sessions.ts";

await runProgram(async (ending) => {
  const options = readOptions({
    ...{ path: null, connection: null, wallet: null, firmware: null, baud: "115200" },
    ...{ ...LANE_OPTIONS, ...LIMIT_OPTIONS },
    ...{ map: "", scen: "", queries: "1", seed: "1" },
  });
  const sessions = new LineSessions();
  const line = openSerialLine({
    path: options.path,
    baud: Number(options.baud),
    role: "board",
    clock: systemClock,
    onSession: (stream) => sessions.offer(stream),
  });
  ending.addEventListener("abort", () => void line.close(), { once: true });
  try {
    const firmware = await readFile(options.firmware);
    // The last query of the course is the board's: the others are a robot's.
    const { grid, queries } = await readCourse({
      map: options.map || null,
      scen: options.scen || null,
      count: Number(options.queries),
      part: "last",
      seed: Number(options.seed),
    });
    const file = await readConnectionFile(options.connection);
    const robot = await connect({
      file,
      lanes: lanesFrom(options, file),
      walletPath: options.wallet,
      stream: () => sessions.next(),
      signal: ending,
    });
    sayEvents(robot);
    const terms = { firmware, ...(await limitsOf(options, grid, 1)), signal: ending };
    let optimal = 0;
    for (const [number, query] of queries.entries()) {
      const right = await planBatch(robot, grid, [query], terms, number);
      optimal += right;
    }
    say("done", { tasks: queries.length, queries: queries.length, optimal, line: { ...line.stats } });
    await robot.close();
  } finally {
    await line.close();
  }
});
