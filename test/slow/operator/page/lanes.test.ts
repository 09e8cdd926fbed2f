/** Lanes in a browser: bars, filters, and the actions that show what they would do before they do it. */
import { expect, test } from "vitest";
import { LANES } from "../../../operator/page/fixture/lists.ts";
import { axeFinds, describeInBrowser, MODES, type Mode, picture, visit } from "./browse.ts";
import { poll } from "./poll.ts";

const ROWS = "main table tbody tr";

describeInBrowser("the lanes", () => {
  test.each(Object.keys(MODES) as Mode[])(
    "look as they should, %s, and axe finds nothing serious",
    async (mode) => {
      const { page, go } = await visit({ mode });
      await go("/lanes");
      await page.locator(ROWS).first().waitFor();
      expect(await axeFinds(page)).toEqual([]);
      await picture(page, `lanes-${mode}`);
    },
  );

  test("bars are said in words, on one scale, and lead to their device", async () => {
    const { page, go } = await visit();
    await go("/lanes");
    const bars = page.locator(`${ROWS} svg[role=img]`);
    await bars.first().waitFor();
    expect(await bars.count()).toBe(LANES.length);
    const first = LANES.find(({ direction }) => direction === "incoming");
    const label = await bars.first().getAttribute("aria-label");
    expect(label).toContain(`promised, not claimed (ours) ${first?.unsettled}`);
    expect(label).toContain(`not promised yet (theirs) ${first?.room}`);
    await page.locator(ROWS).first().getByRole("link").click();
    await page.waitForURL(/\/devices\/0x/);
  });

  test("settling shows the dry run first and sends only on request", async () => {
    const { page, go, fixture } = await visit();
    await go("/lanes?do=settle");
    const dialog = page.getByRole("dialog", { name: "Settle now" });
    await dialog.getByText("Dry run: nothing has been sent.").waitFor();
    expect(await dialog.locator("tbody tr").count()).toBe(4);
    expect(await dialog.locator("tfoot").textContent()).toContain("1.902400");
    expect(fixture.acts).toEqual([["settle", { dryRun: true, force: true }]]);
    expect(await axeFinds(page)).toEqual([]);
    await picture(page, "lanes-settle");
    await dialog.getByLabel("Claim everything").click();
    await poll(() => fixture.acts.at(-1)).toEqual(["settle", { dryRun: true, force: false }]);
    await dialog.getByText("Dry run: nothing has been sent.").waitFor();
    await dialog.getByRole("button", { name: "Settle now" }).click();
    await dialog.getByText("Done.").waitFor();
    expect(fixture.acts.at(-1)).toEqual(["settle", { dryRun: false, force: false }]);
    expect(await dialog.textContent()).toContain("4 lanes, gas 231,040");
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(await page.getByRole("dialog").count()).toBe(0);
    // The address does not ask again when it is opened once more.
    expect(new URL(page.url()).search).toBe("");
  });

  test("Escape leaves without sending anything", async () => {
    const { page, go, fixture } = await visit();
    await go("/lanes");
    const button = page.getByRole("button", { name: "Settle now" });
    await button.click();
    await page.getByText("Dry run").waitFor();
    await page.keyboard.press("Escape");
    await poll(() => page.getByRole("dialog").count()).toBe(0);
    expect(fixture.acts).toEqual([["settle", { dryRun: true, force: true }]]);
    expect(await button.evaluate((one) => one.matches(":focus"))).toBe(true);
  });

  test("a lane is topped up and closed, each after a look at what it would do", async () => {
    const { page, go, fixture } = await visit();
    await go("/lanes?device=robot-1&direction=outgoing");
    await page.getByRole("button", { name: "Top up the lane to robot-1" }).click();
    const dialog = page.getByRole("dialog");
    const send = dialog.getByRole("button", { name: "Deposit it" });
    expect(await send.isDisabled()).toBe(true);
    await dialog.getByLabel("Amount to deposit").fill("1,5");
    await dialog.getByText("Digits with a point").waitFor();
    expect(await send.isDisabled()).toBe(true);
    await dialog.getByLabel("Amount to deposit").fill("1.5");
    await dialog.getByText("Deposits 1.5 USDT on the lane").waitFor();
    await poll(() => send.isDisabled()).toBe(false);
    await send.click();
    await dialog.getByText("Done.").waitFor();
    const lane = LANES.find(
      ({ direction, device }) => direction === "outgoing" && device.name === "robot-1",
    )?.id;
    expect(fixture.acts.at(-1)).toEqual(["topUpLane", { lane, amount: "1.5", dryRun: false }]);
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Close the lane of robot-1" }).click();
    await dialog.getByText("Begins to close the lane").waitFor();
    expect(fixture.acts.at(-1)).toEqual(["closeLane", { lane, dryRun: true }]);
    await dialog.getByRole("button", { name: "Close the lane" }).click();
    await dialog.getByText("Done.").waitFor();
    expect(fixture.acts.at(-1)).toEqual(["closeLane", { lane, dryRun: false }]);
  });

  test("what the gateway refuses is said in the dialog", async () => {
    const { Fault } = await import("../../../../src/base/fault.ts");
    const settle = () => Promise.reject(new Fault("chain_unreachable", "the chain's node does not answer"));
    const { page, go } = await visit({ desk: { settle } });
    await go("/lanes?do=settle");
    await page.getByRole("dialog").getByText("the chain's node does not answer").waitFor();
    expect(await page.getByRole("dialog").getByRole("button", { name: "Settle now" }).isDisabled()).toBe(
      true,
    );
  });

  test("filters are in the address", async () => {
    const { page, go } = await visit();
    await go("/lanes");
    await page.getByLabel("State", { exact: true }).selectOption("closing");
    await poll(() => new URL(page.url()).search).toBe("?state=closing");
    await poll(() => page.locator(ROWS).count()).toBe(1);
    await page.goBack();
    await poll(() => page.locator(ROWS).count()).toBe(LANES.length);
    await go(`/lanes?lane=${LANES[4]?.id}`);
    await poll(() => page.locator(ROWS).count()).toBe(1);
  });

  test.each([
    { role: "viewer", owner: null },
    { role: "operator", owner: `0x${"ab".repeat(20)}` },
  ] as const)("a $role of $owner sees no button that acts on lanes", async (grant) => {
    const { page, go } = await visit({ grant });
    await go("/lanes?do=settle");
    await page.locator(ROWS).first().waitFor();
    expect(
      await page
        .locator("main")
        .getByRole("button", { name: /Settle|Top up|Close/ })
        .count(),
    ).toBe(0);
    expect(await page.getByRole("dialog").count()).toBe(0);
  });
});
