/** What the static policy says of modules, remembered by their hash: the same firmware comes again and again. */
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { judgeModule, type Outline, type Rejected } from "../../src/firmware/policy.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Order } from "./order.ts";

type Judgement = Pick<Outline, "profile" | "memoryMiB"> | Rejected;

/** How a module is called and how much memory it gets. */
type Fit = Pick<Message<"offer">, "profile" | "memoryMiB">;

/** Judgements remembered; a device works with a few modules. */
const MOST_JUDGED = 64;

export class Modules {
  readonly #judged = new Map<Hex, Judgement>();

  /**
   * How an order's module is to be run: as the order says, or else as the module does.
   *
   * @param firmware - the hash of the order's module
   * @throws {@link Fault} `firmware_rejected` when the policy rejects it, or it is not what the order says
   */
  mustFit(firmware: Hex, order: Pick<Order, "firmware" | "profile" | "memoryMiB">): Fit {
    const judged = this.#judge(firmware, order.firmware);
    if ("rejection" in judged) {
      const { rejection, reason } = judged;
      throw new Fault("firmware_rejected", reason, { facts: { rejection, firmware } });
    }
    const { profile = judged.profile, memoryMiB = judged.memoryMiB } = order;
    const reason = whyUnfit(judged, { profile, memoryMiB });
    if (reason !== null) throw new Fault("firmware_rejected", reason, { facts: { firmware } });
    return { profile, memoryMiB };
  }

  /** Why a module cannot be run as agreed, or null when it can. */
  whyNotRun(firmware: Hex, bytes: Uint8Array, agreed: Fit): string | null {
    const judged = this.#judge(firmware, bytes);
    return "rejection" in judged ? judged.reason : whyUnfit(judged, agreed);
  }

  #judge(firmware: Hex, bytes: Uint8Array): Judgement {
    const known = this.#judged.get(firmware);
    if (known) return known;
    const found = judgeModule(bytes);
    const judged = "rejection" in found ? found : { profile: found.profile, memoryMiB: found.memoryMiB };
    const [oldest] = this.#judged.keys();
    if (oldest !== undefined && this.#judged.size >= MOST_JUDGED) this.#judged.delete(oldest);
    this.#judged.set(firmware, judged);
    return judged;
  }
}

function whyUnfit(found: Fit, { profile, memoryMiB }: Fit): string | null {
  if (found.profile !== profile) return `the module is of profile ${found.profile}, not ${profile}`;
  if (found.memoryMiB <= memoryMiB) return null;
  return `the module may use ${found.memoryMiB} MiB of memory, which is more than ${memoryMiB}`;
}
