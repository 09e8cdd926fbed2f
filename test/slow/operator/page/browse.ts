/**
 * Debian's Chromium on the operator's page: as `npm run build:page` makes it, served by the real web server over a fixture
 * desk.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, describe, expect, onTestFinished } from "vitest";
import type { Desk } from "../../../../src/operator/api/desk.ts";
import type { Grant } from "../../../../src/operator/web/access.ts";
import { type FixtureDesk, fixtureDesk } from "../../../operator/page/fixture/desk.ts";
import { openStand, type Stand, type StandOptions } from "../../../operator/web/stand.ts";

const ROOT = resolve(import.meta.dirname, "../../../..");
const CHROMIUM = "/usr/bin/chromium";
const isAbsent = !existsSync(CHROMIUM) && process.env["CI"] !== "true";

/** A suite that needs the browser; without it, it is skipped and says what to install, but never in CI. */
export function describeInBrowser(name: string, suite: () => void): void {
  const why = isAbsent ? " (skipped: install Debian's package chromium)" : "";
  describe.skipIf(isAbsent)(`${name}${why}`, suite);
}

let browser: Browser | null = null;

afterAll(async () => {
  await browser?.close();
  browser = null;
});

const WIDE = { width: 1280, height: 900 };

/** Ways to look at a page, by the name that its picture has. */
export const MODES = {
  light: { viewport: WIDE, colorScheme: "light" },
  dark: { viewport: WIDE, colorScheme: "dark" },
  zh: { viewport: WIDE, locale: "zh-CN" },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const satisfies Readonly<Record<string, BrowserContextOptions>>;

export type Mode = keyof typeof MODES;

export type VisitOptions = {
  readonly mode?: Mode;
  readonly grant?: Grant;
  readonly isEmpty?: boolean;
  /** Clerks that differ from the fixture's. */
  readonly desk?: Partial<Desk>;
  readonly web?: StandOptions;
};

export type Visit = {
  readonly page: Page;
  readonly stand: Stand;
  readonly fixture: FixtureDesk;
  /** Goes to an address of the page. */
  readonly go: (path: string) => Promise<void>;
  /** Errors that the browser's console has shown, refusals of the content policy among them. */
  readonly complaints: readonly string[];
};

/** Opens the page, logged in by a one-time link; everything is closed when the test ends. */
export async function visit(options: VisitOptions = {}): Promise<Visit> {
  const { mode = "light", grant = { role: "operator", owner: null }, isEmpty = false } = options;
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const fixture = fixtureDesk({ isEmpty });
  const stand = await openStand({
    desk: { ...fixture.desk, ...options.desk },
    pageFolder: join(ROOT, "build/page"),
    ...options.web,
  });
  onTestFinished(() => stand.close());
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "UTC",
    acceptDownloads: true,
    ...MODES[mode],
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("console", (said) => {
    // What the gateway refuses is the page's business to show, and for a test to look at.
    if (said.type() === "error" && !said.text().startsWith("Failed to load resource"))
      complaints.push(said.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  onTestFinished(() => expect(complaints).toEqual([]));
  await page.goto(stand.link(grant));
  await page.waitForURL((to) => to.pathname !== "/login");
  await page.locator("main h1").waitFor();
  const go = async (path: string) => {
    await page.goto(stand.url + path);
    await page.locator("main h1").waitFor();
  };
  return { page, stand, fixture, go, complaints };
}

/** Writes what is seen into `build/screenshots`, for a person to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = join(ROOT, "build/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: false });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong by WCAG 2.2 AA, as one line each; the serious and the critical. */
export async function axeFinds(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found: unknown =
    await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} }).then(({ violations }) =>
    violations.filter(({ impact }) => impact === "serious" || impact === "critical").flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + " " + target.join(" ") + ": " + failureSummary)))`);
  return found as readonly string[];
}
