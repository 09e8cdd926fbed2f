/** Topping a lane up and closing it: what the transaction would do, then sending it. */
import { useState } from "preact/hooks";
import type { z } from "zod";
import type { laneDeed } from "../../api/action.ts";
import type { LaneRow } from "../../api/lane.ts";
import { ask } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Hash, short } from "../parts/code.tsx";
import { Field } from "../parts/field.tsx";
import { Money } from "../parts/money.tsx";
import { Pairs } from "../parts/pairs.tsx";
import { stateWords } from "../words/state.words.ts";
import { lanesWords } from "./lanes.words.ts";
import { PlannedDialog } from "./planned-dialog.tsx";

type Deed = z.output<typeof laneDeed>;

type Props = { readonly lane: LaneRow; readonly onClose: () => void };

function DeedView({ deed }: { readonly deed: Deed }) {
  const say = useWords(lanesWords);
  return (
    <>
      <p>{deed.what}</p>
      <Pairs
        pairs={[
          ...(deed.amount === null ? [] : [{ name: say.amount, value: <Money amount={deed.amount} /> }]),
          ...(deed.gas === null ? [] : [{ name: say.gas, value: count(deed.gas) }]),
          ...(deed.transaction === null
            ? []
            : [{ name: say.transaction, value: <Hash hex={deed.transaction} /> }]),
        ]}
      />
    </>
  );
}

const nameOf = ({ device }: LaneRow): string => device.name ?? short(device.address);

/** Whether a text is an amount above zero. */
function isAmount(text: string): boolean {
  return /^\d{1,20}(\.\d{1,36})?$/.test(text) && /[1-9]/.test(text);
}

/** Deposits more on a lane of the gateway's. */
export function TopUpDialog({ lane, onClose }: Props) {
  const say = useWords(lanesWords);
  const [draft, setDraft] = useState("");
  const amount = draft.trim();
  return (
    <PlannedDialog
      title={say.topUpOf(nameOf(lane))}
      question={amount}
      isReady={isAmount(amount)}
      fields={
        <Field
          label={say.amount}
          value={draft}
          onChange={setDraft}
          mode="decimal"
          wrong={amount !== "" && !isAmount(amount) ? say.badAmount : undefined}
        />
      }
      run={(dryRun) =>
        ask("POST /lanes/:lane/top-up", { params: { lane: lane.id }, input: { amount, dryRun } })
      }
      show={(deed) => <DeedView deed={deed} />}
      canAct={() => true}
      actText={say.confirmTopUp}
      onClose={onClose}
    />
  );
}

/** Begins to close a lane. */
export function CloseDialog({ lane, onClose }: Props) {
  const say = useWords(lanesWords);
  const { direction } = useWords(stateWords);
  return (
    <PlannedDialog
      title={say.closeOf(nameOf(lane), direction[lane.direction])}
      question={lane.id}
      run={(dryRun) => ask("POST /lanes/:lane/close", { params: { lane: lane.id }, input: { dryRun } })}
      show={(deed) => <DeedView deed={deed} />}
      canAct={() => true}
      actText={say.confirmClose}
      onClose={onClose}
    />
  );
}
