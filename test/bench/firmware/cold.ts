/**
 * `node cold.ts quickjs|astar ours|compiler|wasm-metering`: milliseconds that the first module takes in a new process.
 *
 * Processor time of this thread, so that a busy machine does not count. Decoding is part of it, loading the programs is
 * not.
 */
import { compileKernel } from "../../firmware/kernels/compile.ts";
import { metered } from "./fuel.ts";
import { quickjsModule } from "./quickjs.ts";
import { meterByHost, PEER } from "./wasm-metering.ts";

const [name, who] = process.argv.slice(2);
const bytes = name === "quickjs" ? quickjsModule() : await compileKernel("astar");
const start = process.threadCpuUsage();
if (who === PEER) meterByHost(bytes);
else if (who === "compiler") new WebAssembly.Module(bytes);
else metered(bytes);
const { user, system } = process.threadCpuUsage(start);
process.stdout.write(String((user + system) / 1e3));
