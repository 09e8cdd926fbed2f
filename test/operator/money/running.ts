/** A gateway's control socket with its money verbs behind it, and nothing else of a gateway. */
import { startControl } from "../../../src/operator/control/server.ts";
import { openChain } from "../../../src/operator/money/journey.ts";
import { openOffline } from "../../../src/operator/money/offline.ts";
import { checkToken } from "../../../src/settlement/token-probe.ts";
import type { Bank } from "./bank.ts";

/** Runs it in the bank's folder, under the locks that a gateway holds; gives how to stop it. */
export async function runVerbs({ stand }: Bank, status: object = { halted: null }) {
  const settings = stand.ports.readConfig(stand.config);
  const chain = await openChain(settings);
  const profile = await checkToken(chain, settings.chain.token);
  const onFault = (fault: unknown) => {
    throw fault;
  };
  const gateway = await openOffline({ settings, ports: stand.ports, chain, profile, onFault });
  const heard: string[] = [];
  const verbs = Object.entries({ status: () => Promise.resolve(status), ...gateway.verbs }).map(
    ([name, verb]) => {
      const listening: typeof verb = (request) => {
        if (name !== "status") heard.push(name);
        return verb(request);
      };
      return [name, listening] as const;
    },
  );
  const control = await startControl(settings.data, Object.fromEntries(verbs));
  return {
    /** The verbs that were asked for, without `status`. */
    heard,
    stop: async () => {
      await control.stop();
      await gateway.close();
    },
  };
}
