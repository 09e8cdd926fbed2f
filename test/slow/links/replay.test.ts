/** Failure test 8: what was said before is said again, by the device, by a bad network, or by somebody who heard it. */
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { Connection } from "../../../devices/robot/connection.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { clientIdOf } from "../../../src/protocol/connect-token.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import {
  BOARD,
  funded,
  GATEWAY,
  hash32,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  voucherOf,
} from "../../exchange/stage.ts";
import { PUBACK } from "../../link/broker/raw-client.ts";
import { type Counter, openCounter, Phone, token } from "./counter.ts";

const DEPOSIT = 1_000_000n;
const FIVE_MINUTES = 300_000;
/** Whatever is not answered by then is not answered at all. */
const PATIENCE_MS = 10_000;

/** A gateway that has run for an hour, with two devices. */
async function hourOld(): Promise<Counter> {
  const counter = await openCounter([ROBOT, BOARD], instant(Date.now() - 3_600_000));
  await counter.observe(funded([ROBOT, BOARD], DEPOSIT));
  return counter;
}

/** All of the books as they stand. */
function booksOf({ state }: Counter): object {
  return structuredClone(state.payment.books);
}

describe("failure 8: an old CONNECT token", { timeout: PATIENCE_MS }, () => {
  it("failure 8: that was used opens nothing, while its session lives and after", async () => {
    const counter = await hourOld();
    const used = await token(ROBOT);
    const first = await Phone.dial(counter, ROBOT.address);
    expect(await first.connect(used)).toBe(0);
    const [session] = counter.broker.sessions();
    expect(await (await Phone.dial(counter, ROBOT.address)).connect(used)).toBe(4);
    expect(counter.broker.sessions()).toEqual([session]);
    first.hangUp();
    await until(() => counter.gone.length === 1);
    expect(await (await Phone.dial(counter, ROBOT.address)).connect(used)).toBe(4);
    expect(counter.broker.sessions()).toEqual([]);
    expect(counter.refused).toEqual(["token_replayed", "token_replayed"]);
  });

  it.each([
    ["issued before the start", 0, { issued: -1, expires: 60_000 }, "token_expired"],
    ["expired", 3_600_000, { issued: -61_000, expires: -1 }, "token_expired"],
    ["that lives longer than ten minutes", 3_600_000, { issued: 0, expires: 600_001 }, "token_expired"],
  ])("failure 8: %s is refused with 4", async (_, age, { issued, expires }, code) => {
    const now = Date.now();
    const counter = await openCounter([ROBOT], instant(now - age));
    const old = await token(ROBOT, { issued: now + issued, expires: now + expires });
    expect(await (await Phone.dial(counter, ROBOT.address)).connect(old)).toBe(4);
    expect(counter.refused).toEqual([code]);
  });

  it.each([
    ["another gateway", { market: { ...MARKET, gateway: BOARD.address } }],
    ["another chain", { market: { ...MARKET, chainId: 1 } }],
    ["another vault", { market: { ...MARKET, vault: MARKET.token } }],
    ["another slot", { clientId: clientIdOf(ROBOT.address, "other") }],
  ])("failure 8: for %s is refused with 4", async (_, changes) => {
    const counter = await hourOld();
    const stray = await token(ROBOT, changes);
    expect(await (await Phone.dial(counter, ROBOT.address)).connect(stray)).toBe(4);
    expect(counter.refused).toEqual(["bad_token"]);
    expect(counter.broker.sessions()).toEqual([]);
  });
});

describe("failure 8: a device whose clock is five minutes off", { timeout: PATIENCE_MS }, () => {
  it.each([
    ["fast", 3_600_000, FIVE_MINUTES, 600_000],
    ["slow, with a token of a minute", 3_600_000, -FIVE_MINUTES, 60_000],
    ["slow, at a gateway that has just started", 0, -FIVE_MINUTES, 600_000],
  ])("failure 8: %s, is refused, and let in by a challenge", async (_, age, skew, life) => {
    const counter = await openCounter([ROBOT], instant(Date.now() - age));
    const issued = Date.now() + skew;
    const phone = await Phone.dial(counter, ROBOT.address);
    expect(await phone.connect(await token(ROBOT, { issued, expires: issued + life }))).toBe(4);
    expect(counter.refused).toEqual(["token_expired"]);
    const again = await Phone.dial(counter, ROBOT.address);
    expect(await again.connect("challenge")).toBe(0);
    again.subscribe();
    again.say("login", { version: 1, device: ROBOT.address, slot: "main", token: null });
    const { nonce, time } = await again.hear("challenge");
    const signed = await token(ROBOT, { nonce, issued: time, expires: time + life });
    again.say("login", { version: 1, device: ROBOT.address, slot: "main", token: signed });
    expect((await again.hear("ack")).id).toBe(nonce.slice(2));
    expect(counter.broker.sessions()).toMatchObject([{ id: clientIdOf(ROBOT.address, "main"), nonce }]);
    expect(counter.refused).toEqual(["token_expired"]);
  });

  it("failure 8: slow, and otherwise as it should be, is let in", async () => {
    const counter = await hourOld();
    const issued = Date.now() - FIVE_MINUTES;
    const phone = await Phone.dial(counter, ROBOT.address);
    expect(await phone.connect(await token(ROBOT, { issued, expires: issued + 600_000 }))).toBe(0);
    expect(counter.refused).toEqual([]);
  });

  it.each([FIVE_MINUTES, -FIVE_MINUTES])(
    "failure 8: the SDK's device, %d ms off, heals by itself",
    async (skew) => {
      const counter = await openCounter([ROBOT], instant(Date.now()));
      const { chainId, vault, token: coin, gateway } = MARKET;
      const address = `mqtt://127.0.0.1:${counter.broker.port}`;
      const connection = new Connection(
        {
          file: {
            ...{ version: 1, broker: address, manufacturer: "acme", serialNumber: ROBOT.address, name: "" },
            ...{ key: `0x${"02".repeat(32)}`, gateway, chainId, vault, token: coin },
          },
          ...{ signer: ROBOT, slot: "0" },
          factsheet: () => ({ version: 1, name: "", profiles: [], memoryMiB: 0 }),
          clock: { ...systemClock, now: () => instant(Date.now() + skew) },
        },
        { up: () => {}, changed: () => {}, down: () => {}, heard: () => {}, ignored: () => {} },
      );
      onTestFinished(() => connection.close());
      await connection.start();
      expect(Math.abs(connection.gatewayTime() - Date.now())).toBeLessThan(FIVE_MINUTES / 10);
      expect(new Set(counter.refused)).toEqual(new Set(["token_expired"]));
      expect(counter.broker.sessions()).toMatchObject([{ device: ROBOT.address }]);
    },
  );
});

describe("failure 8: a voucher", { timeout: PATIENCE_MS }, () => {
  it("failure 8: said again, or rolled back, changes nothing, under whatever id", async () => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const [less, more] = [await voucherOf(ROBOT, 400n), await voucherOf(ROBOT, 900n)];
    phone.say("voucher", { version: 1, id: "v-1", voucher: more });
    const { journalIndex } = await phone.hear("ack");
    const books = booksOf(counter);
    const said = [
      ["v-1", more],
      ["v-2", more],
      ["v-3", less],
    ] as const;
    for (const [id, voucher] of said) {
      phone.say("voucher", { version: 1, id, voucher });
      expect(await phone.hear("ack")).toMatchObject({ id, journalIndex });
    }
    expect(counter.journal.head().index).toBe(journalIndex);
    expect(booksOf(counter)).toEqual(books);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(900n);
    expect(counter.refused).toEqual([]);
  });

  it("failure 8: that is spent pays for no second offer", async () => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const deadline = instant(Date.now() + 60_000);
    const voucher = await voucherOf(ROBOT, 1_200n);
    phone.say("offer", await offer(ROBOT, offerTerms("o-1", { deadline, voucher })));
    expect(await phone.hear("ack")).toMatchObject({ id: "o-1" });
    const books = booksOf(counter);
    phone.say("offer", await offer(ROBOT, offerTerms("o-2", { deadline, voucher })));
    expect(await phone.hear("refusal")).toMatchObject({ id: "o-2", code: "voucher_stale" });
    expect(booksOf(counter)).toEqual(books);
  });

  it.each([
    ["another device's", () => voucherOf(BOARD, 500n), "bad_signature"],
    ["to another gateway", () => voucherOf(ROBOT, 500n, { payee: BOARD.address }), "voucher_wrong_payee"],
    ["on another chain", () => voucherOf(ROBOT, 500n, { chainId: 1 }), "voucher_wrong_chain"],
    ["above the deposit", () => voucherOf(ROBOT, DEPOSIT + 1n), "voucher_over_deposit"],
  ])("failure 8: %s is refused", async (_, make, code) => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const books = booksOf(counter);
    phone.say("voucher", { version: 1, id: "v-1", voucher: await make() });
    expect(await phone.hear("refusal")).toMatchObject({ id: "v-1", code });
    expect(booksOf(counter)).toEqual(books);
    expect(counter.refused).toEqual([code]);
  });

  it("failure 8: of a lane's former life is refused", async () => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const voucher = await voucherOf(ROBOT, 500n);
    await counter.observe([laneSeen(ROBOT.address, GATEWAY.address, DEPOSIT, { epoch: 1 })]);
    phone.say("voucher", { version: 1, id: "v-1", voucher });
    expect(await phone.hear("refusal")).toMatchObject({ id: "v-1", code: "voucher_wrong_epoch" });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
  });

  it("failure 8: of the gateway's own, an old one that its payee shows, says nothing new", async () => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const paid = { payee: ROBOT.address, epoch: 0, cumulative: amount(0n) };
    const books = booksOf(counter);
    phone.say("voucher", { version: 1, id: "v-1", voucher: await voucherOf(GATEWAY, 0n, paid) });
    expect(await phone.hear("ack")).toMatchObject({ id: "v-1" });
    expect([counter.state.halted, booksOf(counter)]).toEqual([null, books]);
  });
});

describe("failure 8: a QoS 1 message that comes again", { timeout: PATIENCE_MS }, () => {
  it.each([
    ["with DUP and its packet id", { id: 7, dup: true }],
    ["without DUP and with its packet id", { id: 7, dup: false }],
    ["with DUP and another packet id", { id: 8, dup: true }],
    ["as a new packet", { id: 9, dup: false }],
  ])("failure 8: %s, is acknowledged and answered alike, and has one effect", async (_, again) => {
    const counter = await hourOld();
    const phone = await Phone.login(counter, ROBOT);
    const terms = offerTerms("o-1", {
      deadline: instant(Date.now() + 60_000),
      voucher: await voucherOf(ROBOT, 1_200n),
    });
    const text = encodeMessage("offer", await offer(ROBOT, terms));
    phone.send("offer", text, { id: 7 });
    const first = await phone.hear("ack");
    expect(await phone.type()).toBe(PUBACK);
    const { index } = counter.journal.head();
    phone.send("offer", text, again);
    expect(await phone.hear("ack")).toEqual(first);
    expect(await phone.type()).toBe(PUBACK);
    expect(first.journalIndex).toBe(index);
    expect(counter.journal.head().index).toBe(index);
    expect(counter.state.market.tasks.size).toBe(1);
    expect(counter.refused).toEqual([]);
  });

  it("failure 8: in another session, too; and an id that is another command's by now is refused", async () => {
    const counter = await hourOld();
    const terms = offerTerms("o-1", {
      deadline: instant(Date.now() + 60_000),
      voucher: await voucherOf(ROBOT, 1_200n),
    });
    const message = await offer(ROBOT, terms);
    const before = await Phone.login(counter, ROBOT);
    before.say("offer", message);
    const first = await before.hear("ack");
    const after = await Phone.login(counter, ROBOT);
    after.say("offer", message);
    expect(await after.hear("ack")).toEqual(first);
    after.say("offer", await offer(ROBOT, { ...terms, input: hash32(0x18) }));
    expect(await after.hear("refusal")).toMatchObject({ id: "o-1", code: "id_reused" });
    expect(counter.state.market.tasks.size).toBe(1);
    expect(counter.journal.head().index).toBe(first.journalIndex);
  });
});

describe("failure 8: a client id in use", { timeout: PATIENCE_MS }, () => {
  const id = clientIdOf(ROBOT.address, "main");

  it.each([
    ["a token of its own", async () => ({ password: await token(BOARD), username: BOARD.address })],
    [
      "a token for that id",
      async () => ({ password: await token(BOARD, { clientId: id }), username: BOARD.address }),
    ],
    [
      "the other's name",
      async () => ({ password: await token(BOARD, { clientId: id }), username: ROBOT.address }),
    ],
  ])("failure 8: is not had without its key: by %s", async (_, attempt) => {
    const counter = await hourOld();
    const owner = await Phone.login(counter, ROBOT);
    const sessions = counter.broker.sessions();
    const { password, username } = await attempt();
    const thief = await Phone.dial(counter, BOARD.address);
    expect(await thief.connect(password, { clientId: id, username })).toBe(4);
    await expectUntouched(counter, owner, sessions);
    expect(counter.refused).toEqual(["bad_token"]);
  });

  it("failure 8: is not had from quarantine, whoever signs", async () => {
    const counter = await hourOld();
    const owner = await Phone.login(counter, ROBOT);
    const sessions = counter.broker.sessions();
    const thief = await Phone.dial(counter, ROBOT.address);
    expect(await thief.connect("challenge")).toBe(0);
    thief.subscribe();
    thief.say("login", { version: 1, device: ROBOT.address, slot: "main", token: null });
    const { nonce, time } = await thief.hear("challenge");
    await expectUntouched(counter, owner, sessions);
    const forged = await token(BOARD, { clientId: id, nonce, issued: time });
    thief.say("login", { version: 1, device: ROBOT.address, slot: "main", token: forged });
    expect(await thief.hear("refusal")).toMatchObject({ code: "bad_token" });
    await expectUntouched(counter, owner, sessions);
    const other = await Phone.dial(counter, ROBOT.address);
    await other.connect("challenge");
    other.subscribe();
    other.say("payout", { version: 1, id: "p-1" });
    expect(await other.hear("refusal")).toMatchObject({ code: "login_required" });
    await expectUntouched(counter, owner, sessions);
    expect(counter.refused).toEqual(["bad_token", "login_required"]);
  });

  it("failure 8: goes over to who has the key: the older session ends once, and so is its will said once", async () => {
    const counter = await hourOld();
    const broken = JSON.stringify({ version: 1, state: "CONNECTION_BROKEN" });
    const older = await Phone.login(counter, ROBOT, broken);
    const [first] = counter.broker.sessions();
    const newer = await Phone.login(counter, ROBOT, broken);
    for (let type: number | null = 0; type !== null; ) type = await older.type();
    const [second, ...others] = counter.broker.sessions();
    expect(others).toEqual([]);
    expect(counter.gone).toEqual([first]);
    expect(counter.said).toEqual([{ session: first, text: broken }]);
    newer.hangUp();
    await until(() => counter.gone.length > 1);
    expect(counter.gone).toEqual([first, second]);
    expect(counter.said).toEqual([first, second].map((session) => ({ session, text: broken })));
    expect(counter.refused).toEqual([]);
  });
});

describe("failure 8: a login message that is said again", { timeout: PATIENCE_MS }, () => {
  /** Logs in by message; the login that opened the session. */
  async function byMessage(counter: Counter) {
    const phone = await Phone.dial(counter, ROBOT.address);
    await phone.connect("challenge");
    phone.subscribe();
    phone.say("login", { version: 1, device: ROBOT.address, slot: "main", token: null });
    const { nonce, time } = await phone.hear("challenge");
    const signed = await token(ROBOT, { nonce, issued: time });
    const login = { version: 1, device: ROBOT.address, slot: "main", token: signed } as const;
    phone.say("login", login);
    await phone.hear("ack");
    return { phone, login };
  }

  it("failure 8: opens nothing on its own session, nor with or without another challenge", async () => {
    const counter = await hourOld();
    const { phone, login } = await byMessage(counter);
    const sessions = counter.broker.sessions();
    phone.say("login", login);
    expect(await phone.hear("refusal")).toMatchObject({ code: "wrong_topic" });
    await expectUntouched(counter, phone, sessions);
    const [asked, blunt] = [
      await Phone.dial(counter, ROBOT.address),
      await Phone.dial(counter, ROBOT.address),
    ];
    for (const other of [asked, blunt]) {
      await other.connect("challenge");
      other.subscribe();
    }
    asked.say("login", { ...login, token: null });
    await asked.hear("challenge");
    asked.say("login", login);
    expect(await asked.hear("refusal")).toMatchObject({ code: "bad_token" });
    blunt.say("login", login);
    expect(await blunt.hear("refusal")).toMatchObject({ code: "token_replayed" });
    await expectUntouched(counter, phone, sessions);
    expect(counter.refused).toEqual(["wrong_topic", "bad_token", "token_replayed"]);
  });

  it("failure 8: is no token for a CONNECT either", async () => {
    const counter = await hourOld();
    const { phone, login } = await byMessage(counter);
    const sessions = counter.broker.sessions();
    expect(await (await Phone.dial(counter, ROBOT.address)).connect(login.token)).toBe(4);
    await expectUntouched(counter, phone, sessions);
    expect(counter.refused).toEqual(["token_replayed"]);
  });
});

/** The session lives as it did, and its device is heard and answered. */
async function expectUntouched(counter: Counter, owner: Phone, sessions: readonly object[]): Promise<void> {
  expect(counter.broker.sessions()).toEqual(sessions);
  expect(counter.gone).toEqual([]);
  owner.say("voucher", { version: 1, id: `v-${crypto.randomUUID()}`, voucher: await voucherOf(ROBOT, 100n) });
  await owner.hear("ack");
}

/** Resolves once something holds that the other end of a socket brings about. */
async function until(holds: () => boolean): Promise<void> {
  const turns = new EventTarget();
  while (!holds()) {
    setImmediate(() => turns.dispatchEvent(new Event("turn")));
    await once(turns, "turn");
  }
}
