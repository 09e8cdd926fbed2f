import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import {
  ApiProblem,
  type HirewireClient,
  hirewireClient,
  type LiveEvent,
  UnknownAnswer,
} from "../../../src/operator/api/client.ts";
import { type JsonRoute, ROUTES, type Route } from "../../../src/operator/api/routes.ts";
import type { SettlementPage } from "../../../src/operator/api/settlement.ts";
import { addAccess } from "../../../src/operator/web/access-file.ts";
import { sampleOf } from "../web/sample.ts";
import { openStand, type Stand } from "../web/stand.ts";
import { stubDesk } from "../web/stub-desk.ts";

let stand: Stand;
let gateway: HirewireClient;
const stub = stubDesk({
  device: () => Promise.reject(new Fault("not_found", "there is no device robot-9")),
  resume: () => Promise.reject(new Fault("chain_unreachable", "the chain is down")),
  halt: () => Promise.reject(new Error("a bug with a secret in it")),
});

beforeAll(async () => {
  stand = await openStand({ desk: stub.desk });
  const token = addAccess(stand.folder, { name: "script", role: "operator", owner: null }, 0);
  gateway = hirewireClient({ url: `${stand.url}/`, token });
});

afterAll(() => stand.close());

const NAMES = (Object.entries(ROUTES) as [string, Route][])
  .filter(
    ([name, { answer }]) =>
      answer !== "stream" && !["login", "logout", "device", "resume", "halt"].includes(name),
  )
  .map(([name]) => name as Exclude<JsonRoute, "login" | "logout">);

describe("the client", () => {
  it.each(NAMES)("%s asks its route, and gives what it answers", async (name) => {
    const { params, input, answer } = ROUTES[name] as Route;
    const asked = { ...(sampleOf(params) as object), ...(sampleOf(input) as object) };
    const method = gateway[name] as (values: object) => Promise<unknown>;
    const told = await method(asked);
    if (name === "session") expect(told).toMatchObject({ name: "script", role: "operator", owner: null });
    else expect(told).toEqual(sampleOf(answer as Exclude<Route["answer"], "stream">));
    const own = { params: sampleOf(params), input: sampleOf(input) };
    if (name !== "session") expect(stub.questions.at(-1)).toMatchObject({ name, asked: own });
  });

  it("has the table's types", () => {
    expectTypeOf(gateway.settlements).returns.resolves.toEqualTypeOf<SettlementPage>();
    type Filter = NonNullable<Parameters<HirewireClient["settlements"]>[0]>;
    expectTypeOf<{ limit: number; kind: "earned" }>().toExtend<Filter>();
    expectTypeOf<{ limit: string }>().not.toExtend<Filter>();
    expectTypeOf<{ kind: "stolen" }>().not.toExtend<Filter>();
    expectTypeOf(gateway.device).parameter(0).toHaveProperty("device").toEqualTypeOf<string>();
    expectTypeOf(gateway.settlement).parameter(0).toHaveProperty("sequence").toEqualTypeOf<number>();
    expectTypeOf<HirewireClient>().not.toHaveProperty("login");
  });

  it("escapes what stands in a path, and leaves out what is not given", async () => {
    await gateway.topUpLane({ lane: `0x${"1".repeat(40)}-in`, amount: "1.5" });
    expect(stub.questions.at(-1)?.asked).toEqual({
      params: { lane: `0x${"1".repeat(40)}-in` },
      input: { amount: "1.5", dryRun: true },
    });
    await gateway.settlements({ text: "a&b=c 网", kind: "earned" });
    expect(stub.questions.at(-1)?.asked).toEqual({
      params: {},
      input: { text: "a&b=c 网", kind: "earned", limit: 50 },
    });
    await gateway.disableDevice({ device: "a/../b?c" });
    expect(stub.questions.at(-1)?.asked).toEqual({ params: { device: "a/../b?c" }, input: {} });
  });

  it("throws what the gateway refuses as a problem, and tells no secrets of a defect", async () => {
    const problemOf = (asking: Promise<unknown>) =>
      asking.then(
        () => null,
        (error: unknown) => (error instanceof ApiProblem ? error : null),
      );
    const missing = await problemOf(gateway.device({ device: "robot-9" }));
    expect(missing?.problem).toMatchObject({
      status: 404,
      code: "not_found",
      detail: "there is no device robot-9",
    });
    expect(missing?.message).toBe("not_found: there is no device robot-9");
    const down = await problemOf(gateway.resume());
    expect(down).toMatchObject({ retryAfter: 5, problem: { status: 503, code: "chain_unreachable" } });
    expect(stand.faults).toEqual([]);
    const bug = await problemOf(gateway.halt({ reason: "x" }));
    expect(bug?.problem).toMatchObject({ status: 500, code: "impossible" });
    expect(JSON.stringify(bug?.problem)).not.toContain("secret");
    expect(stand.faults).toMatchObject([{ message: "a bug with a secret in it" }]);
    const stranger = hirewireClient({ url: stand.url });
    expect((await problemOf(stranger.overview()))?.problem).toMatchObject({
      status: 401,
      code: "login_needed",
    });
    const wrong = await problemOf(gateway.settlements({ limit: 1_000 }));
    expect(wrong?.problem).toMatchObject({
      status: 400,
      code: "bad_request",
      detail: expect.stringContaining("limit"),
    });
  });

  it("does not take an answer of another shape for one", async () => {
    for (const text of ["{}", "", "<html>", '{"at":0,"alerts":[],"more":1}']) {
      const fake = hirewireClient({ url: "http://x", fetch: () => Promise.resolve(new Response(text)) });
      await expect(fake.alerts()).rejects.toBeInstanceOf(UnknownAnswer);
    }
    const lost = hirewireClient({
      url: "http://x",
      fetch: () => Promise.resolve(new Response("{}", { status: 502 })),
    });
    await expect(lost.alerts()).rejects.toThrow("status 502");
  });

  it("reads an export as it comes", async () => {
    const body = await gateway.settlementExport({ format: "jsonl" });
    expect(await new Response(body).text()).toBe("sequence\n");
  });

  it("hears what happens until it is told to stop", async () => {
    const leaving = new AbortController();
    const heard: LiveEvent[] = [];
    const listening = (async () => {
      for await (const event of gateway.events({ period: "week" }, { signal: leaving.signal })) {
        heard.push(event);
        if (event.kind === "verification") stand.feed.note("lanes", "alerts");
        if (event.kind === "changed") leaving.abort();
      }
    })();
    await expect(listening).rejects.toThrow(/abort/i);
    expect(heard.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["overview", "verification", "changed"]),
    );
    expect(heard.find(({ kind }) => kind === "changed")).toEqual({
      kind: "changed",
      lists: ["lanes", "alerts"],
    });
    expect(stub.questions.filter(({ name }) => name === "overview").at(-1)?.asked).toEqual({
      params: {},
      input: { period: "week", offset: 0 },
    });
  });

  it("leaves a connection when its reader has heard enough, and knows no event of a newer gateway", async () => {
    const text =
      'event: later\ndata: {}\n\n:\n\nevent: changed\r\ndata: ["tasks"]\r\n\r\nevent: changed\ndata: ["la';
    const encoded = new TextEncoder().encode(text);
    let isCancelled = false;
    const body = () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (const byte of encoded) controller.enqueue(Uint8Array.of(byte));
        },
        cancel: () => {
          isCancelled = true;
        },
      });
    const fake = hirewireClient({ url: "http://x", fetch: () => Promise.resolve(new Response(body())) });
    for await (const event of fake.events()) {
      expect(event).toEqual({ kind: "changed", lists: ["tasks"] });
      break;
    }
    expect(isCancelled).toBe(true);
  });
});
