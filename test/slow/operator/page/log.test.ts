/** The settlement log in a browser: filters, address, sums, paging, export, verify. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Verification } from "../../../../src/operator/api/settlement.ts";
import { HELD_PAGES } from "../../../../src/operator/page/pages/span.ts";
import { axeFinds, describeInBrowser, MODES, type Mode, picture, visit } from "./browse.ts";
import { poll } from "./poll.ts";

const ROWS = "main table tbody tr";

describeInBrowser("the settlement log", () => {
  test.each(Object.keys(MODES) as Mode[])(
    "looks as it should, %s, and axe finds nothing serious",
    async (mode) => {
      const { page, go } = await visit({ mode });
      await go("/settlements?kind=earned&min=0.0001");
      await page.locator(ROWS).first().waitFor();
      expect(await axeFinds(page)).toEqual([]);
      await picture(page, `settlements-${mode}`);
    },
  );

  test("a filter is in the address, has a chip, and the browser's back button takes it back", async () => {
    const { page, go, stand } = await visit();
    await go("/settlements");
    const rows = page.getByRole("region", { name: "Sums of all filtered rows" }).locator("dd").first();
    await poll(() => rows.textContent()).toBe("10,412");
    await page.getByLabel("Kind", { exact: true }).selectOption("earned");
    await poll(() => new URL(page.url()).search).toBe("?kind=earned");
    await page.getByLabel("Device", { exact: true }).fill("robot-1");
    await poll(() => new URL(page.url()).search).toBe("?kind=earned&device=robot-1");
    const filtered = await rowsAt(stand.url, page);
    await poll(() => rows.textContent()).toBe(filtered);
    await page.getByRole("button", { name: "Remove filter Kind: earned" }).click();
    await poll(() => new URL(page.url()).search).toBe("?device=robot-1");
    await page.goBack();
    await poll(() => new URL(page.url()).search).toBe("?kind=earned&device=robot-1");
    await poll(() => rows.textContent()).toBe(filtered);
    await page.goBack();
    await poll(() => page.getByLabel("Device", { exact: true }).inputValue()).toBe("");
    await page.goBack();
    await poll(() => rows.textContent()).toBe("10,412");
    expect(await page.getByLabel("Kind", { exact: true }).inputValue()).toBe("");
  });

  test("an answer that comes after a newer question is dropped", async () => {
    const { page, go } = await visit();
    await go("/settlements");
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const isLate = (address: string) => address.includes("/settlements?kind=spent");
    await page.route(
      (to) => isLate(to.href),
      async (route) => {
        await held;
        await route.continue().catch(() => {});
      },
    );
    // It may have been given up before it was answered: either way it is over.
    const over = Promise.race([
      page.waitForEvent("requestfinished", (request) => isLate(request.url())),
      page.waitForEvent("requestfailed", (request) => isLate(request.url())),
    ]);
    await page.getByLabel("Kind", { exact: true }).selectOption("spent");
    await page.getByLabel("Kind", { exact: true }).selectOption("earned");
    const kinds = page.locator(`${ROWS} .column-kind`);
    await poll(async () => new Set(await kinds.allTextContents())).toEqual(new Set(["earned"]));
    release();
    await over;
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
    expect(new Set(await kinds.allTextContents())).toEqual(new Set(["earned"]));
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("older rows come by themselves, and the page never grows by them", async () => {
    const { page, go } = await visit();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const nodes = async () => {
      await devtools.send("HeapProfiler.collectGarbage");
      const { metrics } = await devtools.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "Nodes")?.value ?? 0;
    };
    await go("/settlements");
    const rows = page.locator(ROWS);
    const numbers = async () =>
      (await rows.locator("th").allTextContents()).map((text) => Number(text.replace(",", "")));
    const last = async () => (await numbers()).at(-1) ?? 0;
    const down = async (to: number) => {
      while ((await last()) > to) {
        const before = await last();
        await page.evaluate("scrollTo(0, document.body.scrollHeight)");
        await poll(last).toBeLessThan(before);
      }
    };
    await poll(last).toBeGreaterThan(0);
    await down(10_412 - HELD_PAGES * 50);
    const full = await nodes();
    await down(10_412 - (HELD_PAGES + 5) * 50);
    const shown = await numbers();
    expect(shown.length).toBe(HELD_PAGES * 50);
    expect(shown).toEqual(shown.map((_, at) => (shown[0] ?? 0) - at));
    expect(shown[0]).toBeLessThan(10_412 - 4 * 50);
    expect(await nodes()).toBeLessThan(full * 1.2);
    await page.evaluate("scrollTo(0, 0)");
    await poll(async () => {
      await page.evaluate("scrollTo(0, 0)");
      return (await numbers())[0];
    }).toBe(10_412);
  });

  test("what is filtered is downloaded in three forms", async () => {
    const asked: unknown[] = [];
    async function* exportRows(query: unknown) {
      await Promise.resolve(asked.push(query));
      yield new TextEncoder().encode("sequence,amount\n1,0.000001\n");
    }
    const { page, go } = await visit({ web: { exportRows } });
    await go("/settlements?kind=fee&min=0.5");
    for (const name of ["CSV", "JSON Lines", "Ledger (hledger, beancount)"]) {
      const coming = page.waitForEvent("download");
      await page.getByRole("link", { name }).click();
      expect(await (await coming).failure()).toBeNull();
    }
    expect(asked).toEqual(["csv", "jsonl", "ledger"].map((format) => ({ kind: "fee", min: "0.5", format })));
  });

  test("the journal is verified on request, with progress and a sentence at the end", async () => {
    const walk: Verification = {
      ...{ state: "running", startedAt: Date.now(), endedAt: null, checked: 7_000, total: 12_408 },
      ...{ signatures: 0, head: null, broken: null, chain: null },
    };
    let now: Verification = { ...walk, state: "never", startedAt: null, checked: 0 };
    const desk = {
      verification: () => Promise.resolve(now),
      verify: () => {
        now = { ...walk, startedAt: Date.now() };
        return Promise.resolve(now);
      },
    };
    const { page, go } = await visit({ desk });
    await go("/settlements");
    const strip = page.getByRole("region", { name: "Journal" });
    await poll(() => strip.textContent()).toContain("has not been verified");
    await strip.getByRole("button", { name: "Verify the journal" }).click();
    await poll(() => strip.textContent()).toContain("7,000 of 12,408");
    await picture(page, "settlements-verifying");
    const chain = { agrees: true, block: 21_400_312, why: "" };
    const head = `0x9f3a${"0".repeat(60)}`;
    const over = { endedAt: Date.now(), checked: 12_408, signatures: 31_207, head, chain };
    now = { ...now, ...over, state: "holds" };
    await poll(() => strip.textContent()).toMatch(
      /12,408 entries hold; newest hash 0x9f3a….*31,207 signatures checked; chain agrees to block 21,400,312/,
    );
    await strip.getByRole("button", { name: "Verify the journal" }).click();
    await strip.locator("progress").waitFor();
    const broken = { index: 5_120, why: "its text does not have its hash" };
    now = { ...now, endedAt: Date.now(), state: "broken", broken };
    await poll(() => strip.textContent()).toContain(
      "Entry 5,120 does not hold: its text does not have its hash",
    );
    await picture(page, "settlements-broken");
  });

  test("one owner's viewer cannot have the journal walked", async () => {
    const { page, go } = await visit({ grant: { role: "operator", owner: `0x${"ab".repeat(20)}` } });
    await go("/settlements");
    await page.locator(ROWS).first().waitFor();
    expect(await page.getByRole("button", { name: "Verify the journal" }).count()).toBe(0);
  });

  test("before anything was paid it says what will come", async () => {
    const { page, go } = await visit({ isEmpty: true });
    await go("/settlements");
    await page.getByText("No money has moved yet").waitFor();
    expect(await axeFinds(page)).toEqual([]);
  });

  test("everything is reached with the keyboard", async () => {
    const { page, go } = await visit();
    await go("/settlements?kind=earned");
    await page.locator(ROWS).first().waitFor();
    const reached = new Set<string>();
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      reached.add(
        String(
          await page.evaluate(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim().slice(0, 40)",
          ),
        ),
      );
    }
    for (const name of ["Verify the journal", "Remove filter Kind: earned", "CSV", "JSON Lines"])
      expect(reached).toContain(name);
    await page.keyboard.press("/");
    expect(await page.evaluate("document.activeElement.labels?.[0]?.textContent")).toBe("Text");
  });
});

async function rowsAt(url: string, page: Page): Promise<string> {
  const found = await page.request.get(`${url}/api/v1/settlements?kind=earned&device=robot-1`);
  const { sums } = (await found.json()) as { sums: { rows: number } };
  return sums.rows.toLocaleString("en-GB");
}
