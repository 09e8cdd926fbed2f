/** Alerts, logs, settings and prices in a browser. */
import { expect, test } from "vitest";
import { fixtureDesk } from "../../../operator/page/fixture/desk.ts";
import { describeInBrowser, visit } from "./browse.ts";
import { poll } from "./poll.ts";

describeInBrowser("the logs", () => {
  test("come by themselves, and stand still while somebody reads", async () => {
    const { page, go, stand, fixture } = await visit();
    await go("/logs");
    const rows = page.locator("main tbody tr");
    await poll(() => rows.count()).toBe(200);
    const newest = await rows.first().innerText();
    await page.getByRole("button", { name: "Pause" }).click();
    fixture.say(3);
    stand.feed.note("logs");
    const jump = page.getByRole("button", { name: "Jump to newest (3 new lines)" });
    await jump.waitFor();
    expect(await rows.first().innerText()).toBe(newest);
    await jump.click();
    await poll(() => rows.first().innerText()).not.toBe(newest);
    await page.mouse.wheel(0, 2_000);
    await poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(300);
    fixture.say(2);
    stand.feed.note("logs");
    await page.getByRole("button", { name: "Jump to newest (2 new lines)" }).click();
    await poll(() => page.evaluate(() => scrollY)).toBe(0);
  });

  test("are filtered by level, room, text and task, all in the address", async () => {
    const { page, go } = await visit();
    await go("/logs?level=error");
    const rows = page.locator("main tbody tr");
    await expect
      .poll(async () => new Set(await rows.locator(".column-level").allInnerTexts()))
      .toEqual(new Set(["■ error"]));
    await page.getByLabel("Level").selectOption("");
    await page.getByRole("combobox", { name: "Room" }).selectOption("payment");
    await page.getByRole("searchbox", { name: "Search" }).fill("巡检");
    await poll(() => new URL(page.url()).search).toBe("?room=payment&text=%E5%B7%A1%E6%A3%80");
    await expect
      .poll(async () => new Set(await rows.locator(".column-room").allInnerTexts()))
      .toEqual(new Set(["payment"]));
    await rows
      .first()
      .getByRole("link", { name: /^Follow trace/ })
      .click();
    await page.waitForURL("**/logs?trace=*");
    await expect
      .poll(async () => new Set(await rows.locator(".column-room").allInnerTexts()).size)
      .toBeGreaterThan(1);
    await page.getByRole("searchbox", { name: "Task or trace" }).fill("nothing");
    await page.getByText("No line is like that").waitFor();
    await page.getByRole("link", { name: "Show everything" }).click();
    await poll(() => rows.count()).toBe(200);
  });

  test("can be cleared, and shown again", async () => {
    const { page, go } = await visit();
    await go("/logs");
    await poll(() => page.locator("main tbody tr").count()).toBe(200);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("Nothing has been said yet").waitFor();
    await page.getByRole("button", { name: "Show cleared lines" }).click();
    await poll(() => page.locator("main tbody tr").count()).toBe(200);
  });

  test("have a switch for every room, which only keepers see", async () => {
    const { page, go, fixture } = await visit();
    await go("/logs");
    await page.getByText("How much each room says").click();
    const switches = page.locator(".log-levels");
    await switches.getByLabel("link").selectOption("debug");
    await page.getByRole("status").getByText("link: debug").waitFor();
    await poll(() => switches.getByLabel("Every room").inputValue()).toBe("");
    await switches.getByLabel("Every room").selectOption("warn");
    await poll(() => switches.getByLabel("payment").inputValue()).toBe("warn");
    expect(fixture.acts).toEqual([
      ["setLevel", { room: "link", level: "debug" }],
      ["setLevel", { room: null, level: "warn" }],
    ]);
    const viewer = await visit({ grant: { role: "viewer", owner: null } });
    await viewer.go("/logs");
    await poll(() => viewer.page.locator("main tbody tr").count()).toBe(200);
    expect(await viewer.page.getByText("How much each room says").count()).toBe(0);
  });
});

describeInBrowser("settings, prices and alerts", () => {
  test("settings say where each value came from, and are filtered", async () => {
    const { page, go } = await visit();
    await go("/settings");
    const rows = page.getByRole("row");
    await poll(() => rows.count()).toBe(11);
    await page.getByLabel("From").selectOption("environment");
    await poll(() => rows.count()).toBe(2);
    expect(await rows.last().innerText()).toContain("chain.rpc");
    await page.getByRole("searchbox", { name: "Filter" }).fill("nothing like that");
    await page.getByRole("link", { name: "Clear the filter" }).click();
    await poll(() => rows.count()).toBe(11);
    expect(await page.getByRole("row", { name: /broker\.listen/ }).innerText()).toContain("file, line 6");
  });

  test("prices are of the period, and lead to what was paid", async () => {
    const { page, go } = await visit();
    const asked: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/prices")) asked.push(new URL(request.url()).search);
    });
    await go("/prices");
    await page.getByRole("table", { name: "Paid, by task firmware" }).waitFor();
    await page.getByRole("combobox", { name: "Period" }).selectOption("all");
    await poll(() => asked.at(-1)).toBe("");
    expect(new URL(page.url()).search).toBe("?period=all");
    await page.getByRole("link", { name: "anomaly" }).click();
    await page.waitForURL("**/settlements?kind=spent&firmware=0x*&period=all");
  });

  test("alerts come and go by themselves, and an unknown rule speaks for itself", async () => {
    const state: { isOver: boolean } = { isOver: false };
    const { desk } = fixtureDesk();
    const { page, go, stand } = await visit({
      desk: {
        alerts: async (asked, viewer) => {
          const found = await desk.alerts(asked, viewer);
          return state.isOver ? { ...found, alerts: [] } : found;
        },
      },
    });
    await go("/alerts");
    await page.getByText("a rule that the page has no words for").waitFor();
    expect(await page.getByRole("listitem").count()).toBe(3);
    state.isOver = true;
    stand.feed.note("alerts");
    await page.getByText("Nothing needs you").waitFor();
  });

  test("a problem says what is wrong and is tried again", async () => {
    const state: { isDown: boolean } = { isDown: true };
    const { desk } = fixtureDesk();
    const { page, go } = await visit({
      desk: {
        settings: (asked, viewer) =>
          state.isDown ? Promise.reject(new Error("the disk is gone")) : desk.settings(asked, viewer),
      },
    });
    await go("/settings");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    state.isDown = false;
    await alert.getByRole("button", { name: "Try again" }).click();
    await poll(() => page.getByRole("row").count()).toBe(11);
    expect(await alert.count()).toBe(0);
  });
});

describeInBrowser("a line that breaks", () => {
  test("is taken up again, and what has changed meanwhile is asked for", async () => {
    const { page, go, fixture } = await visit();
    const wire: { isCut: boolean } = { isCut: false };
    await page.route("**/events?*", (route) => (wire.isCut ? route.abort() : route.continue()));
    await go("/settings");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    wire.isCut = true;
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await poll(() => asked.filter((path) => path.endsWith("/events")).length).toBeGreaterThan(1);
    expect(asked.filter((path) => path.endsWith("/settings"))).toEqual([]);
    wire.isCut = false;
    await poll(() => asked.filter((path) => path.endsWith("/settings")).length).toBe(1);
    expect(fixture.acts).toEqual([]);
  });
});
