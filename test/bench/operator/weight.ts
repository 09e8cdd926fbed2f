/** How much a browser loads before it shows the first screen: everything that index.html names, compressed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import type { Figure } from "../main.ts";

const CONFIG = resolve(import.meta.dirname, "../../../src/operator/page/vite.config.ts");

/** KB (1,024 bytes) of gzip that the first load may have. */
const BUDGET = 45;

/** One row: the page as it is built now, beside what it may weigh. */
export async function weightFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-weight-"));
  try {
    await build({ configFile: CONFIG, logLevel: "silent", build: { outDir: folder, emptyOutDir: true } });
    const index = readFileSync(join(folder, "index.html"));
    const named = [...index.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
      ([, path = ""]) => path,
    );
    if (!named.some((path) => path.endsWith(".js"))) throw new Error("index.html names no program");
    const files = [index, ...named.map((path) => readFileSync(join(folder, path)))];
    const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
    const value = Math.round((bytes / 1_024) * 10) / 10;
    const ratio = Math.round((BUDGET / value) * 100) / 100;
    const what = { suite: "operator", metric: "page, first load, gzip", unit: "KB", peer: "budget" };
    return [{ ...what, value, peerValue: BUDGET, ratio, goal: 1, ok: value <= BUDGET }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
