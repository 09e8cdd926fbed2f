/** Lanes: who has promised how much to whom, as bars on one scale, and what can be done about it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { LaneRow } from "../../api/lane.ts";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { Address } from "../parts/code.tsx";
import { ChoiceField } from "../parts/field.tsx";
import { Heading } from "../parts/heading.tsx";
import { Money } from "../parts/money.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { useQuery } from "../router.ts";
import { session, useRights } from "../session.ts";
import { stateWords } from "../words/state.words.ts";
import { sumOf } from "./decimal.ts";
import { FilterFold } from "./filter-fold.tsx";
import { type LaneBar, laneBars } from "./lane-bar.ts";
import { LaneBarView, LaneLegend } from "./lane-bar-view.tsx";
import { CloseDialog, TopUpDialog } from "./lane-dialogs.tsx";
import { lanesWords } from "./lanes.words.ts";
import { MarketState } from "./market-word.tsx";
import { SettleDialog } from "./settle-dialog.tsx";
import { TypedField } from "./typed-field.tsx";
import "./lists.css";

/** As the API has them. */
const STATES = ["open", "closing", "unfunded"] as const;
const DIRECTIONS = ["incoming", "outgoing"] as const;

type Asked = { readonly what: "settle" } | { readonly what: "topUp" | "close"; readonly lane: LaneRow };

/** The page at `/lanes`. */
export function LanesPage() {
  const say = useWords(lanesWords);
  const [query, change] = useQuery();
  const { isKeeper } = useRights();
  const who = useCell(session);
  const only = query.get("lane");
  const input = {
    direction: DIRECTIONS.find((one) => one === query.get("direction")),
    state: STATES.find((one) => one === query.get("state")),
    device: query.get("device") ?? undefined,
  };
  const { answer, problem, isLoading, reload } = useAsk("GET /lanes", { input: present(input) }, ["lanes"]);
  const [asked, ask] = useState<Asked | null>(null);
  // Another page's button leads here to have it settled; without the mark a reload does not ask again.
  const isAsked = query.get("do") === "settle" && isKeeper;
  useEffect(() => {
    if (!isAsked) return;
    change({ do: null });
    ask({ what: "settle" });
  }, [isAsked, change]);

  const isOwner = who?.owner !== null;
  const bars = useMemo(() => {
    const lanes = answer?.lanes.filter(({ id }) => only === null || id === only) ?? [];
    return laneBars(lanes, isOwner).flatMap((device) => device.bars);
  }, [answer, only, isOwner]);
  const isFiltered = only !== null || Object.values(input).some((one) => one !== undefined);
  const end = () => ask(null);
  return (
    <div class="lanes">
      <Heading
        title={say.title}
        side={
          isKeeper && (
            <Button kind="primary" onPress={() => ask({ what: "settle" })}>
              {say.settle}
            </Button>
          )
        }
      />
      <Filters />
      {problem && <Problem problem={problem} onRetry={reload} />}
      {answer ? (
        <>
          <LaneLegend />
          <LaneTable bars={bars} isDimmed={isLoading} isFiltered={isFiltered} onAsk={isKeeper ? ask : null} />
        </>
      ) : (
        !problem && <Loading />
      )}
      {asked?.what === "settle" && <SettleDialog onClose={end} />}
      {asked?.what === "topUp" && <TopUpDialog lane={asked.lane} onClose={end} />}
      {asked?.what === "close" && <CloseDialog lane={asked.lane} onClose={end} />}
    </div>
  );
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the keys that have no value. */
function present<T extends object>(input: T): Present<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Present<T>;
}

function Filters() {
  const say = useWords(lanesWords);
  const words = useWords(stateWords);
  const [query, change] = useQuery();
  const every = { value: "", text: say.any };
  return (
    <FilterFold>
      <TypedField
        label={say.device}
        value={query.get("device") ?? ""}
        onSettled={(device) => change({ device, lane: null })}
        isFilter
      />
      <ChoiceField
        label={say.direction}
        value={query.get("direction") ?? ""}
        choices={[every, ...DIRECTIONS.map((value) => ({ value, text: words.direction[value] }))]}
        onChange={(direction) => change({ direction, lane: null }, "push")}
      />
      <ChoiceField
        label={say.state}
        value={query.get("state") ?? ""}
        choices={[every, ...STATES.map((value) => ({ value, text: words.lane[value] }))]}
        onChange={(state) => change({ state, lane: null }, "push")}
      />
    </FilterFold>
  );
}

type TableProps = {
  readonly bars: readonly LaneBar[];
  readonly isDimmed: boolean;
  readonly isFiltered: boolean;
  /** Null for whoever may not act on lanes. */
  readonly onAsk: ((asked: Asked) => void) | null;
};

function LaneTable({ bars, isDimmed, isFiltered, onAsk }: TableProps) {
  const say = useWords(lanesWords);
  const { direction } = useWords(stateWords);
  const money = (key: "deposit" | "settled" | "unsettled" | "room"): Column<LaneBar> => ({
    key,
    head: say[key],
    cell: ({ lane }) => <Money amount={lane[key]} />,
    align: "end",
  });
  const columns: readonly Column<LaneBar>[] = [
    {
      key: "device",
      head: say.device,
      cell: ({ lane: { device } }) => (
        <Address address={device.address} name={device.name} href={`/devices/${device.address}`} />
      ),
      isTitle: true,
    },
    { key: "direction", head: say.direction, cell: ({ lane }) => direction[lane.direction] },
    { key: "bar", head: say.bar, cell: (bar) => <LaneBarView bar={bar} /> },
    money("deposit"),
    money("settled"),
    money("unsettled"),
    money("room"),
    { key: "state", head: say.state, cell: ({ lane }) => <MarketState state={lane.state} /> },
    { key: "expiry", head: say.expiry, cell: ({ lane }) => <Expiry lane={lane} /> },
    ...(onAsk
      ? [
          {
            key: "actions",
            head: say.actions,
            cell: ({ lane }: LaneBar) => <Actions lane={lane} onAsk={onAsk} />,
          },
        ]
      : []),
  ];
  const sum = (key: "deposit" | "settled" | "unsettled" | "room") => (
    <Money amount={sumOf(bars.map(({ lane }) => lane[key]))} />
  );
  return (
    <Table
      caption={say.caption}
      isCaptionHidden
      columns={columns}
      rows={bars}
      keyOf={({ lane }) => `${lane.id} ${lane.epoch}`}
      isDimmed={isDimmed}
      empty={<Empty title={isFiltered ? say.empty : say.nothing} />}
      foot={{
        device: say.sum,
        deposit: sum("deposit"),
        settled: sum("settled"),
        unsettled: sum("unsettled"),
        room: sum("room"),
      }}
    />
  );
}

function Expiry({ lane }: { readonly lane: LaneRow }) {
  const say = useWords(lanesWords);
  if (lane.closesAt === null) return <span class="muted">{say.window(lane.window)}</span>;
  return (
    <>
      {say.closesAt} <Time at={lane.closesAt} form="ago" />
    </>
  );
}

type ActionsProps = { readonly lane: LaneRow; readonly onAsk: (asked: Asked) => void };

/** The gateway tops up its own lanes; what is closing is neither topped up nor closed again. */
function Actions({ lane, onAsk }: ActionsProps) {
  const say = useWords(lanesWords);
  const { direction } = useWords(stateWords);
  const name = lane.device.name ?? lane.device.address;
  return (
    <span class="row">
      {lane.direction === "outgoing" && lane.state !== "closing" && (
        <Button onPress={() => onAsk({ what: "topUp", lane })} label={say.topUpOf(name)}>
          {say.topUp}
        </Button>
      )}
      {lane.state === "open" && (
        <Button
          onPress={() => onAsk({ what: "close", lane })}
          label={say.closeOf(name, direction[lane.direction])}
        >
          {say.closeLane}
        </Button>
      )}
    </span>
  );
}
