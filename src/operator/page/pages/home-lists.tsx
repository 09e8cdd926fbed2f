/** Live tasks, devices and lanes of the first screen: the head of each list, and the way to the whole of it. */
import type { DeviceRow } from "../../api/device.ts";
import type { LaneRow } from "../../api/lane.ts";
import type { Overview } from "../../api/overview.ts";
import type { TaskRow } from "../../api/task.ts";
import { useCell } from "../cell.ts";
import { ago, count, span } from "../format.ts";
import { useWords } from "../language.ts";
import { useNow } from "../now.ts";
import { Card } from "../parts/card.tsx";
import { Copy, short } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { Empty } from "../parts/notice.tsx";
import { StateMark, type Tone } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { period } from "../period.ts";
import { withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { homeWords } from "./home.words.ts";

type Props = { readonly screen: Overview };

/** What is being worked on. */
export function LiveTasks({ screen }: Props) {
  const say = useWords(homeWords);
  const states = useWords(stateWords).task;
  const now = useNow();
  const { live, open } = screen.tasks;
  const columns: readonly Column<TaskRow>[] = [
    {
      key: "firmware",
      head: say.firmware,
      isTitle: true,
      cell: ({ firmware }) => firmware.name ?? <code>{short(firmware.hash)}</code>,
    },
    {
      key: "device",
      head: say.device,
      cell: ({ provider }) => (provider ? (provider.name ?? short(provider.address)) : "–"),
    },
    {
      key: "state",
      head: say.state,
      cell: ({ state, at }) => (
        <>
          {states[state] ?? state} <span class="muted digits">{span(Math.max(0, now - at))}</span>
        </>
      ),
    },
    { key: "price", head: say.price, align: "end", cell: ({ price }) => <Money amount={price} /> },
  ];
  const side = (
    <>
      <a href="/tasks?view=live">{say.open(count(open))}</a>
      <a href="/tasks?view=ended">{say.past}</a>
    </>
  );
  return (
    <Card title={say.liveTasks} side={side}>
      <Table
        caption={say.liveTasks}
        isCaptionHidden
        columns={columns}
        rows={live}
        keyOf={(row) => row.task}
        hrefOf={(row) => `/tasks/${row.task}`}
        empty={<Empty title={say.noTasks}>{say.noTasksWhat}</Empty>}
      />
    </Card>
  );
}

const DEVICE_TONES: Readonly<Record<DeviceRow["state"], Tone>> = {
  live: "good",
  silent: "warn",
  disabled: "idle",
};
const ADD = "hirewire device add";

/** Who is there, and what each has earned. */
export function Devices({ screen }: Props) {
  const say = useWords(homeWords);
  const states = useWords(stateWords);
  const chosen = useCell(period);
  const { rows, live, silent, disabled } = screen.devices;
  const columns: readonly Column<Overview["devices"]["rows"][number]>[] = [
    { key: "device", head: say.device, isTitle: true, cell: ({ name }) => <span class="name">{name}</span> },
    { key: "link", head: say.link, cell: ({ link }) => (link ? states.link[link] : "–") },
    {
      key: "state",
      head: say.state,
      cell: ({ state }) => <StateMark tone={DEVICE_TONES[state]} word={states.device[state]} />,
    },
    {
      key: "earned",
      head: say.deviceEarned,
      align: "end",
      cell: ({ address, earned }) => (
        <a href={withQuery("/settlements", { kind: "earned", device: address, period: chosen })}>
          <Money amount={earned} />
        </a>
      ),
    },
  ];
  const side = (
    <>
      <a href="/devices?state=live">{say.live(count(live))}</a>
      <a href="/devices?state=silent">{say.silent(count(silent))}</a>
      {disabled > 0 && <a href="/devices?state=disabled">{say.disabled(count(disabled))}</a>}
    </>
  );
  const empty = (
    <Empty title={say.noDevices}>
      {say.noDevicesWhat} <code>{ADD}</code> <Copy text={ADD} what={ADD} />
    </Empty>
  );
  const isMore = rows.length < live + silent + disabled;
  return (
    <Card title={say.devices} side={side}>
      <Table
        caption={say.devices}
        isCaptionHidden
        columns={columns}
        rows={rows}
        keyOf={(row) => row.address}
        hrefOf={(row) => `/devices/${row.address}`}
        empty={empty}
      />
      {isMore && (
        <p class="card-more">
          <a href="/devices">{say.allDevices}</a>
        </p>
      )}
    </Card>
  );
}

/** Who has promised how much to whom. */
export function Lanes({ screen }: Props) {
  const say = useWords(homeWords);
  const now = useNow(60_000);
  const { rows, open, closing } = screen.lanes;
  const columns: readonly Column<LaneRow>[] = [
    {
      key: "device",
      head: say.device,
      isTitle: true,
      cell: ({ device }) => <span class="name">{device.name ?? short(device.address)}</span>,
    },
    {
      key: "direction",
      head: say.direction,
      cell: ({ direction }) => (direction === "incoming" ? say.toHere : say.fromHere),
    },
    { key: "bar", head: say.bar, isWide: true, cell: (lane) => <Bar lane={lane} /> },
    {
      key: "unsettled",
      head: say.notSettled,
      align: "end",
      cell: ({ device, direction, unsettled }) => (
        <a href={withQuery("/lanes", { device: device.address, direction })}>
          <Money amount={unsettled} />
        </a>
      ),
    },
    {
      key: "expiry",
      head: say.expiry,
      cell: ({ closesAt }) =>
        closesAt === null ? (
          <span class="muted">{say.none}</span>
        ) : (
          <StateMark tone="warn" word={ago(closesAt, now)} />
        ),
    },
  ];
  const side = (
    <>
      <a href="/lanes?state=open">{say.open(count(open))}</a>
      {closing > 0 && <a href="/lanes?state=closing">{say.closing(count(closing))}</a>}
    </>
  );
  return (
    <Card title={say.lanes} side={side}>
      <Table
        caption={say.lanes}
        isCaptionHidden
        columns={columns}
        rows={rows}
        keyOf={(row) => row.id}
        hrefOf={(row) => withQuery("/lanes", { device: row.device.address, direction: row.direction })}
        empty={<Empty title={say.noLanes}>{say.noLanesWhat}</Empty>}
      />
      {rows.length < open + closing && (
        <p class="card-more">
          <a href="/lanes">{say.allLanes}</a>
        </p>
      )}
    </Card>
  );
}

/** Claimed, promised, and not promised yet, in parts of the deposit. */
function Bar({ lane }: { readonly lane: LaneRow }) {
  const say = useWords(homeWords);
  const deposit = Number(lane.deposit);
  const part = (amount: string) => ({ inlineSize: `${deposit > 0 ? (Number(amount) / deposit) * 100 : 0}%` });
  const side = lane.direction === "incoming" ? "ours" : "theirs";
  return (
    <span
      class={`bar bar-of-${side}`}
      role="img"
      aria-label={say.barText(lane.settled, lane.unsettled, lane.room)}
    >
      <span class="bar-settled" style={part(lane.settled)} />
      <span class="bar-unsettled" style={part(lane.unsettled)} />
    </span>
  );
}
