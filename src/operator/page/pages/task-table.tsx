/** Rows of tasks, as the list of tasks and a device's page have them. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { TaskRow } from "../../api/task.ts";
import { useWords } from "../language.ts";
import { Address, short } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { MarketState } from "./market-word.tsx";
import { tasksWords } from "./tasks.words.ts";

type Props = {
  readonly caption: string;
  readonly isCaptionHidden?: boolean;
  readonly rows: readonly TaskRow[];
  readonly isLive: boolean;
  readonly isDimmed?: boolean;
  readonly empty: ComponentChildren;
};

type Said = (typeof tasksWords)["en"];

function columnsOf(say: Said, isLive: boolean): readonly Column<TaskRow>[] {
  const party = (who: TaskRow["provider"]) =>
    who ? <Address address={who.address} name={who.name} href={`/devices/${who.address}`} /> : "–";
  const deadline: Column<TaskRow> = {
    key: "deadline",
    head: say.deadline,
    cell: (row) => <Time at={row.deadline} isQuiet />,
  };
  return [
    {
      key: "task",
      head: say.task,
      cell: ({ task }) => <code title={task}>{short(task)}</code>,
      isTitle: true,
    },
    { key: "state", head: say.state, cell: ({ state }) => <MarketState state={state} /> },
    {
      key: "firmware",
      head: say.firmware,
      cell: ({ firmware: { name, hash } }) => <span title={hash}>{name ?? short(hash)}</span>,
    },
    { key: "requester", head: say.requester, cell: ({ requester }) => party(requester) },
    { key: "provider", head: say.provider, cell: ({ provider }) => party(provider) },
    {
      key: "offered",
      head: say.offered,
      cell: ({ offeredAt }) => <Time at={offeredAt} isQuiet />,
      isWide: true,
    },
    {
      key: "since",
      head: say.since,
      cell: ({ at }) => <Time at={at} form={isLive ? "ago" : "day"} isQuiet />,
    },
    ...(isLive ? [deadline] : []),
    { key: "price", head: say.price, cell: ({ price }) => <Money amount={price} />, align: "end" },
  ];
}

/** Tasks; each leads to its own page. */
export function TaskTable({
  caption,
  isCaptionHidden = false,
  rows,
  isLive,
  isDimmed = false,
  empty,
}: Props) {
  const say = useWords(tasksWords);
  const columns = useMemo(() => columnsOf(say, isLive), [say, isLive]);
  return (
    <Table
      {...{ caption, isCaptionHidden, columns, rows, isDimmed, empty }}
      keyOf={({ task }) => task}
      hrefOf={({ task }) => `/tasks/${task}`}
    />
  );
}
