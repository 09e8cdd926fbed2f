/** What stands behind a payment, in a browser: every section, copies, and checks against a gateway that lies. */
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import type { SettlementDetail } from "../../../../src/operator/api/settlement.ts";
import { type SignedStory, signedStory } from "../../../operator/page/fixture/signed-story.ts";
import {
  axeFinds,
  describeInBrowser,
  MODES,
  type Mode,
  picture,
  type Visit,
  type VisitOptions,
  visit,
} from "./browse.ts";
import { poll } from "./poll.ts";

let signed: SignedStory;
beforeAll(async () => {
  signed = await signedStory();
});

/** The fixture's market, but for one payment with real hashes and signatures. */
async function visitSigned(options: VisitOptions = {}): Promise<Visit> {
  const { fixtureDesk } = await import("../../../operator/page/fixture/desk.ts");
  const { overview } = fixtureDesk().desk;
  return await visit({
    ...options,
    desk: {
      overview: async (asked, viewer) => ({ ...(await overview(asked, viewer)), ...signed.market }),
      settlement: () => Promise.resolve(structuredClone(signed.detail)),
      task: () => Promise.resolve(structuredClone(signed.story)),
    },
  });
}

/** Stands between gateway and page, and changes what comes by. */
async function lie(page: Page, change: (detail: SettlementDetail) => void): Promise<void> {
  await page.route("**/api/v1/settlements/77", async (route) => {
    const response = await route.fetch();
    const detail = (await response.json()) as SettlementDetail;
    change(detail);
    await route.fulfill({ response, json: detail });
  });
}

const CARDS = [
  "Payment",
  "Offer",
  "Bids",
  "Contract: award and acceptance",
  "Input, firmware and output",
  "Verdict",
  "Bill",
  "Vouchers",
  "Journal",
];

describeInBrowser("the story of a payment", () => {
  test.each(Object.keys(MODES) as Mode[])(
    "looks as it should, %s, and axe finds nothing serious",
    async (mode) => {
      const { page, go } = await visit({ mode });
      await go("/settlements/4999");
      await page.locator(".story .card").first().waitFor();
      expect(await axeFinds(page)).toEqual([]);
      await picture(page, `settlement-${mode}`);
    },
  );

  test("everything is there, from the payment to the transaction", async () => {
    const { page, go } = await visit();
    await go("/settlements/4999");
    const card = (name: string) => page.getByRole("region", { name, exact: true });
    for (const name of [...CARDS, "Transactions"]) await card(name).waitFor();
    const bids = await card("Bids").locator("tbody tr").allTextContents();
    expect(bids.map((text) => /(lowest|dearer|no room on its lane|declined)/.exec(text)?.[1])).toEqual([
      "lowest",
      "dearer",
      "no room on its lane",
      "declined",
    ]);
    const transaction = await card("Transactions").locator("tbody tr").textContent();
    for (const part of ["21,400,312", "7/12", "412,031", "0.0000412031"]) expect(transaction).toContain(part);
    expect(await card("Verdict").textContent()).toContain(
      "a second provider came to the same output and fuel",
    );
    expect(await card("Vouchers").locator("tbody tr").count()).toBe(2);
  });

  test("each part is copied as JSON", async () => {
    const { page, go } = await visitSigned();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await go("/settlements/77");
    const bids = page.getByRole("region", { name: "Bids", exact: true });
    await bids.getByRole("button", { name: "Copy as JSON" }).click();
    await bids.getByRole("button", { name: "Copied" }).waitFor();
    expect(JSON.parse(String(await page.evaluate("navigator.clipboard.readText()")))).toEqual(
      signed.story.bids,
    );
  });

  test("an honest story holds, hash by hash and signature by signature", async () => {
    const { page, go } = await visitSigned();
    await go("/settlements/77");
    await page.getByRole("button", { name: "Check the whole story here" }).click();
    const [hashes, signatures] = [
      page.getByRole("table", { name: "Hashes" }).locator("tbody tr"),
      page.getByRole("table", { name: "Signatures" }).locator("tbody tr"),
    ];
    await page.getByText("Everything holds").waitFor();
    expect(await hashes.count()).toBe(signed.story.entries.length);
    const said = await signatures.allTextContents();
    // One voucher, the manifest, the offer, two bids, two awards, accepts and results, two legs, and the receipt.
    expect(said.length).toBe(14);
    for (const one of said) expect(one).toMatch(/holds$/);
    await picture(page, "check-here");
    const bids = page.getByRole("region", { name: "Bids", exact: true });
    await bids.getByRole("button", { name: "Check here: Bids" }).click();
    await bids.getByText("Everything holds").waitFor();
    expect(await bids.getByRole("table", { name: "Signatures" }).locator("tbody tr").count()).toBe(2);
  });

  test("a changed text is shown as broken: the hash, and the signature over it", async () => {
    const { page, go } = await visitSigned();
    await lie(page, (detail) => {
      const entry = detail.story?.entries.at(-1);
      if (entry?.text) entry.text = entry.text.replace('"fuel":1234567890', '"fuel":1234567891');
    });
    await go("/settlements/77");
    await page.getByRole("button", { name: "Check the whole story here" }).click();
    await page.getByText(/^■ Broken: 1 hash and 1 signature do not hold/).waitFor();
    const last = page.getByRole("table", { name: "Hashes" }).locator("tbody tr").last();
    const [stored, computed] = await last.locator("code").allTextContents();
    expect(stored).not.toBe(computed);
    expect(await last.textContent()).toContain("its text does not have its hash");
    expect(await axeFinds(page)).toEqual([]);
    await picture(page, "check-here-broken");
  });

  test("a forged signature is found although every hash was made anew", async () => {
    const { page, go } = await visitSigned();
    const { sealEntry } = await import("../../../../src/journal/entry.ts");
    await lie(page, (detail) => {
      const entry = detail.story?.entries.find(({ kinds }) => kinds.includes("bidPlaced"));
      if (!entry?.text) return;
      const [previous, index, at, cause, facts] = JSON.parse(entry.text);
      facts[0].rate = "1";
      const made = sealEntry({ index: index - 1, hash: previous }, { at, cause, facts: facts.map(decoded) });
      Object.assign(entry, { text: made.text, hash: made.hash });
    });
    const { decodeFact: decoded } = await import("../../../../src/protocol/facts.ts");
    await go("/settlements/77");
    await page.getByRole("button", { name: "Check here: Bids" }).click();
    const bids = page.getByRole("region", { name: "Bids", exact: true });
    await bids.getByText(/Broken: .*signature/).waitFor();
    expect(await bids.getByRole("table", { name: "Signatures" }).textContent()).toContain("does not hold");
  });

  test("what is told in another owner's business too is not shown, and not called broken", async () => {
    const { page, go } = await visitSigned();
    await lie(page, (detail) => {
      for (const entry of detail.story?.entries ?? [])
        if (entry.kinds.includes("announced")) entry.text = null;
    });
    await go("/settlements/77");
    await page.getByRole("button", { name: "Check the whole story here" }).click();
    await page.getByText("Everything holds").waitFor();
    await page.getByText("not shown to you").waitFor();
  });

  test("kernels that do not come are a sentence, not a dead button", async () => {
    const { page, go, complaints } = await visitSigned();
    await page.route("**/kernels/**", (route) => route.abort());
    await go("/settlements/77");
    await page.getByRole("button", { name: "Check the whole story here" }).click();
    await page.getByText("Nothing could be checked").waitFor();
    expect(complaints).toEqual([]);
  });

  test("a row that is not there is said to be gone", async () => {
    const { page, go } = await visit();
    for (const path of ["/settlements/99999999", "/settlements/abc", "/tasks/0x12"]) {
      await go(path);
      await page.getByText("is not there, or not yours to see").waitFor();
    }
  });

  test("a task's page follows it while it is live", async () => {
    const { story } = signed;
    let now = { ...story, state: "running", verdict: null, bill: null, vouchers: [], checks: [] };
    const { page, go, stand } = await visit({ desk: { task: () => Promise.resolve(now) } });
    await go(`/tasks/${story.task}`);
    await page.getByText("running").first().waitFor();
    now = structuredClone({ ...story, verdict: null, bill: null, vouchers: [], checks: [] });
    stand.feed.note("tasks");
    await poll(() => page.locator(".task-state").textContent()).toContain("paid");
    expect(await axeFinds(page)).toEqual([]);
    await picture(page, "task-light");
  });
});
