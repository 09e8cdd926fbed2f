/**
 * `npm run screenshot`: plays the demo, waits until it has earned and settled something, and takes README's picture of
 * the first screen. Needs Debian's chromium.
 *
 * Usage: node test/screenshot.ts [FILE]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "..");
const CHROMIUM = "/usr/bin/chromium";
const SIZE = { width: 1280, height: 800 };
/** Tasks that make a first screen worth looking at. */
const TASKS = 24;
const PATIENCE = 240_000;

/** The demo's page link, once so many tasks were paid and the first settlement is through. */
async function linkOf(demo: ChildProcess): Promise<string> {
  if (!demo.stdout) throw new Error("the demo says nothing");
  let link = "";
  let tasks = 0;
  let isSettled = false;
  for await (const line of createInterface({ input: demo.stdout })) {
    const said: { kind?: string; title?: string; detail?: string } = JSON.parse(line);
    if (said.kind === "stage" && said.title === "page") link = said.detail ?? "";
    if (said.kind === "task") tasks++;
    if (said.kind === "summary") isSettled = true;
    if (link !== "" && isSettled && tasks >= TASKS) return link;
  }
  throw new Error("the demo has ended before there was something to see");
}

async function take(link: string, file: string): Promise<void> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({
      viewport: SIZE,
      locale: "en-GB",
      colorScheme: "light",
      deviceScaleFactor: 1.5,
    });
    await page.goto(link);
    await page.locator(".chart canvas").waitFor({ timeout: 30_000 });
    // Live tasks come and go: the picture should have some.
    await page
      .locator("main table")
      .filter({ hasText: "Firmware" })
      .locator("tbody tr")
      .first()
      .waitFor({ timeout: 60_000 });
    await page.screenshot({ path: file, fullPage: true });
  } finally {
    await browser.close();
  }
}

const file = resolve(process.argv[2] ?? join(ROOT, "src/operator/page/screenshot.png"));
const folder = mkdtempSync(join(tmpdir(), "hirewire-screenshot-"));
const args = [
  "src/hirewire.ts",
  "demo",
  "--stay",
  "--queries",
  "12",
  "--json",
  "--data",
  join(folder, "demo"),
];
const demo = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
const ended = new Promise((resolve) => demo.once("exit", resolve));
const timer = setTimeout(() => demo.kill("SIGTERM"), PATIENCE);
try {
  await take(await linkOf(demo), file);
  process.stdout.write(`${file}\n`);
} finally {
  clearTimeout(timer);
  demo.stdout?.resume();
  demo.kill("SIGINT");
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
