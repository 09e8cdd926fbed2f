/** A chain whose requests are counted: by what was asked, and how that ended. */
import { isFault } from "../../../base/fault.ts";
import type { Chain } from "../../../settlement/chain.ts";

/**
 * The same chain; each of its methods tells how it ended.
 *
 * @param note - `outcome` is `ok`, or the code of the fault
 */
export function countedChain(chain: Chain, note: (method: string, outcome: string) => void): Chain {
  return new Proxy(chain, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function" || typeof key !== "string") return value;
      return (...args: readonly unknown[]) => {
        const answer: unknown = Reflect.apply(value, target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.then(
          (found: unknown) => {
            note(key, "ok");
            return found;
          },
          (fault: unknown) => {
            note(key, isFault(fault) ? fault.code : "impossible");
            throw fault;
          },
        );
      };
    },
  });
}
