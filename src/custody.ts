/**
 * Custody: the gateway signs for devices whose wallets it keeps.
 *
 * It stands before the heartbeat. What such a device says without a signature, out of its sealed session, is signed here
 * and goes on as the same command that a device with a key of its own would say; whoever has one passes untouched. The
 * device decides what is bought and what is paid. Custody decides nothing but what it does not sign: more than the
 * wallet's cap, and any voucher while paying is stopped.
 */
import type { Hex } from "./base/bytes.ts";
import { isRefusal, type Refusal, refuse } from "./base/refusal.ts";
import { idIn } from "./exchange/intake.ts";
import { whyUnoffered, whyUnsigned } from "./exchange/spending-cap.ts";
import type { State } from "./exchange/state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { KeptWallet } from "./operator/wallet-folder.ts";
import { type Draft, type DraftTopic, decodeDraft, draftSchemas } from "./protocol/draft.ts";
import { encodeMessage, parseJson } from "./protocol/message.ts";
import { isEqual } from "./protocol/seal.ts";
import { type CommandTopic, TOPICS } from "./protocol/topic.ts";
import { type Market, offerDigest } from "./protocol/typed-data.ts";
import { voucherDigest } from "./protocol/voucher.ts";

export type CustodyOptions = {
  readonly state: State;
  readonly market: Market;
  readonly decimals: number;
  /** The wallet that is kept for a device now; null for any other device. */
  readonly keptWallet: (device: Hex) => KeptWallet | null;
  readonly heartbeat: Pick<Heartbeat, "submit">;
  /** Tells the device why nothing was signed. */
  readonly refuse: (device: Hex, id: string | null, topic: string, refusal: Refusal) => void;
  readonly onFault: (fault: unknown) => void;
};

export class Custody implements Pick<Heartbeat, "submit"> {
  readonly #options: CustodyOptions;
  /** The newest command of each device that has one under way. */
  readonly #turns = new Map<Hex, Promise<void>>();
  /** What devices were let in by; of one that was given another meanwhile, the former. */
  readonly #secrets = new Map<Hex, Uint8Array>();
  #isStopped: boolean = false;

  constructor(options: CustodyOptions) {
    this.#options = options;
  }

  /** What a device has to prove that it knows when it logs in; null where it has to sign. */
  secretOf(device: Hex): Uint8Array | null {
    const secret = this.#options.keptWallet(device)?.secret ?? null;
    if (secret && !this.#secrets.has(device)) this.#secrets.set(device, secret);
    return secret;
  }

  /** Whether a device that is here would have to log in by something else now, and has to go. */
  isEstranged(device: Hex): boolean {
    const then = this.#secrets.get(device);
    const now = this.#options.keptWallet(device)?.secret;
    if (then === undefined || now === undefined) return then !== now;
    return !isEqual(then, now);
  }

  /** Lets devices in by what is theirs now; to be called once all that are estranged have gone. */
  forgetFormer(): void {
    for (const device of this.#secrets.keys()) if (this.isEstranged(device)) this.#secrets.delete(device);
  }

  /**
   * A device's command, like {@link Heartbeat.submit}. Those of a kept wallet are taken one after another, so that each is
   * judged by all that was signed before it.
   *
   * Rejects where the wallet fails to sign, which is told to `onFault` as well.
   */
  submit(by: Hex, topic: CommandTopic, payload: Uint8Array): Promise<void> {
    const { heartbeat, keptWallet, onFault } = this.#options;
    if (keptWallet(by) === null) return heartbeat.submit(by, topic, payload);
    const before = this.#turns.get(by) ?? Promise.resolve();
    const turn = before.then(() => this.#take(by, topic, payload));
    const done = turn.catch(onFault).then(() => {
      if (this.#turns.get(by) === done) this.#turns.delete(by);
    });
    this.#turns.set(by, done);
    return turn;
  }

  /**
   * Passes nothing on any more. To be called when no device is connected: what waits was not acknowledged, and is said
   * again.
   */
  stop(): void {
    this.#isStopped = true;
  }

  async #take(by: Hex, topic: CommandTopic, payload: Uint8Array): Promise<void> {
    const { heartbeat, refuse: tell } = this.#options;
    const isDraft = TOPICS[topic].signed;
    const { id, bytes } = isDraft ? await this.#sign(by, topic, payload) : { id: null, bytes: payload };
    if (this.#isStopped) return;
    if (isRefusal(bytes)) return tell(by, id, topic, bytes);
    await heartbeat.submit(by, topic, bytes);
  }

  /** The command that a draft becomes, or why it becomes none; the id as far as it could be made out. */
  async #sign(by: Hex, topic: CommandTopic, payload: Uint8Array): Promise<Signed> {
    const wallet = this.#options.keptWallet(by);
    if (wallet === null) return { id: null, bytes: refuse("unknown_device") };
    if (payload.length > TOPICS[topic].limit) return { id: null, bytes: refuse("too_large") };
    const value = parseJson(payload);
    if (value === undefined) return { id: null, bytes: refuse("bad_json") };
    const id = idIn(value);
    if (topic === "offer" || topic === "voucher") {
      const bytes = topic === "offer" ? this.#offer(by, value, wallet) : this.#voucher(by, value, wallet);
      return { id, bytes: await bytes };
    }
    const hint = "the gateway keeps this wallet to hire and to pay, and signs nothing else with it";
    return { id, bytes: refuse("bad_schema", hint) };
  }

  async #offer(by: Hex, value: unknown, { signer, cap }: KeptWallet): Promise<Uint8Array | Refusal> {
    const { state, market, decimals } = this.#options;
    const draft = draftOf("offer", value);
    if (isRefusal(draft)) return draft;
    const refusal = whyUnoffered(state, by, draft, { cap, decimals });
    if (refusal) return refusal;
    const signature = await signer.sign(offerDigest(market, by, draft));
    return utf8.encode(encodeMessage("offer", { ...draft, signature }));
  }

  async #voucher(by: Hex, value: unknown, { signer, cap }: KeptWallet): Promise<Uint8Array | Refusal> {
    const { state, market, decimals } = this.#options;
    const draft = draftOf("voucher", value);
    if (isRefusal(draft)) return draft;
    const refusal = whyUnsigned(state, market, by, draft, { cap, decimals });
    if (refusal) return refusal;
    const { version, id, epoch, cumulative } = draft;
    const { chainId, vault, token, gateway: payee } = market;
    const unsigned = { chainId, vault, payee, token, epoch, cumulative };
    const signature = await signer.sign(voucherDigest(unsigned));
    return utf8.encode(encodeMessage("voucher", { version, id, voucher: { ...unsigned, signature } }));
  }
}

type Signed = { readonly id: string | null; readonly bytes: Uint8Array | Refusal };

const utf8 = new TextEncoder();

function draftOf<T extends DraftTopic>(topic: T, value: unknown): Draft<T> | Refusal {
  const members = Object.keys(draftSchemas[topic].shape).join(", ");
  const hint = `the gateway signs for this device: say ${members}, and no signature`;
  return decodeDraft(topic, value) ?? refuse("bad_schema", hint);
}
