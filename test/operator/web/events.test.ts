import { describe, expect, it, onTestFinished } from "vitest";
import type { Viewer } from "../../../src/operator/api/access.ts";
import { overview as overviewShape } from "../../../src/operator/api/overview.ts";
import { Feed } from "../../../src/operator/feed.ts";
import { type EventAsk, Events } from "../../../src/operator/web/events.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { ask, codeOf, logIn, post } from "./ask.ts";
import { sampleOf } from "./sample.ts";
import { openStand, type Stand } from "./stand.ts";
import { stubDesk } from "./stub-desk.ts";

const WHOLE: Viewer = { name: "n", role: "viewer", owner: null };
const QUERY = { period: "day", offset: 0 } as const;
const OVERVIEW = sampleOf(overviewShape);

/** Lets everything run that waits for nothing but a promise. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function openRig(own: Parameters<typeof stubDesk>[0] = {}) {
  const clock = new ManualClock();
  const feed = new Feed({ clock });
  const { desk, questions } = stubDesk(own);
  const faults: unknown[] = [];
  const events = new Events({ desk, feed, clock, onFault: (fault) => faults.push(fault) });
  const listen = (change: Partial<EventAsk> = {}) => {
    const leaving = new AbortController();
    const source = events.open(
      { viewer: WHOLE, query: QUERY, isOpen: () => true, ...change },
      leaving.signal,
    );
    const next = async () => {
      const { done, value } = await source.next();
      return done === true ? null : new TextDecoder().decode(value);
    };
    return { next, leave: () => leaving.abort() };
  };
  return { clock, feed, questions, faults, listen };
}

const namesIn = (text: string | null) =>
  [...(text ?? "").matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);

describe("the events of a client", () => {
  it("begin with how to come back, the first screen, and how the newest verification went", async () => {
    const { listen } = openRig();
    const { next } = listen();
    expect(await next()).toBe("retry: 2000\n\n");
    const text = await next();
    expect(namesIn(text)).toEqual(["overview", "verification"]);
    expect(JSON.parse(/^data: (.*)$/m.exec(text ?? "")?.[1] ?? "")).toEqual(OVERVIEW);
  });

  it("are one a second at most however much happens, with every list that changed", async () => {
    const { listen, feed, clock, questions } = openRig();
    const { next, leave } = listen();
    await next();
    await next();
    questions.length = 0;
    let told = 0;
    const lists = new Set<string>();
    const reading = (async () => {
      for (let text = await next(); text !== null; text = await next()) {
        if (namesIn(text).includes("overview")) told++;
        for (const [, list] of text.matchAll(/"(tasks|lanes|devices)"/g)) lists.add(list ?? "");
      }
    })();
    for (let ms = 0; ms < 10_000; ms += 20) {
      feed.note((["tasks", "lanes", "devices"] as const)[ms % 3] ?? "tasks");
      clock.advance(20);
      await settled();
    }
    leave();
    await reading;
    expect(told).toBeGreaterThanOrEqual(9);
    expect(told).toBeLessThanOrEqual(11);
    expect(questions.filter(({ name }) => name === "overview").length).toBe(told);
    expect([...lists].toSorted()).toEqual(["devices", "lanes", "tasks"]);
  });

  it("say every ten seconds that the line is alive", async () => {
    const { listen, clock } = openRig();
    const { next } = listen();
    await next();
    await next();
    for (let times = 0; times < 3; times++) {
      const text = next();
      await settled();
      clock.advance(9_999);
      await settled();
      clock.advance(1);
      expect(await text).toBe(":\n\n");
    }
  });

  it("leave the first screen alone for what is not on it, and for one owner what it may not ask", async () => {
    const { listen, feed, clock } = openRig();
    const [all, own] = [listen(), listen({ viewer: { ...WHOLE, owner: `0x${"ab".repeat(20)}` } })];
    for (const { next } of [all, own]) {
      await next();
      await next();
    }
    const texts = [all.next(), own.next()];
    await settled();
    feed.note("logs", "settings");
    clock.advance(50);
    expect(await texts[0]).toBe('event: changed\ndata: ["logs","settings"]\n\n');
    expect(await texts[1]).toBe(":\n\n");
  });

  it("replace for a slow client what it has not taken", async () => {
    let number = 0;
    const { listen, feed, clock } = openRig({
      overview: () => Promise.resolve({ ...OVERVIEW, name: `screen ${++number}` }),
    });
    const { next } = listen();
    await next();
    await next();
    for (let seconds = 0; seconds < 5; seconds++) {
      feed.note("tasks");
      clock.advance(1_000);
      await settled();
    }
    const text = await next();
    expect(namesIn(text)).toEqual(["overview", "changed"]);
    expect(text).toContain("screen 6");
  });

  it("ask for one first screen for all who see the same, and never for one that is older than the news", async () => {
    let made = 0;
    let isHeld: boolean = true;
    const held: (() => void)[] = [];
    const { listen, feed, clock } = openRig({
      overview: async () => {
        const name = `screen ${++made}`;
        if (isHeld) await new Promise<void>((resolve) => held.push(resolve));
        return { ...OVERVIEW, name };
      },
    });
    const release = () => {
      for (const resolve of held.splice(0)) resolve();
    };
    const screenOf = async ({ next }: ReturnType<typeof listen>): Promise<string> => {
      const name = /"name":"(screen \d+)"/.exec((await next()) ?? "")?.[1];
      return name ?? (await screenOf({ next, leave: () => undefined }));
    };
    const [one, two] = [listen(), listen()];
    const first = Promise.all([screenOf(one), screenOf(two)]);
    await settled();
    expect(made).toBe(1);
    release();
    expect(await first).toEqual(["screen 1", "screen 1"]);
    const late = listen();
    const begun = screenOf(late);
    await settled();
    expect(made).toBe(2);
    feed.note("tasks");
    clock.advance(50);
    isHeld = false;
    const news = Promise.all([screenOf(one), screenOf(two)]);
    await settled();
    release();
    expect([await begun, await screenOf(late)]).toEqual(["screen 2", expect.stringMatching(/[34]/)]);
    expect(await news).toEqual(["screen 3", "screen 3"]);
  });

  it("go on when a clerk fails, which is told once in a row", async () => {
    let isBroken: boolean = true;
    const { listen, feed, clock, faults } = openRig({
      overview: () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve(OVERVIEW)),
    });
    const { next } = listen();
    await next();
    expect(namesIn(await next())).toEqual(["verification"]);
    const change = async () => {
      feed.note("tasks");
      clock.advance(1_000);
      await settled();
      return namesIn(await next());
    };
    expect(await change()).toEqual(["changed"]);
    expect(faults).toHaveLength(1);
    isBroken = false;
    expect(await change()).toEqual(["overview", "changed"]);
    isBroken = true;
    await change();
    expect(faults).toHaveLength(2);
  });

  it("end with the client, and with its login", async () => {
    const { listen, clock } = openRig();
    let isOpen = true;
    const [gone, expired] = [listen(), listen({ isOpen: () => isOpen })];
    for (const { next } of [gone, expired]) {
      await next();
      await next();
    }
    const waiting = [gone.next(), expired.next()];
    await settled();
    gone.leave();
    expect(await waiting[0]).toBeNull();
    isOpen = false;
    clock.advance(10_000);
    expect(await waiting[1]).toBeNull();
  });
});

describe("over HTTP", () => {
  const open = async (): Promise<Stand> => {
    const stand = await openStand();
    onTestFinished(() => stand.close());
    return stand;
  };

  const listen = async (stand: Stand, headers: Record<string, string>) => {
    const leaving = new AbortController();
    const response = await fetch(`${stand.url}/api/v1/events`, { headers, signal: leaving.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (part: string) => {
      let text = "";
      while (!text.includes(part)) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: "" };
        if (done) throw new Error(`ended before ${part}: ${text}`);
        text += value;
      }
      return text;
    };
    return { response, until, leave: () => leaving.abort(), ended: () => reader?.closed };
  };

  it("a change comes within the second, and a client that comes back begins anew", async () => {
    const stand = await open();
    const { headers } = await logIn(stand);
    for (let times = 0; times < 2; times++) {
      const { response, until, leave } = await listen(stand, headers);
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      expect(await until("event: overview")).toContain("retry: 2000");
      stand.feed.note("lanes");
      expect(await until('["lanes"]')).toContain("event: changed");
      leave();
    }
  });

  it("eight pages of one login can be open, and one more when one has gone", async () => {
    const stand = await open();
    const [one, other] = [await logIn(stand), await logIn(stand)];
    const pages = await Promise.all(Array.from({ length: 8 }, () => listen(stand, one.headers)));
    await Promise.all(pages.map(({ until }) => until("event: overview")));
    const refused = await ask(stand.url, "/api/v1/events", { headers: one.headers });
    expect([refused.status, codeOf(refused), refused.headers["retry-after"]]).toEqual([
      429,
      "too_many_requests",
      "5",
    ]);
    const more = await listen(stand, other.headers);
    await more.until("event: overview");
    pages[0]?.leave();
    let again = await listen(stand, one.headers);
    while (again.response.status === 429) again = await listen(stand, one.headers);
    await again.until("event: overview");
  });

  it("logging out ends what is open at the next word", async () => {
    const stand = await open();
    const { headers } = await logIn(stand);
    const { until } = await listen(stand, headers);
    await until("event: overview");
    await post(stand.url, "/api/v1/logout", {}, headers);
    stand.feed.note("tasks");
    await expect(until("never")).rejects.toThrow("ended before");
  });

  it("stopping ends what is open at once, and waits for no time to pass", async () => {
    const stand = await openStand({ clock: new ManualClock() });
    const { headers } = await logIn(stand);
    const { until } = await listen(stand, headers);
    await until("event: overview");
    await stand.close();
    await expect(until("never")).rejects.toThrow();
  });

  it("asking for the head alone takes no one's place", async () => {
    const stand = await open();
    const { headers } = await logIn(stand);
    for (let times = 0; times < 9; times++) {
      expect((await ask(stand.url, "/api/v1/events", { method: "HEAD", headers })).status).toBe(200);
    }
    const { until } = await listen(stand, headers);
    await until("event: overview");
  });
});
