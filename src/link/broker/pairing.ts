/**
 * Boards that have no wallet yet: they wait on a serial line until their operator pairs them.
 *
 * Such a connection may do nothing but say `pair` under the name in its client id and hear `pairing`. That it is on a wire
 * is all that vouches for it, so nobody waits who came over a network listener. What it is given is a secret: it goes out
 * on that connection alone, and the board's proof is acknowledged once the gateway has saved its own half.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { decodeMessage, encodeMessage, type Message, parseJson } from "../../protocol/message.ts";
import { PAIR_WORD, pairClientId } from "../../protocol/pairing.ts";
import { parseTopic, TOPICS, type TopicName, topicOf } from "../../protocol/topic.ts";
import { returnCodeOf } from "./admission.ts";
import type { PairingHandover, WaitingBoard } from "./broker.ts";
import type { Connection } from "./connection.ts";
import type { BrokerLimits } from "./limits.ts";
import { tellRefusal } from "./tell-refusal.ts";
import type { Publication } from "./topic-rights.ts";

type Pair = Message<"pair">;

/** What is under way with a board that was given its pairing. */
type Handing = {
  readonly handover: PairingHandover;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
  readonly stopTimer: () => void;
  isSaving: boolean;
};

type Place = {
  readonly connection: Connection;
  readonly clientId: string;
  /** Null until it has said who it is. */
  board: WaitingBoard | null;
  handing: Handing | null;
  /** It has all that it came for. */
  isPaired: boolean;
};

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #limits: BrokerLimits;
  /** In the order in which they came. */
  readonly #places = new Map<Connection, Place>();

  constructor({ clock, limits }: { readonly clock: Clock; readonly limits: BrokerLimits }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether a CONNECT asks to be paired. */
  static isAskedBy(username: string, password: string): boolean {
    return username === PAIR_WORD && password === PAIR_WORD;
  }

  /** Takes a connection in whose CONNECT asks to be paired; gives its return code. With any but 0 it is over. */
  admit(connection: Connection): 0 | 3 | 4 | 5 {
    const clientId = connection.request?.clientId ?? "";
    const refusal = this.#whyNot(connection, clientId);
    if (refusal !== null) {
      connection.lose(refusal);
      return returnCodeOf(refusal.refused);
    }
    const place: Place = { connection, clientId, board: null, handing: null, isPaired: false };
    this.#places.set(connection, place);
    connection.stream.once("close", () => this.#leave(place));
    return 0;
  }

  /** Whether a connection is here, and so no session and none that logs in. */
  has(connection: Connection): boolean {
    return this.#places.has(connection);
  }

  /** Whether it may subscribe: to `pairing` and `refusal` of the name in its client id. */
  mayRead(connection: Connection, filter: string): boolean {
    const named = parseTopic(filter);
    if (named?.topic !== "pairing" && named?.topic !== "refusal") return false;
    return this.#places.get(connection)?.clientId === pairClientId(named);
  }

  /** Boards that wait, oldest first. */
  waiting(): readonly WaitingBoard[] {
    return [...this.#places.values()].flatMap(({ board, connection, isPaired }) =>
      board === null || isPaired || connection.isOver ? [] : [board],
    );
  }

  /** Answers what a connection that {@link has} a place here says; one that is refused hears why, and is over. */
  async hear(connection: Connection, publication: Publication): Promise<void> {
    const place = this.#places.get(connection);
    // it has been told all, and may say goodbye as it likes
    if (!place || place.isPaired) return;
    const said = readPair(publication, place.clientId);
    if (isRefusal(said)) this.#dismiss(place, publication.topic, said);
    else if (said.proof === undefined) this.#seat(place, publication.topic, said);
    else await this.#prove(place, publication.topic, said.proof);
  }

  /** See {@link import("./broker.ts").Broker.pair}. */
  pair(board: WaitingBoard, handover: PairingHandover): Promise<void> {
    const place = [...this.#places.values()].find((one) => one.board === board);
    if (!place || place.isPaired || place.connection.isOver) return Promise.reject(gone(board));
    if (place.handing) {
      return Promise.reject(new Fault("usage", `${board.serialNumber} is being paired by somebody else`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopTimer = this.#clock.after(this.#limits.pairTimeoutMs, () => this.#giveUp(place, board));
    place.handing = { handover, resolve, reject, stopTimer, isSaving: false };
    const text = encodeMessage("pairing", handover.message);
    place.connection.publish("pairing", topicOf(board, "pairing"), Buffer.from(text));
    return promise;
  }

  #whyNot({ isWired }: Connection, clientId: string): Refusal | null {
    if (!isWired) return refuse("login_required", "a board is paired on a serial line of the gateway alone");
    if (!clientId.startsWith(`${PAIR_WORD}-`)) return refuse("bad_token");
    return this.#places.size >= this.#limits.waitingBoards ? refuse("too_many") : null;
  }

  #seat(place: Place, topic: string, { manufacturer, serialNumber, model }: Pair): void {
    const { connection } = place;
    // it says so as often as it likes
    if (place.board !== null) return;
    if (connection.filters.qosOf("pairing", 1) === null) {
      this.#dismiss(place, topic, refuse("login_required", "subscribe to pairing before you ask for it"));
      return;
    }
    place.board = { manufacturer, serialNumber, model, origin: connection.origin };
    connection.keep();
  }

  async #prove(place: Place, topic: string, proof: Hex): Promise<void> {
    const { connection, handing } = place;
    if (!handing || handing.isSaving) {
      return this.#dismiss(place, topic, refuse("wrong_state", "a proof answers a pairing: none was sent"));
    }
    handing.stopTimer();
    const { handover } = handing;
    if (!handover.isProof(proof)) {
      const words = "the board has answered with a wrong proof: nothing was enrolled";
      handing.reject(new Fault("refused", words));
      place.handing = null;
      return this.#dismiss(place, topic, refuse("bad_signature", "prove the secret of this pairing"));
    }
    handing.isSaving = true;
    try {
      await handover.save();
    } catch (fault) {
      handing.reject(fault);
      // without its PUBACK the board knows that it is not enrolled
      connection.end();
      return;
    }
    place.isPaired = true;
    handing.resolve();
    // it comes again by itself, with a session of its own
    if (!connection.isOver) connection.expire(this.#limits.connectTimeoutMs);
  }

  #giveUp(place: Place, board: WaitingBoard): void {
    const { handing, connection } = place;
    place.handing = null;
    const seconds = this.#limits.pairTimeoutMs / 1_000;
    const hint = "look at the board, and pair it again";
    handing?.reject(
      new Fault(
        "timed_out",
        `${board.serialNumber} has not said within ${seconds} s that it has saved its pairing, nothing was enrolled: ${hint}`,
      ),
    );
    connection.end(refuse("too_slow"));
  }

  #dismiss({ connection, board, clientId, handing }: Place, topic: string, refusal: Refusal): void {
    handing?.stopTimer();
    if (handing && !handing.isSaving) {
      const words = `the board has said something else than that it is paired (${refusal.refused}): nothing was enrolled`;
      handing.reject(new Fault("refused", words));
    }
    if (connection.isOver) return;
    const named = parseTopic(topic);
    const name = board ?? (named && pairClientId(named) === clientId ? named : null);
    if (name) tellRefusal(connection, name, topic, refusal);
    connection.endPolitely(refusal);
  }

  #leave(place: Place): void {
    this.#places.delete(place.connection);
    const { handing, board } = place;
    if (!handing || !board) return;
    handing.stopTimer();
    // what is being saved is saved: whether the board is still there changes nothing
    if (!handing.isSaving) handing.reject(gone(board));
  }
}

function gone({ serialNumber }: WaitingBoard): Fault {
  return new Fault(
    "link_lost",
    `the board ${serialNumber} went away before it was paired, nothing was enrolled: look at its cable, and pair it again`,
  );
}

/** What a board says of itself, or why it is no `pair`: `login_required`, `wrong_topic`, `too_large`, … */
function readPair({ topic, payload }: Publication, clientId: string): Pair | Refusal {
  const named = parseTopic(topic);
  if (named?.topic !== "pair") return refuse("login_required");
  if (pairClientId(named) !== clientId) return refuse("wrong_topic");
  if (payload.length > TOPICS.pair.limit) return refuse("too_large");
  const value = parseJson(payload);
  if (value === undefined) return refuse("bad_json");
  const said = decodeMessage("pair", value);
  if (said === null) return refuse("bad_schema");
  return isSame(said, named) ? said : refuse("wrong_topic");
}

function isSame(a: TopicName, b: TopicName): boolean {
  return a.manufacturer === b.manufacturer && a.serialNumber === b.serialNumber;
}
