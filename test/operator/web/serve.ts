/** Serves a desk of a fixture by hand: `node test/operator/web/serve.ts [MODULE.ts EXPORT] [PORT]`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Desk } from "../../../src/operator/api/desk.ts";
import { openStand } from "./stand.ts";

const words = process.argv.slice(2);
const port = words.find((word) => /^\d+$/.test(word)) ?? "8499";
const [module, name] = words.filter((word) => word !== port);

async function deskOf(): Promise<Desk | null> {
  if (module === undefined || name === undefined) return null;
  const found: unknown = (await import(pathToFileURL(resolve(module)).href))[name];
  return (typeof found === "function" ? await found() : found) as Desk;
}

const desk = await deskOf();
const stand = await openStand({
  ...(desk && { desk }),
  pageFolder: "build/page",
  settings: { listen: `127.0.0.1:${port}` },
});
const owner = `0x${"ab".repeat(20)}` as const;
console.log(`operator  ${stand.link()}
viewer    ${stand.link({ role: "viewer", owner: null })}
owner     ${stand.link({ role: "operator", owner })}`);
process.once("SIGINT", () => void stand.close());
