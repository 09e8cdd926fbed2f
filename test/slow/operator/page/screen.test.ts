/** The first screen in a browser: figures that are doors, what needs somebody, live figures, stale ones, two languages. */
import { expect, test } from "vitest";
import type { Overview } from "../../../../src/operator/api/overview.ts";
import { alertWords } from "../../../../src/operator/page/pages/alert.words.ts";
import { alertsWords } from "../../../../src/operator/page/pages/alerts.words.ts";
import { chartWords } from "../../../../src/operator/page/pages/chart.words.ts";
import { homeWords } from "../../../../src/operator/page/pages/home.words.ts";
import { logsWords } from "../../../../src/operator/page/pages/logs.words.ts";
import { pricesWords } from "../../../../src/operator/page/pages/prices.words.ts";
import { settingsWords } from "../../../../src/operator/page/pages/settings.words.ts";
import { shellWords } from "../../../../src/operator/page/shell/shell.words.ts";
import { fixtureDesk } from "../../../operator/page/fixture/desk.ts";
import { NOW } from "../../../operator/page/fixture/values.ts";
import { describeInBrowser, visit } from "./browse.ts";
import { poll } from "./poll.ts";

const screenOf = async (isEmpty = false): Promise<Overview> =>
  await fixtureDesk({ isEmpty }).desk.overview(
    { params: {}, input: { period: "day", offset: 0 } },
    { name: "test", role: "operator", owner: null },
  );

describeInBrowser("the first screen", () => {
  test("answers: earned, spent, not yet settled, wallet with gas, and what needs somebody", async () => {
    const { page } = await visit();
    const figures = page.locator(".figure");
    await poll(() => figures.count()).toBe(4);
    const texts = await figures.allInnerTexts();
    expect(texts[0]).toContain("4.218300 USDT");
    expect(texts[0]).toContain("+12%");
    expect(texts[1]).toContain("cap 2.000000");
    expect(texts[2]).toContain("1.902400 USDT");
    expect(texts[3]).toContain("0.0412 ETH");
    expect(texts[3]).toContain("enough for 310 settlements");
    const needs = page.getByRole("region", { name: "Needs you" });
    expect(await needs.getByRole("listitem").count()).toBe(3);
    const first = needs.getByRole("listitem").first();
    expect(await first.innerText()).toContain("The lane from board-3 ends in 3 h");
    expect(await first.innerText()).toContain("1.200000 USDT is not claimed, and lost then.");
    await first.getByRole("link", { name: "Settle now" }).click();
    await page.getByRole("dialog", { name: "Settle now" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/lanes");
  });

  test("has no number that is not a door, and every door leads to a page", async () => {
    const { page, stand } = await visit();
    await page.locator(".figure").first().waitFor();
    const lost = await page
      .locator("main :is(.money, .digits)")
      .evaluateAll((all) =>
        all.filter((one) => !one.closest("a, .row-link, .chart-legend")).map((one) => one.outerHTML),
      );
    expect(lost).toEqual([]);
    const hrefs = await page
      .locator("main a")
      .evaluateAll((all) => [...new Set(all.map((one) => one.getAttribute("href") ?? ""))]);
    expect(hrefs.length).toBeGreaterThan(20);
    const kinds = new Map(hrefs.map((href) => [href.replace(/0x[0-9a-f]+/g, "0x"), href]));
    for (const href of kinds.values()) {
      await page.goto(stand.url + href);
      await page.locator("main h1").waitFor();
      const title = await page.locator("main h1").innerText();
      expect([href, title]).not.toEqual([href, "There is no such page"]);
      expect(await page.getByRole("alert").count(), href).toBe(0);
    }
  });

  test("leads from a figure to the rows that it is the sum of", async () => {
    const { page } = await visit();
    await page.getByRole("combobox", { name: "Period" }).selectOption("week");
    await page.getByRole("link", { name: "4.218300 USDT" }).click();
    await page.waitForURL("**/settlements?*");
    expect(new URL(page.url()).search).toBe("?kind=earned&period=week");
  });

  test("says what to do where there is nothing yet", async () => {
    const { page } = await visit({ isEmpty: true });
    await page.getByText("Nothing needs you.").last().waitFor();
    const text = await page.locator("main").innerText();
    expect(text).toContain("hirewire device add");
    expect(text).toContain("not known yet");
    expect(await page.getByText("DEMO - play money").count()).toBe(0);
  });

  test("draws its chart, and shows the same as a table on request", async () => {
    const { page } = await visit();
    const chart = page.locator(".chart canvas");
    await chart.waitFor();
    const inked = await chart.evaluate((canvas: HTMLCanvasElement) => {
      const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return new Set(Array.from(pixels).map((_, at) => (at % 4 === 0 ? pixels.slice(at, at + 3).join() : "")))
        .size;
    });
    expect(inked).toBeGreaterThan(3);
    await page.getByRole("button", { name: "Show as table" }).click();
    const table = page.getByRole("table", { name: "Earned and spent, today" });
    expect(await table.getByRole("columnheader").allInnerTexts()).toEqual(["From", "Earned", "Spent"]);
    expect(await table.getByRole("row").count()).toBeGreaterThan(1);
    expect(await chart.count()).toBe(0);
  });

  test("changes by itself when the gateway says so, and asks once for a burst", async () => {
    const screen = await screenOf();
    let amount = "4.218300";
    const { page, stand } = await visit({
      desk: { overview: () => Promise.resolve({ ...screen, earned: { ...screen.earned, amount } }) },
    });
    await page.getByRole("link", { name: "4.218300 USDT" }).waitFor();
    amount = "4.300001";
    for (let at = 0; at < 20; at++) stand.feed.note("settlements");
    await page.getByRole("link", { name: "4.300001 USDT" }).waitFor();
  });

  test("shows alerts, lanes and devices while the settlement log does not answer, and says so", async () => {
    const screen = await screenOf();
    const rows = screen.devices.rows.map((row) => ({ ...row, earned: null, spent: null, tasks: null }));
    const unanswered = {
      ...{ ...screen, log: null, fees: null, chart: [], devices: { ...screen.devices, rows } },
      earned: { amount: null, before: null, tasks: null },
      spent: { ...screen.spent, amount: null, tasks: null },
    };
    const { page, complaints } = await visit({ desk: { overview: () => Promise.resolve(unanswered) } });
    await page.getByText("The settlement log does not answer just now").waitFor();
    expect(await page.locator(".figure").first().innerText()).not.toContain("0.000000");
    expect(await page.locator(".alert").count()).toBe(screen.alerts.length);
    expect(complaints).toEqual([]);
  });

  test("says since when it is stale after 15 s of silence, and takes it back", async () => {
    const { page, stand } = await visit();
    await page.locator(".figure").first().waitFor();
    await page.clock.install();
    await page.reload();
    await page.locator(".figure").first().waitFor();
    await stand.close();
    await page.clock.fastForward(14_000);
    expect(await page.getByText("Stale since").count()).toBe(0);
    await page.clock.fastForward(5_000);
    await page.getByText("Stale since").waitFor();
    await poll(() => page.locator("html.is-stale").count()).toBe(1);
    expect(await page.getByRole("link", { name: "4.218300 USDT" }).isVisible()).toBe(true);
  });

  test("is fresh again as soon as something is heard", async () => {
    const { page, stand } = await visit();
    await page.locator(".figure").first().waitFor();
    await page.clock.install();
    await page.clock.fastForward(16_000);
    await page.getByText("Stale since").waitFor();
    stand.feed.note("devices");
    await page.getByText("Stale since").waitFor({ state: "detached" });
    await poll(() => page.locator("html.is-stale").count()).toBe(0);
  });

  test("lets a keeper stop and resume, asked back first, and nobody else", async () => {
    const { page, fixture } = await visit();
    await page.getByRole("button", { name: "Pay nothing" }).click();
    const dialog = page.getByRole("dialog", { name: "Pay nothing" });
    await dialog.getByLabel("Reason").fill("a strange claim");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(fixture.acts).toEqual([]);
    expect(
      await page
        .getByRole("button", { name: "Pay nothing" })
        .evaluate((one) => one === document.activeElement),
    ).toBe(true);
    await page.getByRole("button", { name: "Pay nothing" }).click();
    await dialog.getByLabel("Reason").fill("a strange claim");
    await dialog.getByRole("button", { name: "Pay nothing" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.acts).toEqual([["stopPaying", { reason: "a strange claim" }]]);
    const viewer = await visit({ grant: { role: "viewer", owner: null } });
    await viewer.page.locator(".figure").first().waitFor();
    expect(await viewer.page.getByRole("button", { name: "Pay nothing" }).count()).toBe(0);
    expect(await viewer.page.getByRole("link", { name: "Settle now" }).count()).toBe(0);
  });

  test("pays again where it is told that nothing is paid", async () => {
    const screen = await screenOf(true);
    const alert = {
      ...{
        id: "stopped",
        rule: "stopped",
        severity: "page" as const,
        what: "",
        since: NOW,
        costs: "",
        mend: "",
      },
      facts: { reason: "a strange claim", amount: "1.000000 USDT" },
      remedy: { kind: "action" as const, name: "resumePaying", subject: null },
    };
    const stopped = { ...screen, state: "stopped" as const, alerts: [alert] };
    const { page, fixture } = await visit({ desk: { overview: () => Promise.resolve(stopped) } });
    await page.getByText("Nothing is paid and claimed: a strange claim").last().waitFor();
    await page.getByRole("button", { name: "Pay again" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pay again" }).click();
    await page.getByRole("status").getByText("Done.").waitFor();
    expect(fixture.acts).toEqual([["resumePaying", {}]]);
  });

  test("speaks Chinese to a Chinese browser, without a word of English, and English on request", async () => {
    const { page, go } = await visit({ mode: "zh" });
    await page.getByText("今日收入").waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hans");
    const english = [homeWords, shellWords, chartWords, alertsWords, logsWords, pricesWords, settingsWords]
      .flatMap(({ en }) => leaves(en))
      .filter((text) => /^[A-Z][a-z]+ [a-z]|^[A-Z][a-z]{4,}/.test(text));
    expect(english.length).toBeGreaterThan(80);
    for (const path of ["/", "/alerts", "/logs", "/prices", "/settings"]) {
      await go(path);
      await page.locator("main :is(.card, .empty)").first().waitFor();
      const text = await page.locator("body").innerText();
      expect(english.filter((one) => text.includes(one) && one !== "English")).toEqual([]);
    }
    expect(alertWords.zh["deviceSilent"]?.({ device: "board-3", silent: "6 min" }).what).toBe(
      "board-3 已有 6 分钟无响应",
    );
    await page.getByRole("button", { name: "English" }).first().click();
    await page.getByRole("heading", { name: "Settings" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    await page.reload();
    await page.getByRole("heading", { name: "Settings" }).waitFor();
  });

  test("shows UTC on focus, and everywhere on request", async () => {
    const { page } = await visit({ web: {} });
    const since = page.locator(".alert time").first();
    await since.waitFor();
    expect(await since.getAttribute("data-other")).toBe("2026-11-21 17:23:07 UTC");
    await since.focus();
    const shown = await since.evaluate((one) => getComputedStyle(one, "::after").content);
    expect(shown).toContain("2026-11-21 17:23:07 UTC");
    await page.getByRole("button", { name: "UTC", exact: true }).click();
    expect(await since.innerText()).toContain("17:23:07");
  });
});

/** All plain texts of an object of words. */
function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}
