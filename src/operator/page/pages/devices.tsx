/** Devices: how each is connected, and what it earned and spent in the page's period. */
import { useMemo } from "preact/hooks";
import type { DeviceRow } from "../../api/device.ts";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Heading } from "../parts/heading.tsx";
import { Money } from "../parts/money.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { Time } from "../parts/time.tsx";
import { period } from "../period.ts";
import { useQuery, withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { sumOf } from "./decimal.ts";
import { usePeriod } from "./device-period.ts";
import { devicesWords } from "./devices.words.ts";
import { toneOf } from "./market-state.ts";
import "./lists.css";

const STATES = ["live", "silent", "disabled"] as const;

/** The page at `/devices`. */
export function DevicesPage() {
  const say = useWords(devicesWords);
  const words = useWords(stateWords);
  const [query] = useQuery();
  const state = STATES.find((one) => one === query.get("state"));
  const { answer, problem, isLoading, reload } = useAsk("GET /devices", { input: usePeriod() }, ["devices"]);
  const all = answer?.devices ?? [];
  const rows = useMemo(
    () => (state ? answer?.devices.filter((one) => one.state === state) : answer?.devices) ?? [],
    [answer, state],
  );
  const tab = (to: (typeof STATES)[number] | null) => {
    const many = to === null ? all.length : all.filter((one) => one.state === to).length;
    const href = withQuery("/devices", { state: to, period: query.get("period") });
    return {
      href,
      text: `${to ? words.device[to] : say.all} ${count(many)}`,
      isHere: (state ?? null) === to,
    };
  };
  return (
    <div class="devices">
      <Heading title={say.title} />
      <Tabs label={say.states} tabs={[tab(null), ...STATES.map(tab)]} />
      {problem && <Problem problem={problem} onRetry={reload} />}
      {answer ? (
        <Devices rows={rows} isDimmed={isLoading} hasAny={all.length > 0} />
      ) : (
        !problem && <Loading />
      )}
    </div>
  );
}

type Props = { readonly rows: readonly DeviceRow[]; readonly isDimmed: boolean; readonly hasAny: boolean };

function Devices({ rows, isDimmed, hasAny }: Props) {
  const say = useWords(devicesWords);
  const words = useWords(stateWords);
  const chosen = useCell(period);
  const money = (key: "earned" | "spent"): Column<DeviceRow> => ({
    key,
    head: say[key],
    cell: (row) => (
      <a
        href={withQuery("/settlements", {
          period: chosen === "all" ? null : chosen,
          kind: key,
          device: row.address,
        })}
      >
        <Money amount={row[key]} />
      </a>
    ),
    align: "end",
  });
  const columns: readonly Column<DeviceRow>[] = [
    { key: "name", head: say.name, cell: (row) => row.name, isTitle: true },
    {
      key: "state",
      head: say.state,
      cell: (row) => <StateMark tone={toneOf(row.state)} word={words.device[row.state]} />,
    },
    {
      key: "link",
      head: say.link,
      cell: ({ link, origin }) =>
        link ? (
          <span class="device-origin">
            {words.link[link]} <span class="muted">{origin}</span>
          </span>
        ) : (
          "–"
        ),
    },
    {
      key: "heard",
      head: say.heard,
      cell: ({ heardAt }) =>
        heardAt === null ? <span class="muted">{say.never}</span> : <Time at={heardAt} form="ago" isQuiet />,
    },
    money("earned"),
    money("spent"),
    { key: "tasks", head: say.tasks, cell: (row) => count(row.tasks), align: "end" },
  ];
  const sum = (key: "earned" | "spent") => <Money amount={sumOf(rows.map((row) => row[key]))} />;
  return (
    <Table
      caption={say.caption}
      isCaptionHidden
      columns={columns}
      rows={rows}
      keyOf={({ address }) => address}
      hrefOf={({ address }) => `/devices/${address}`}
      isDimmed={isDimmed}
      empty={<Empty title={hasAny ? say.empty : say.nothing} />}
      foot={{
        name: say.sum,
        earned: sum("earned"),
        spent: sum("spent"),
        tasks: count(rows.reduce((total, row) => total + row.tasks, 0)),
      }}
    />
  );
}
