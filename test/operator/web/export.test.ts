import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import type { ExportRows } from "../../../src/operator/web/own-answers.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { ask, codeOf, logIn } from "./ask.ts";
import { openStand, type StandOptions } from "./stand.ts";

const CHUNK = new Uint8Array(65_536).fill(120);

async function open(options: StandOptions) {
  const stand = await openStand(options);
  onTestFinished(() => stand.close());
  return { stand, ...(await logIn(stand)) };
}

/** A source without an end that says how much was taken of it, and when it was told to stop. */
function endless() {
  const ended = Promise.withResolvers<void>();
  const taken = { chunks: 0 };
  const exportRows: ExportRows = async function* () {
    try {
      for (;;) {
        taken.chunks++;
        yield await Promise.resolve(CHUNK);
      }
    } finally {
      ended.resolve();
    }
  };
  return { exportRows, taken, ended: ended.promise };
}

describe("an export", () => {
  it("is a file of its format, of the asked rows, for who asks", async () => {
    const asked: unknown[] = [];
    const exportRows: ExportRows = async function* (query, viewer) {
      asked.push([query, viewer]);
      for (const part of ["a\n", "b\n"]) yield await Promise.resolve(new TextEncoder().encode(part));
    };
    const { stand, headers } = await open({ exportRows });
    for (const [format, type, name] of [
      ["csv", "text/csv; charset=utf-8", "settlements.csv"],
      ["jsonl", "application/jsonl; charset=utf-8", "settlements.jsonl"],
      ["ledger", "text/plain; charset=utf-8", "settlements.ledger"],
    ]) {
      const told = await ask(stand.url, `/api/v1/settlement-export?format=${format}&kind=earned&from=5`, {
        headers,
      });
      expect(told).toMatchObject({
        status: 200,
        text: "a\nb\n",
        headers: {
          "content-type": type,
          "content-disposition": `attachment; filename="${name}"`,
          "cache-control": "no-store",
        },
      });
      expect(asked.pop()).toEqual([
        { format, kind: "earned", from: 5 },
        { name: "browser", role: "operator", owner: null },
      ]);
    }
    expect((await ask(stand.url, "/api/v1/settlement-export?format=xml", { headers })).status).toBe(400);
  });

  it("that is aborted midway stops its source", async () => {
    const { exportRows, taken, ended } = endless();
    const { stand, headers } = await open({ exportRows });
    const leaving = new AbortController();
    const response = await fetch(`${stand.url}/api/v1/settlement-export`, {
      headers,
      signal: leaving.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    await ended;
    const { chunks } = taken;
    await fetch(`${stand.url}/healthz`);
    expect(taken.chunks).toBe(chunks);
    expect(stand.faults).toEqual([]);
  });

  it("waits for who reads slowly, and lets go of who reads nothing for half a minute", async () => {
    const clock = new ManualClock();
    const { exportRows, taken, ended } = endless();
    const { stand, cookie } = await open({ exportRows, clock });
    const reader = connect(stand.web.port, "127.0.0.1");
    reader.on("error", () => undefined).pause();
    reader.write(
      `GET /api/v1/settlement-export HTTP/1.1\r\nHost: localhost:${stand.web.port}\r\nCookie: ${cookie}\r\n\r\n`,
    );
    const still = async () => {
      for (let before = -1; before !== taken.chunks || taken.chunks === 0; ) {
        before = taken.chunks;
        for (let turns = 0; turns < 10; turns++) await fetch(`${stand.url}/healthz`);
      }
      return taken.chunks;
    };
    const held = await still();
    expect(held * CHUNK.length).toBeLessThan(64 * 1_048_576);
    expect(await still()).toBe(held);
    clock.advance(30_000);
    await ended;
    reader.resume();
    await once(reader, "close");
    expect(stand.faults).toEqual([]);
  });

  it("whose source fails is cut off, so that nobody takes half for all", async () => {
    const exportRows: ExportRows = async function* () {
      yield await Promise.resolve(CHUNK);
      throw new Fault("disk_failed", "gone");
    };
    const { stand, headers } = await open({ exportRows });
    await expect(ask(stand.url, "/api/v1/settlement-export", { headers })).rejects.toThrow();
    expect(stand.faults).toMatchObject([{ code: "disk_failed" }]);
  });

  it("runs twice at a time for one login, and is taken up again when one has ended", async () => {
    const { exportRows } = endless();
    const { stand, headers } = await open({ exportRows });
    const leaving = [new AbortController(), new AbortController()];
    await Promise.all(
      leaving.map(({ signal }) => fetch(`${stand.url}/api/v1/settlement-export`, { headers, signal })),
    );
    const third = () => ask(stand.url, "/api/v1/settlement-export", { headers, method: "GET" });
    const refused = await third();
    expect([refused.status, codeOf(refused)]).toEqual([429, "too_many_requests"]);
    leaving[0]?.abort();
    let status = 429;
    while (status === 429) {
      const stop = new AbortController();
      const response = await fetch(`${stand.url}/api/v1/settlement-export`, { headers, signal: stop.signal });
      status = response.status;
      stop.abort();
    }
    expect(status).toBe(200);
  });
});
