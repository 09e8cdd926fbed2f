/** How a connection becomes a session: by the token in its CONNECT, or by a message from quarantine. */
import type { ConnectPacket } from "aedes";
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { type Refusal, refuse } from "../../base/refusal.ts";
import { CHALLENGE_PASSWORD } from "../../protocol/connect-token.ts";
import { isEqual } from "../../protocol/seal.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { admitConnect, ownerOf, refusedWill, returnCodeOf } from "./admission.ts";
import type { BrokerCallbacks, Session } from "./broker.ts";
import type { Connection } from "./connection.ts";
import type { BrokerLimits } from "./limits.ts";
import type { LoginOutcome } from "./login.ts";
import type { NonceMemory } from "./nonce-memory.ts";
import { WaitingRoom } from "./pairing.ts";
import { Quarantine } from "./quarantine.ts";
import type { SessionTable } from "./session-table.ts";
import { tellRefusal } from "./tell-refusal.ts";
import { Throttle } from "./throttle.ts";
import type { Publication } from "./topic-rights.ts";

export type EntryOptions = {
  readonly market: Market;
  readonly clock: Clock;
  readonly boot: Instant;
  readonly nonces: NonceMemory;
  readonly admit: BrokerCallbacks["admit"];
  readonly secretOf: (device: Hex) => Uint8Array | null;
  readonly limits: BrokerLimits;
  /** Where the sessions are put; an older one with the same id ends. */
  readonly sessions: SessionTable<Connection>;
};

export class Entry {
  readonly #options: EntryOptions;
  readonly #deviceConnects: Throttle;
  readonly #quarantines = new WeakMap<Connection, Quarantine>();
  /** Boards that have nothing to log in with. */
  readonly waitingRoom: WaitingRoom;
  #lastId = 0;
  #delayed = 0;

  constructor(options: EntryOptions) {
    const { limits, clock } = options;
    this.#options = options;
    this.waitingRoom = new WaitingRoom(options);
    this.#deviceConnects = new Throttle(limits.deviceConnectRate, limits.deviceConnectBurst, clock);
  }

  /** How often since the start a device had to wait for its session. */
  get delayed(): number {
    return this.#delayed;
  }

  /** Changes a CONNECT to what we grant, and takes its client id and last will away from aedes. */
  prepare(connection: Connection, packet: ConnectPacket): void {
    const { will, keepalive = 0, clientId } = packet;
    const { keepAlive } = this.#options.limits;
    packet.clean = true;
    packet.keepalive = Math.min(keepalive || keepAlive, keepAlive);
    packet.clientId = String(++this.#lastId);
    delete packet.will;
    // aedes would take 3.1 as well; for 5 it answers that only 3.1.1 will do
    if (packet.protocolVersion !== 4) packet.protocolVersion = 5;
    const payload = will ? Uint8Array.from(Buffer.from(will.payload)) : null;
    const request = { topic: will?.topic ?? "", retain: will?.retain ?? false };
    connection.request = { clientId, will: payload && { ...request, payload } };
  }

  /**
   * Judges a CONNECT. Returns its return code: 0 for one that is good, whose connection is a session or in quarantine
   * then. The connection of any other is over, and its answer is left to the caller.
   */
  async connect(connection: Connection, username: string, password: string): Promise<0 | 3 | 4 | 5> {
    const { request } = connection;
    if (!request) return 5;
    if (WaitingRoom.isAskedBy(username, password)) return this.waitingRoom.admit(connection);
    if (password === CHALLENGE_PASSWORD && ownerOf(request.clientId)?.device === username) {
      this.#quarantines.set(connection, new Quarantine(request.clientId));
      return 0;
    }
    connection.keep();
    const admission = await admitConnect({ ...request, username, password }, this.#rules());
    const refused = await this.#welcome(connection, admission);
    if (refused === null) return 0;
    connection.lose(refused.refusal, { device: refused.device });
    return returnCodeOf(refused.refusal.refused);
  }

  /** Whether a connection in quarantine may subscribe. */
  mayRead(connection: Connection, filter: string): boolean {
    if (this.waitingRoom.has(connection)) return this.waitingRoom.mayRead(connection, filter);
    return this.#quarantines.get(connection)?.mayRead(filter) ?? false;
  }

  /** Answers a message of a connection that is no session. A connection that is refused hears why, and is over. */
  async login(connection: Connection, publication: Publication): Promise<void> {
    if (this.waitingRoom.has(connection)) return this.waitingRoom.hear(connection, publication);
    const quarantine = this.#quarantines.get(connection);
    if (!quarantine) return connection.end(refuse("login_required"));
    const answer = await quarantine.say(publication, this.#rules());
    if ("topic" in answer) return connection.publish("challenge", answer.topic, answer.payload);
    const refused = await this.#welcome(connection, answer);
    if (refused === null) {
      this.#quarantines.delete(connection);
      return connection.becomeReady();
    }
    if (connection.isOver) return;
    if (quarantine.name) tellRefusal(connection, quarantine.name, publication.topic, refused.refusal);
    connection.endPolitely(refused.refusal, { device: refused.device });
  }

  /** Makes a connection that is admitted a session, in place of an older one with its id. Null, or why not. */
  async #welcome(connection: Connection, admission: LoginOutcome): Promise<Refused | null> {
    if ("refusal" in admission) return admission;
    const { session: who, seals } = admission;
    const { limits, sessions, admit, secretOf, clock } = this.#options;
    const { device, id, name } = who;
    const delay = this.#deviceConnects.take(device);
    if (delay > limits.connectTimeoutMs) return { refusal: refuse("too_many"), device };
    if (delay > 0) {
      this.#delayed++;
      await connection.wait(delay);
      // It was no session that could have been dropped.
      if ((await admit(device)) === null) return { refusal: refuse("unknown_device"), device };
    }
    if (!isSame(secretOf(device), seals?.secret ?? null))
      return { refusal: refuse("unknown_device"), device };
    const refusal = refusedWill(connection.request?.will ?? null, name);
    if (refusal !== null) return { refusal, device };
    // It may have ended while others thought about it, and then nobody is told.
    if (connection.stream.destroyed) connection.end();
    if (connection.isOver) return { refusal: refuse("unknown_device"), device };
    const older = sessions.holder(id);
    if (!older && sessions.count(device) >= limits.slotsPerDevice) {
      return { refusal: refuse("too_many"), device };
    }
    older?.end();
    const { isWired, origin } = connection;
    const way = isWired ? "wire" : "listener";
    const session: Session = { ...who, way, origin, since: clock.now() };
    sessions.add(session, connection);
    connection.open(session, seals);
    return null;
  }

  #rules() {
    const { market, boot, clock, nonces, admit, secretOf } = this.#options;
    return { market, boot, now: clock.now(), nonces, admit, secretOf };
  }
}

/** Whether a device would log in today as it has: nobody stays by a secret that it has lost. */
function isSame(now: Uint8Array | null, then: Uint8Array | null): boolean {
  return now === null || then === null ? now === then : isEqual(now, then);
}

type Refused = { readonly refusal: Refusal; readonly device: Hex | null };
