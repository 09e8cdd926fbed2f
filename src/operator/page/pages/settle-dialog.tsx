/** Settle now: what would be claimed, why and at what cost; then claiming it. */
import { useState } from "preact/hooks";
import type { z } from "zod";
import type { settlePlan } from "../../api/action.ts";
import { ask } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Address, Hash } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { Empty } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { lanesWords } from "./lanes.words.ts";
import { PlannedDialog } from "./planned-dialog.tsx";

type Plan = z.output<typeof settlePlan>;
type PlanRow = Plan["plan"]["rows"][number];

/** The dialog behind "Settle now". */
export function SettleDialog({ onClose }: { readonly onClose: () => void }) {
  const say = useWords(lanesWords);
  const [force, setForce] = useState(true);
  return (
    <PlannedDialog
      title={say.settleTitle}
      question={String(force)}
      fields={
        <label class="tick">
          <input
            type="checkbox"
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />{" "}
          {say.force}
        </label>
      }
      run={(dryRun) => ask("POST /settle", { input: { dryRun, force } })}
      show={(plan, isDone) => <PlanView plan={plan} isDone={isDone} />}
      canAct={({ plan }) => plan.rows.some(({ reason }) => reason !== null)}
      actText={say.confirmSettle}
      onClose={onClose}
    />
  );
}

function PlanView({ plan: { plan, settled }, isDone }: { readonly plan: Plan; readonly isDone: boolean }) {
  const say = useWords(lanesWords);
  const columns: readonly Column<PlanRow>[] = [
    {
      key: "device",
      head: say.device,
      cell: ({ device, name }) => <Address address={device} name={name} />,
      isTitle: true,
    },
    { key: "direction", head: say.direction, cell: ({ direction }) => say.direct[direction] ?? direction },
    {
      key: "why",
      head: say.why,
      cell: ({ reason }) => (reason === null ? say.waits : (say.reasons[reason] ?? reason)),
    },
    { key: "value", head: say.value, cell: ({ value }) => <Money amount={value} />, align: "end" },
    { key: "gas", head: say.gas, cell: ({ gas }) => count(gas), align: "end" },
    { key: "cost", head: say.cost, cell: ({ cost }) => <Money amount={cost} />, align: "end" },
  ];
  return (
    <>
      {!isDone && (
        <Table
          caption={say.planCaption}
          columns={columns}
          rows={plan.rows}
          keyOf={({ device, direction, epoch }) => `${device} ${direction} ${epoch}`}
          empty={<Empty title={say.nothingToSettle} />}
          foot={{
            device: say.sum,
            value: <Money amount={plan.value} />,
            gas: count(plan.gas),
            cost: <Money amount={plan.cost} />,
          }}
        />
      )}
      {isDone && settled.length === 0 && <Empty title={say.nothingToSettle} />}
      {settled.length > 0 && (
        <>
          <h3>{say.settledBy}</h3>
          <ul class="plain-list">
            {settled.map(({ transaction, rows, gasUsed }) => (
              <li key={transaction}>
                <Hash hex={transaction} /> {say.settledRows(count(rows), count(gasUsed))}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
