/** Devices and tasks in a browser: lists, one device, and what an operator can do with it. */
import { expect, test } from "vitest";
import type { Story } from "../../../../src/operator/api/task.ts";
import { DEVICES } from "../../../operator/page/fixture/crew.ts";
import { storyOf } from "../../../operator/page/fixture/story.ts";
import { axeFinds, describeInBrowser, MODES, type Mode, picture, visit } from "./browse.ts";
import { poll } from "./poll.ts";

const ROWS = "main table tbody tr";
const board = DEVICES[2]?.address ?? "";
const robot = DEVICES[0]?.address ?? "";

describeInBrowser("devices and tasks", () => {
  test.each(Object.keys(MODES) as Mode[])(
    "look as they should, %s, and axe finds nothing serious",
    async (mode) => {
      const { page, go } = await visit({ mode });
      const pages = {
        devices: "/devices",
        device: `/devices/${board}`,
        tasks: "/tasks",
        ended: "/tasks?view=ended",
      };
      for (const [name, path] of Object.entries(pages)) {
        await go(path);
        await page.locator(ROWS).first().waitFor();
        expect(await axeFinds(page)).toEqual([]);
        await picture(page, `${name}-${mode}`);
      }
    },
  );

  test("counts are doors: a state's tab lists its devices, an amount leads to its rows", async () => {
    const { page, go } = await visit();
    await go("/devices");
    await page.getByRole("link", { name: "silent 1" }).click();
    await poll(() => page.locator(ROWS).count()).toBe(1);
    expect(new URL(page.url()).search).toBe("?state=silent");
    await page.locator(`${ROWS} .column-earned a`).click();
    await page.waitForURL(/\/settlements\?/);
    const { searchParams } = new URL(page.url());
    expect(Object.fromEntries(searchParams)).toEqual({
      period: "day",
      kind: "earned",
      device: DEVICES[3]?.address,
    });
  });

  test("a device is disabled only after a question, and enabled again", async () => {
    const { page, go, fixture } = await visit();
    await go(`/devices/${robot}`);
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Disable robot-1?" });
    await dialog.waitFor();
    expect(await axeFinds(page)).toEqual([]);
    await picture(page, "device-disable");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect(fixture.acts).toEqual([]);
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await dialog.getByRole("button", { name: "Disable" }).click();
    await page.getByText("robot-1 is disabled.").waitFor();
    expect(fixture.acts).toEqual([["disableDevice", { device: robot }]]);
  });

  test("a viewer sees everything and no button", async () => {
    const { page, go } = await visit({ grant: { role: "viewer", owner: null } });
    await go(`/devices/${robot}`);
    await page.getByRole("region", { name: "Link" }).waitFor();
    expect(
      await page
        .locator("main")
        .getByRole("button", { name: /Disable|Rotate|test task|budget/ })
        .count(),
    ).toBe(0);
  });

  test("a budget is set, and let go of", async () => {
    const { page, go, fixture } = await visit();
    await go(`/devices/${robot}`);
    await page.getByRole("button", { name: "Set budget" }).click();
    const amount = page.getByLabel("Amount in a day");
    expect(await amount.inputValue()).toBe("2.000000");
    await amount.fill("lots");
    expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await amount.fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The budget is set.").waitFor();
    expect(fixture.acts).toEqual([["setBudget", { device: robot, perDay: null }]]);
  });

  test("rotating a key of the device's own gives the command that does it", async () => {
    const { page, go, fixture } = await visit();
    await go(`/devices/${robot}`);
    await page.getByRole("button", { name: "Rotate key" }).click();
    const dialog = page.getByRole("dialog");
    expect(fixture.acts).toEqual([]);
    await dialog.getByRole("button", { name: "Rotate key" }).click();
    await dialog.getByText(`hirewire device replace ${robot}`).waitFor();
  });

  test("a test task is sent and followed until its answer is judged", async () => {
    let now: Story | null = null;
    const task = () => {
      if (!now) return Promise.reject(new Fault("not_found", "there is no such task yet"));
      return Promise.resolve(now);
    };
    const { Fault } = await import("../../../../src/base/fault.ts");
    const { page, go, stand, fixture } = await visit({ desk: { task } });
    await go(`/devices/${robot}`);
    await page.getByRole("button", { name: "Send a test task" }).click();
    const dialog = page.getByRole("dialog", { name: "Test task: robot-1" });
    await dialog.getByRole("button", { name: "Send a test task" }).click();
    await dialog.getByText("waiting for the journal").waitFor();
    expect(fixture.acts).toEqual([["sendTestTask", { device: robot }]]);
    const story = storyOf("0xab");
    now = { ...story, state: "running", verdict: null };
    stand.feed.note("tasks");
    await dialog.getByText("running").waitFor();
    now = { ...story, state: "paid" };
    await dialog.getByText("the answer was accepted").waitFor();
    await picture(page, "device-test-task");
  });

  test("a device that cannot take a test task says why", async () => {
    const { page, go } = await visit();
    await go(`/devices/${DEVICES[3]?.address}`);
    await page.getByText("No test task can be sent: it is not in session").waitFor();
    expect(await page.getByRole("button", { name: "Send a test task" }).isDisabled()).toBe(true);
  });

  test("tasks are live and ended, each with its own address and page", async () => {
    const { page, go } = await visit();
    await go("/tasks");
    await poll(() => page.locator(ROWS).count()).toBe(4);
    await page.getByRole("link", { name: "Ended" }).click();
    await page.waitForURL(/view=ended/);
    await page.getByLabel("State", { exact: true }).selectOption("rejected");
    await poll(async () => new Set(await page.locator(`${ROWS} .column-state`).allTextContents())).toEqual(
      new Set(["■ rejected"]),
    );
    await page.locator(`${ROWS} th a`).first().click();
    await page.waitForURL(/\/tasks\/0x[0-9a-f]{32}$/);
    await page.goBack();
    expect(await page.getByLabel("State", { exact: true }).inputValue()).toBe("rejected");
  });

  test("nobody yet: it says how to begin", async () => {
    const { page, go } = await visit({ isEmpty: true });
    await go("/devices");
    await page.getByText("hirewire device add").waitFor();
    await go("/tasks");
    await page.getByText("No task is under way.").waitFor();
    await go("/lanes");
    await page.getByText("No lanes yet").waitFor();
    await go("/devices/nobody");
    await page.getByText("is not there, or not yours to see").waitFor();
  });
});
