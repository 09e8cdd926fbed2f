/** Around the pages, in a browser: login and refusal, rights, looks, keyboard, phone, weight. */
import { expect, test } from "vitest";
import { axeFinds, describeInBrowser, MODES, type Mode, picture, visit } from "./browse.ts";
import { poll } from "./poll.ts";

const PAGES = {
  home: "/",
  alerts: "/alerts",
  logs: "/logs?level=error",
  settings: "/settings",
  prices: "/prices",
};
const MODE_NAMES = Object.keys(MODES) as Mode[];

describeInBrowser("the page's looks", () => {
  test.each(MODE_NAMES)("are right in %s: nothing too wide, nothing that axe finds serious", async (mode) => {
    const { page, go, stand } = await visit({ mode });
    for (const [name, path] of Object.entries(PAGES)) {
      await go(path);
      await page.locator("main :is(.card, .empty)").first().waitFor();
      if (name === "home") await page.locator(".chart canvas").waitFor();
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        name,
      ).toBeLessThanOrEqual(0);
      if (mode !== "zh") expect(await axeFinds(page), name).toEqual([]);
      await picture(page, `${name}-${mode}`);
    }
    await page.context().clearCookies();
    await page.goto(`${stand.url}/login`);
    await page.locator("main form").waitFor();
    expect(await axeFinds(page), "login").toEqual([]);
    await picture(page, `login-${mode}`);
  });

  test("follow the machine, or the viewer's choice, which is kept", async () => {
    const { page } = await visit({ mode: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.getByRole("button", { name: "Theme: as the system" }).first().click();
    await page.getByRole("button", { name: "Theme: light" }).first().waitFor();
    expect(await ground()).not.toBe(dark);
    await page.reload();
    await page.getByRole("button", { name: "Theme: light" }).first().click();
    await poll(ground).toBe(dark);
  });

  test("fit a finger on a phone, and the pages fold away", async () => {
    const { page, go } = await visit({ mode: "phone" });
    const nav = page.getByRole("navigation", { name: "Pages" });
    await page.locator(".figure").first().waitFor();
    expect(await nav.isVisible()).toBe(false);
    await page.getByRole("button", { name: "Menu" }).click();
    await nav.waitFor();
    await nav.getByRole("link", { name: "Prices" }).click();
    await page.getByRole("heading", { name: "Market prices" }).waitFor();
    expect(await nav.isVisible()).toBe(false);
    for (const path of Object.values(PAGES)) {
      await go(path);
      await page.locator("main :is(.card, .empty)").first().waitFor();
      const small = await page
        .locator(":is(button, .link-button, select, input, summary):visible")
        .evaluateAll((all) =>
          all
            .filter((one) => {
              const { width, height } = one.getBoundingClientRect();
              const grown = getComputedStyle(one, "::after");
              const extra =
                grown.content === "none" ? 0 : -2 * Number.parseFloat(grown.insetBlockStart || "0");
              return height + extra < 44 || width + extra < 44;
            })
            .map((one) => one.outerHTML.slice(0, 120)),
        );
      expect(small, path).toEqual([]);
    }
  });
});

describeInBrowser("the login", () => {
  test("takes the link's token at once and out of the address, and a second time refuses it with a form", async () => {
    const { page, stand } = await visit();
    expect(page.url()).toBe(`${stand.url}/`);
    await page.context().clearCookies();
    const link = stand.link();
    await page.goto(link);
    await page.getByRole("navigation").first().waitFor();
    await page.context().clearCookies();
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByRole("alert").getByText("This token is not valid").waitFor();
    expect(page.url()).not.toContain("token=");
    await page.getByLabel("One-time token").fill(stand.link());
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("navigation").first().waitFor();
  });

  test("refuses a wrong token, says what to do, and goes on to where one wanted to go", async () => {
    const { page, stand } = await visit();
    await page.context().clearCookies();
    await page.goto(`${stand.url}/settings?text=serial`);
    await page.waitForURL("**/login?next=*");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("Paste the token first.").waitFor();
    await page.getByLabel("One-time token").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("Print a new one").waitFor();
    await page.getByLabel("One-time token").fill(stand.link().split("token=")[1] ?? "");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/settings?text=serial");
  });

  test("never leads to another place than this page", async () => {
    const { page, stand } = await visit();
    for (const next of ["//example.com/", "https://example.com/", "/\\example.com"]) {
      await page.context().clearCookies();
      const token = stand.link().split("#")[1];
      await page.goto("about:blank");
      await page.goto(`${stand.url}/login?next=${encodeURIComponent(next)}#${token}`);
      await page.getByRole("navigation").first().waitFor();
      expect(page.url()).toBe(`${stand.url}/`);
    }
  });

  test("shows when the session has ended, and logging out ends it", async () => {
    const { page, go, stand } = await visit();
    await go("/alerts");
    await page.context().clearCookies();
    stand.feed.note("alerts");
    await page.waitForURL("**/login?next=%2Falerts");
    await page.getByLabel("One-time token").fill(stand.link());
    await page.keyboard.press("Enter");
    await page.waitForURL("**/alerts");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL("**/login*");
    await page.goto(`${stand.url}/`);
    await page.waitForURL("**/login");
  });

  test("shows one owner its devices, and neither logs nor settings", async () => {
    const { page, go } = await visit({ grant: { role: "operator", owner: `0x${"12".repeat(20)}` } });
    await page.getByText("Devices' funds").waitFor();
    const nav = page.getByRole("navigation", { name: "Pages" });
    expect(await nav.getByRole("link", { name: "Logs" }).count()).toBe(0);
    expect(await nav.getByRole("link", { name: "Settings" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Pay nothing" }).count()).toBe(0);
    await go("/logs");
    await page.getByRole("alert").getByText("You have no right to this").waitFor();
  });
});

describeInBrowser("the keyboard", () => {
  test("reaches everything from the top, skips the head, and sees where it is", async () => {
    const { page } = await visit();
    await page.locator(".chart canvas").waitFor();
    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to the content" });
    expect(await skip.evaluate((one) => one === document.activeElement)).toBe(true);
    expect(await skip.isVisible()).toBe(true);
    const reachable = await page
      .locator(":is(a[href], button, select, input):visible")
      .evaluateAll((all) => all.filter((one) => (one as HTMLElement).tabIndex >= 0).length);
    const seen = new Set<string>();
    const unmarked: string[] = [];
    for (let step = 0; step < reachable + 60; step++) {
      const { path, isMarked } = await page.evaluate(() => {
        const one = document.activeElement ?? document.body;
        const own = getComputedStyle(one);
        const grown = getComputedStyle(one, "::after");
        const outlined = own.outlineStyle !== "none" || grown.outlineStyle !== "none";
        const steps: string[] = [];
        for (let at: Element | null = one; at; at = at.parentElement)
          steps.push(`${at.tagName}${[...(at.parentElement?.children ?? [])].indexOf(at)}`);
        return { path: steps.join(), isMarked: outlined };
      });
      if (path.startsWith("BODY")) break;
      if (!isMarked) unmarked.push(path);
      seen.add(path);
      await page.keyboard.press("Tab");
    }
    expect(unmarked).toEqual([]);
    expect(seen.size).toBeGreaterThanOrEqual(reachable);
    await page.goto(page.url());
    await page.locator(".figure").first().waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.locator("main").evaluate((one) => one === document.activeElement)).toBe(true);
  });

  test("goes to the heading of a page that it comes to, and to the filter with /", async () => {
    const { page } = await visit();
    await page.getByRole("link", { name: "Settings" }).focus();
    await page.keyboard.press("Enter");
    const heading = page.getByRole("heading", { name: "Settings" });
    await heading.waitFor();
    await poll(() => heading.evaluate((one) => one === document.activeElement)).toBe(true);
    expect(await page.title()).toBe("Settings · hirewire");
    await page.keyboard.press("/");
    const filter = page.getByRole("searchbox", { name: "Filter" });
    expect(await filter.evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.type("serial/");
    expect(await filter.inputValue()).toBe("serial/");
    expect(new URL(page.url()).search).toBe("?text=serial%2F");
  });

  test("goes back and forward, and an unknown address says so", async () => {
    const { page, go } = await visit();
    await go("/prices");
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Alerts" }).click();
    await page.getByRole("heading", { name: "Alerts" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Market prices" }).waitFor();
    await page.goForward();
    await page.getByRole("heading", { name: "Alerts" }).waitFor();
    await go("/nowhere");
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  });
});

describeInBrowser("the first load", () => {
  test("is at most 45 KB compressed, and asks nobody else", async () => {
    const { page, stand } = await visit();
    const sizes: Promise<number>[] = [];
    const foreign: string[] = [];
    await page.route(/chart-.*\.js/, (route) => route.abort());
    page.on("response", (response) => {
      const { pathname, origin } = new URL(response.url());
      if (origin !== stand.url) foreign.push(response.url());
      if (!pathname.startsWith("/api/")) {
        sizes.push(
          response
            .request()
            .sizes()
            .then((size) => size.responseBodySize),
        );
      }
    });
    const context = page.context();
    const session = await context.newCDPSession(page);
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await page.goto(`${stand.url}/`);
    await page.locator(".figure").first().waitFor();
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(sizes.length).toBeGreaterThan(3);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(45 * 1_024);
    expect(foreign).toEqual([]);
  });
});
