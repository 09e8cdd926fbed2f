/** A parent that starts an executor, may begin an endless run, says its child's process id, and waits to be killed. */
import { argv, stdout } from "node:process";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { ENDLESS, taskModule } from "./module.ts";

const executor = new Executor({ clock: systemClock });
await executor.start();
const [child] = executor.pids;
const request = {
  firmware: taskModule({ run: ENDLESS }),
  input: new Uint8Array(),
  fuelLimit: 1e15,
  wallMs: 100,
  maxOutput: 1,
};
const run = argv[2] === "busy" ? executor.run(request) : systemClock.sleep(60_000);
// the request is in the pipe once the microtasks are done
await setImmediate();
stdout.write(`${child}\n`);
await run;
