/** The page without JavaScript, in a browser that runs none. */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { openStand } from "../../../operator/web/stand.ts";

const CHROMIUM = "/usr/bin/chromium";
const isAbsent = !existsSync(CHROMIUM) && process.env["CI"] !== "true";
const why = isAbsent ? " (skipped: install Debian's package chromium)" : "";

describe.skipIf(isAbsent)(`a browser without JavaScript${why}`, () => {
  it("is asked to log in, does, reads the first screen in its language, and logs out", async () => {
    const stand = await openStand({ statusText: (_, language) => Promise.resolve(`screen in ${language}`) });
    onTestFinished(() => stand.close());
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    onTestFinished(() => browser.close());
    const context = await browser.newContext({ javaScriptEnabled: false, locale: "zh-CN" });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (said) => {
      if (said.type() === "error" && !said.text().startsWith("Failed to load")) complaints.push(said.text());
    });
    expect((await page.goto(`${stand.url}/status`))?.status()).toBe(401);
    await page.getByLabel("一次性令牌").fill("wrong");
    await page.getByRole("button", { name: "登录" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("令牌无效");
    await page.getByLabel("一次性令牌").fill(stand.link({ role: "viewer", owner: null }));
    await page.getByRole("button", { name: "登录" }).click();
    await page.waitForURL("**/status");
    expect(await page.locator("pre").textContent()).toBe("screen in zh");
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hans");
    const height = await page.getByRole("button", { name: "退出登录" }).boundingBox();
    expect(height?.height).toBeGreaterThanOrEqual(44);
    await page.getByRole("button", { name: "退出登录" }).click();
    await page.getByLabel("一次性令牌").waitFor();
    expect(complaints).toEqual([]);
  });
});
