#!/usr/bin/env node
/**
 * The door: says clearly when Node is too old, turns on its compile cache, and hands over to the command line.
 *
 * It imports nothing of ours before that, because an old Node fails at the first import of what it lacks.
 */
import module from "node:module";
import v8 from "node:v8";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `hirewire needs Node 24.15 or newer, this is ${process.versions.node}; npm i node@24 brings one\n`,
  );
  process.exit(1);
}
// On a large machine the heap would grow to three times of what is in it before anything is collected. It is a part of
// the compile cache's key, so it comes first.
v8.setFlagsFromString("--optimize-for-size");
module.enableCompileCache();
// The processes that we start read the variable: half a second each on a small machine.
process.env["NODE_COMPILE_CACHE"] ??= module.getCompileCacheDir();
await import("./main.ts");
