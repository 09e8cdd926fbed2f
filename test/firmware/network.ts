/** A program that says on its standard output what it can reach; its one line of input is a port that listens here. */
import { lookup } from "node:dns/promises";
import { readFileSync, writeSync } from "node:fs";
import { createConnection } from "node:net";
import { networkInterfaces } from "node:os";
import { attempt } from "./network-attempt.ts";

const port = Number(readFileSync(0, "utf8"));
const found = {
  connect: await attempt(
    () =>
      new Promise<void>((resolve, reject) => {
        createConnection({ host: "127.0.0.1", port }, resolve).once("error", reject);
      }),
  ),
  resolve: await attempt(() => lookup("localhost.example.com")),
  read: await attempt(() => Promise.try(() => readFileSync("/etc/hostname"))),
  write: await attempt(() => import("node:fs/promises").then(({ mkdtemp }) => mkdtemp("not-to-be-"))),
  spawn: await attempt(() => import("node:child_process").then(({ spawnSync }) => spawnSync("true"))),
  thread: await attempt(() =>
    import("node:worker_threads").then(({ Worker }) => new Worker("", { eval: true })),
  ),
  interfaces: Object.keys(networkInterfaces()).filter((name) => name !== "lo"),
  environment: Object.keys(process.env),
};
writeSync(1, JSON.stringify(found));
process.exit(0);
