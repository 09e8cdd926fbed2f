/** What a gateway is started with. */
import type { Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import type { Refusal } from "./base/refusal.ts";
import type { Config } from "./config.ts";
import type { Entry } from "./journal/journal.ts";
import type { TimeParts } from "./obstacles.ts";
import type { Log } from "./operator/watch/log/log.ts";
import type { Signer } from "./protocol/signer.ts";
import type { Signer as TransactionSigner } from "./settlement/chain.ts";

export type GatewayOptions = {
  readonly config: Config;
  readonly signer: Signer;
  readonly transactionSigner: TransactionSigner;
  readonly clock: Clock;
  /** The same clock as its machine can set it, and who is asked whether it is right; without it, it is beyond doubt. */
  readonly time?: TimeParts;
  /** Uniform in `[0, 1)` and not predictable by devices. */
  readonly draw: () => number;
  /** 32 random bytes. */
  readonly salt: () => Hex;
  /** What the gateway says while it works; one that is kept for the page alone unless told. */
  readonly log?: Log;
  /** Of this program; empty where nobody asks. */
  readonly version?: string;
  /** The text of a file that is nobody else's, such as a certificate's key. Throws {@link Fault} `key_file`. */
  readonly readSecret: (path: string) => string;
  /** What its start is doing that takes long, a line at a time. */
  readonly onOpening?: (line: string) => void;
  readonly onEntries?: (entries: readonly Entry[]) => void;
  readonly onRefused?: (refusal: Refusal, by: Hex | null, topic: string) => void;
  /** Something that the operator should see; the gateway goes on. */
  readonly onFault?: (fault: unknown) => void;
  /** The gateway cannot go on: the process has to end. */
  readonly onBroken: (fault: unknown) => void;
};
