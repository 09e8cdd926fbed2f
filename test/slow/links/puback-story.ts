/**
 * A lean gateway that is killed with SIGKILL right after it has acknowledged an offer's packet, again and again.
 *
 * The PUBACK of an offer is the gateway's word that it stands in the journal. So what was PUBACKed in one life is there
 * when the next one opens the journal, whatever the device says again later; it comes to one end: paid for once, or given back.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { verifyJournal } from "../../../src/journal/verify.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { ARM, CAMERA, MARKET, METER, ROBOT } from "../../exchange/stage.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import { Provider, Requester, type Sent } from "./kill-devices.ts";
import type { LeanOptions } from "./lean-gateway.ts";

export type PubackToll = {
  readonly kills: number;
  /** Offers, those whose PUBACK came before a kill, and those that had their ack by then. */
  readonly offers: number;
  readonly pubacked: number;
  readonly told: number;
  /** Ends of tasks. */
  readonly paid: number;
  readonly expired: number;
  readonly cancelled: number;
  /** Too late to be taken on by the time they came. */
  readonly refused: number;
  readonly records: number;
};

const OPTIONS: LeanOptions = {
  market: MARKET,
  key: `0x${"01".repeat(32)}`,
  devices: [ROBOT, ARM, CAMERA].map(({ address }) => address),
  meter: { version: METER.meter, costs: METER.costs },
};
const PROGRAM = fileURLToPath(new URL("lean-gateway.ts", import.meta.url));
/**
 * From the PUBACK to the kill, milliseconds; at 0 not even the rest of its chunk is looked at. The long ones let tasks of
 * earlier lives come as far as awards and payments.
 */
const DELAYS = [0, 0, 1, 0, 2, 0, 3, 190, 0, 5, 0, 250];
/** Shortest of the long ones. */
const WORK_MS = 100;
/** Offers of one life, and how many PUBACKs are waited for. */
const BATCHES = [
  { offers: 1, pubacks: 1 },
  { offers: 1, pubacks: 1 },
  { offers: 2, pubacks: 1 },
  { offers: 1, pubacks: 1 },
  { offers: 2, pubacks: 2 },
] as const;
/** One life in so many lets everything come to its end before it goes on. */
const REST_EVERY = 10;

type Life = { readonly child: ChildProcess; readonly port: number; readonly head: number };

export class PubackStory {
  readonly #folder: string;
  readonly #broken = Promise.withResolvers<never>();
  readonly #requester = new Requester(ROBOT, this.#broken.reject);
  readonly #providers = [
    new Provider(ARM, 700n, this.#broken.reject),
    new Provider(CAMERA, 800n, this.#broken.reject),
  ];
  /** The newest record at the opening of each life; of life 1 first. */
  readonly #heads: number[] = [];
  readonly #env: NodeJS.ProcessEnv;
  #life: Life | null = null;
  #told = 0;

  /** @param cache - a folder for compiled code, which makes starts quick */
  constructor(folder: string, cache: string) {
    this.#folder = folder;
    this.#env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: cache };
  }

  /** @param kills - how often the gateway dies */
  tell(kills: number): Promise<PubackToll> {
    return Promise.race([this.#tell(kills), this.#broken.promise]);
  }

  async #tell(kills: number): Promise<PubackToll> {
    for (let kill = 1; kill <= kills; kill++) await this.#live(kill);
    await this.#begin();
    await this.#finish();
    await this.#end("SIGTERM");
    return this.#audit(kills);
  }

  /** Ends whatever still runs. */
  close(): void {
    this.#life?.child.kill("SIGKILL");
    for (const device of [this.#requester, ...this.#providers]) device.cut();
  }

  /** One life: offers go out, and with the last PUBACK that is waited for its end is near. */
  async #live(kill: number): Promise<void> {
    const requester = this.#requester;
    const { offers, pubacks } = BATCHES[kill % BATCHES.length] ?? BATCHES[0];
    const delay = DELAYS[kill % DELAYS.length] ?? 0;
    const isResting = kill % REST_EVERY === 0;
    await this.#begin(isResting || delay >= WORK_MS);
    // what was PUBACKed is not said again before everything is: nothing makes up for it if it is lost
    requester.send(requester.offers.filter((one) => one.pubackedIn === null));
    if (isResting) await requester.rest();
    const fresh: Sent[] = [];
    for (let at = 0; at < offers; at++) fresh.push(await requester.prepare());
    const killed = Promise.withResolvers<void>();
    let left: number = pubacks;
    requester.onPuback = (sent) => {
      if (!fresh.includes(sent) || --left !== 0) return;
      if (delay === 0) killed.resolve(this.#end("SIGKILL"));
      else systemClock.after(delay, () => killed.resolve(this.#end("SIGKILL")));
    };
    requester.send(fresh);
    await killed.promise;
    this.#told += fresh.filter(({ acked }) => acked !== null).length;
  }

  /** @param isWork - whether the life is long enough for anybody to do something, so that the providers come, too */
  async #begin(isWork = true): Promise<void> {
    const life = await start(this.#folder, this.#env);
    this.#life = life;
    this.#heads.push(life.head);
    const devices = isWork ? [this.#requester, ...this.#providers] : [this.#requester];
    await Promise.all(devices.map((device) => device.connect(life.port)));
  }

  /** Ends the child at once, and hears nothing more of what it has said. */
  async #end(signal: NodeJS.Signals): Promise<void> {
    const life = this.#life;
    if (!life) throw new Error("no gateway runs");
    const { child } = life;
    if (child.exitCode !== null) throw new Error("the gateway ended by itself");
    child.kill(signal);
    for (const device of [this.#requester, ...this.#providers]) device.cut();
    await once(child, "exit");
    expect(child.signalCode).toBe(signal);
    this.#life = null;
  }

  /** Every offer has its answer; to say it again brings the same answer, and nothing into the journal. */
  async #finish(): Promise<void> {
    const requester = this.#requester;
    await requester.rest();
    const { index } = this.#head();
    await requester.repeat();
    expect(this.#head().index).toBe(index);
  }

  #head() {
    const journal = openJournal(this.#folder, { readOnly: true });
    try {
      return journal.head();
    } finally {
      journal.close();
    }
  }

  #audit(kills: number): PubackToll {
    const journal = openJournal(this.#folder, { readOnly: true });
    try {
      verifyJournal(journal.entries());
      expectNothingDoubled(journal);
      const state = replay(journal, MARKET);
      expectBooks(state);
      this.#expectKnown(state);
      this.#expectMoney(state);
      const { offers } = this.#requester;
      const ends = (end: string) => offers.filter(({ answer }) => answer?.state === end).length;
      return {
        ...{ kills, offers: offers.length, told: this.#told },
        pubacked: offers.filter(({ pubackedIn }) => (pubackedIn ?? kills + 1) <= kills).length,
        ...{ paid: ends("paid"), expired: ends("expired"), cancelled: ends("cancelled") },
        refused: offers.filter(({ refused }) => refused !== null).length,
        records: journal.head().index,
      };
    } finally {
      journal.close();
    }
  }

  /** What was PUBACKed in a life stood in the journal before the next one, and every offer ended as it should. */
  #expectKnown({ answers, market }: State): void {
    const requester = this.#requester;
    for (const { id, task, pubackedIn, fate, acked, answer, refused } of requester.offers) {
      const known = answers.get(requester.address)?.get(id);
      if (refused !== null) {
        expect([market.tasks.has(task), answer]).toEqual([false, null]);
        continue;
      }
      expect(known, `${id} is unknown`).toMatchObject({ task, refused: null });
      const opening = this.#heads[pubackedIn ?? this.#heads.length] ?? Number.POSITIVE_INFINITY;
      expect(known?.index, `${id} was lost between two lives`).toBeLessThanOrEqual(opening);
      if (acked !== null) expect(known?.index).toBe(acked);
      const { state, end } = market.tasks.get(task) ?? {};
      expect([state, end?.spent]).toEqual([answer?.state, answer?.spent]);
      // done, or everything that was held is given back
      expect(state === "paid" ? fate : "paid", id).toBe("paid");
      expect(["paid", "expired", "cancelled"]).toContain(state);
      expect(end?.spent === 0n).toBe(state !== "paid");
    }
  }

  /** Nothing is held any more: what was signed is spent, or credit, or has gone back. */
  #expectMoney({ payment }: State): void {
    const requester = this.#requester;
    const { address, offers, signed } = requester;
    const spent = offers.reduce((sum, { answer }) => sum + (answer?.spent ?? 0n), 0n);
    expect(payment.incoming.get(address)?.signed).toBe(signed);
    expect(spent + creditOf(payment, address) + requester.received).toBe(signed);
    for (const device of [requester, ...this.#providers]) {
      expect(device.received).toBe(payment.outgoing.get(device.address)?.signed ?? 0n);
    }
  }
}

async function start(folder: string, env: NodeJS.ProcessEnv): Promise<Life> {
  const child = spawn(process.execPath, [PROGRAM, folder, JSON.stringify(OPTIONS)], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "exit").then(() => {
    throw new Error("the gateway did not start");
  });
  const line = once(lines, "line");
  const [text] = await Promise.race([line, ended]);
  ended.catch(() => undefined);
  return { child, ...JSON.parse(String(text)) };
}
