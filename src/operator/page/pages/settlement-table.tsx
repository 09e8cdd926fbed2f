/** The rows of the settlement log. */
import { useMemo } from "preact/hooks";
import type { SettlementRow } from "../../api/settlement.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Address, Hash } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { Empty } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { stateWords } from "../words/state.words.ts";
import { trimmed } from "./decimal.ts";
import { toneOf } from "./market-state.ts";
import { useMarketWord } from "./market-word.tsx";
import { settlementsWords } from "./settlements.words.ts";

/** A settlement's status: how many confirmations it has, while it needs more. */
function SettlementState({ row }: { readonly row: SettlementRow }) {
  const word = useMarketWord();
  const { status, confirmations, confirmationsNeeded: needed } = row;
  const isOnItsWay = status === "confirmed" && confirmations !== null && needed !== null;
  const share = isOnItsWay ? ` ${count(confirmations)}/${count(needed)}` : "";
  return <StateMark tone={toneOf(status)} word={word(status) + share} />;
}

type Columns = readonly Column<SettlementRow>[];
type Said = (typeof settlementsWords)["en"]["columns"];
type Kinds = (typeof stateWords)["en"]["kind"];

function columnsOf(say: Said, kinds: Kinds): Columns {
  const column = (key: keyof Said, cell: Column<SettlementRow>["cell"]) => ({ key, head: say[key], cell });
  return [
    { ...column("sequence", (row) => count(row.sequence)), isTitle: true },
    column("time", (row) => <Time at={row.at} isQuiet />),
    column("kind", (row) => kinds[row.kind]),
    column("device", (row) => <Party party={row.device} isDevice />),
    column("firmware", (row) => <Firmware firmware={row.firmware} />),
    column("counterparty", (row) => <Party party={row.counterparty} />),
    {
      ...column("amount", (row) => <Money amount={row.kind === "gas" ? trimmed(row.amount) : row.amount} />),
      align: "end",
    },
    column("status", (row) => <SettlementState row={row} />),
    column("transaction", (row) => (row.transaction ? <Hash hex={row.transaction} /> : "–")),
  ];
}

/** The same list while the language is: a table passes over rows that it has drawn. */
function useColumns(): Columns {
  const { columns: say } = useWords(settlementsWords);
  const { kind: kinds } = useWords(stateWords);
  return useMemo(() => columnsOf(say, kinds), [say, kinds]);
}

function Firmware({ firmware }: Pick<SettlementRow, "firmware">) {
  if (!firmware) return <>–</>;
  return firmware.name ? <span title={firmware.hash}>{firmware.name}</span> : <Hash hex={firmware.hash} />;
}

type PartyProps = { readonly party: SettlementRow["device"]; readonly isDevice?: boolean };

/** A party by its name; a device's leads to its page. */
function Party({ party, isDevice = false }: PartyProps) {
  if (!party) return <>–</>;
  const href = isDevice ? `/devices/${party.address}` : undefined;
  return <Address address={party.address} name={party.name} href={href} />;
}

type Props = {
  readonly rows: readonly SettlementRow[];
  readonly isDimmed: boolean;
  /** Whether a filter is in force: then an empty list means something else. */
  readonly isFiltered: boolean;
};

/** The rows that are held, as a table, or as cards on a phone. */
export function SettlementTable({ rows, isDimmed, isFiltered }: Props) {
  const say = useWords(settlementsWords);
  return (
    <Table
      caption={say.caption}
      isCaptionHidden
      columns={useColumns()}
      rows={rows}
      keyOf={(row) => row.sequence}
      hrefOf={(row) => `/settlements/${row.sequence}`}
      empty={<Empty title={isFiltered ? say.empty : say.nothing} />}
      isDimmed={isDimmed}
    />
  );
}
