/** What is known of a device, card by card. */
import type { DeviceDetail } from "../../api/device.ts";
import { useCell } from "../cell.ts";
import { bytes, count, percent } from "../format.ts";
import { locale, useWords } from "../language.ts";
import { Card } from "../parts/card.tsx";
import { Address } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { type Pair, Pairs } from "../parts/pairs.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { period } from "../period.ts";
import { withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { devicesWords } from "./devices.words.ts";
import { toneOf } from "./market-state.ts";

type Props = { readonly detail: DeviceDetail };

function milliseconds(ms: number): string {
  const form = {
    style: "unit",
    unit: "millisecond",
    unitDisplay: "short",
    maximumFractionDigits: 1,
  } as const;
  return new Intl.NumberFormat(locale(), form).format(ms);
}

/** How it is connected, and who it is. */
export function LinkCard({ detail: { device, roundTripMs } }: Props) {
  const say = useWords(devicesWords);
  const words = useWords(stateWords);
  const pairs: readonly Pair[] = [
    { name: say.state, value: <StateMark tone={toneOf(device.state)} word={words.device[device.state]} /> },
    { name: say.link, value: device.link ? words.link[device.link] : "–" },
    { name: say.origin, value: device.origin ? <code class="long">{device.origin}</code> : "–" },
    {
      name: say.since,
      value: device.sessionSince === null ? say.noSession : <Time at={device.sessionSince} />,
    },
    { name: say.heard, value: device.heardAt === null ? say.never : <Time at={device.heardAt} form="ago" /> },
    {
      name: say.roundTrip,
      value: roundTripMs === null ? <span class="muted">{say.notMeasured}</span> : milliseconds(roundTripMs),
    },
    { name: say.maker, value: device.manufacturer },
    { name: say.serialNumber, value: device.serialNumber },
    {
      name: say.key,
      value: (
        <>
          <Address address={device.address} />{" "}
          <span class="muted">{device.isKept ? say.keptKey : say.ownKey}</span>
        </>
      ),
    },
    { name: say.owner, value: device.owner ? <Address address={device.owner} /> : say.nobody },
  ];
  return (
    <Card title={say.linkTitle}>
      <Pairs pairs={pairs} />
    </Card>
  );
}

/** What it earned and spent in the page's period, and how its runs ended. */
export function EarningsCard({ detail: { device, runs } }: Props) {
  const say = useWords(devicesWords);
  const chosen = useCell(period);
  const judged = runs.accepted + runs.rejected + runs.lost;
  const money = (kind: "earned" | "spent") => ({
    name: say[kind],
    value: (
      <a
        href={withQuery("/settlements", {
          period: chosen === "all" ? null : chosen,
          kind,
          device: device.address,
        })}
      >
        <Money amount={device[kind]} />
      </a>
    ),
  });
  return (
    <Card title={say.earnings}>
      <Pairs
        pairs={[
          money("earned"),
          money("spent"),
          { name: say.tasks, value: count(device.tasks) },
          { name: say.accepted, value: count(runs.accepted) },
          { name: say.rejected, value: count(runs.rejected) },
          { name: say.lost, value: count(runs.lost) },
          { name: say.ratio, value: judged === 0 ? "–" : percent(runs.accepted / judged) },
        ]}
      />
    </Card>
  );
}

/** What it has, and what it may spend. */
export function MoneyCard({ detail: { money } }: Props) {
  const say = useWords(devicesWords);
  return (
    <Card title={say.money}>
      <Pairs
        pairs={[
          { name: say.credit, value: <Money amount={money.credit} /> },
          { name: say.held, value: <Money amount={money.held} /> },
          { name: say.owed, value: <Money amount={money.owed} /> },
          { name: say.perDay, value: money.perDay === null ? say.noLimit : <Money amount={money.perDay} /> },
          { name: say.spentToday, value: <Money amount={money.spentToday} /> },
          ...(money.cap === null ? [] : [{ name: say.cap, value: <Money amount={money.cap} /> }]),
        ]}
      />
    </Card>
  );
}

function valueText(value: string | number | boolean | null): string {
  if (value === null) return "–";
  return typeof value === "number" ? count(value) : String(value);
}

/** Its counters, and those of its serial line. */
export function CountersCard({ detail: { counters, line } }: Props) {
  const say = useWords(devicesWords);
  const refused = Object.entries(counters.refused).sort(([, a], [, b]) => b - a);
  return (
    <Card title={say.counters}>
      <Pairs
        pairs={[
          { name: say.messagesIn, value: count(counters.messagesIn) },
          { name: say.messagesOut, value: count(counters.messagesOut) },
          { name: say.sessions, value: count(counters.sessions) },
          ...refused.map(([code, many]) => ({ name: say.refused(code), value: count(many) })),
        ]}
      />
      {line && (
        <>
          <h3>{say.line}</h3>
          <Pairs pairs={Object.entries(line).map(([name, value]) => ({ name, value: valueText(value) }))} />
        </>
      )}
    </Card>
  );
}

type Price = DeviceDetail["prices"][number];

/** What it asks for its work. */
export function PricesCard({ detail: { prices } }: Props) {
  const say = useWords(devicesWords);
  const columns: readonly Column<Price>[] = [
    { key: "memory", head: say.memory, cell: ({ memoryMiB }) => `${count(memoryMiB)} MiB`, isTitle: true },
    { key: "rate", head: say.rate, cell: ({ rate }) => <Money amount={rate} />, align: "end" },
    {
      key: "speed",
      head: say.speed,
      cell: ({ fuelPerSecond }) => (fuelPerSecond === null ? "–" : count(fuelPerSecond)),
      align: "end",
    },
    { key: "expires", head: say.expires, cell: ({ expires }) => <Time at={expires} /> },
  ];
  return (
    <Card title={say.prices}>
      <Table
        caption={say.prices}
        isCaptionHidden
        columns={columns}
        rows={prices}
        keyOf={({ memoryMiB }) => memoryMiB}
        empty={<p class="muted">{say.noPrices}</p>}
      />
    </Card>
  );
}

type Message = DeviceDetail["messages"][number] & { readonly place: number };

/** The newest messages, without what they carried. */
export function MessagesCard({ detail: { messages } }: Props) {
  const say = useWords(devicesWords);
  const columns: readonly Column<Message>[] = [
    { key: "time", head: say.time, cell: ({ at }) => <Time at={at} form="clock" />, isTitle: true },
    { key: "direction", head: say.direction, cell: ({ direction }) => say[direction] },
    { key: "topic", head: say.topic, cell: ({ topic }) => <code class="long">{topic}</code> },
    { key: "bytes", head: say.bytes, cell: (one) => bytes(one.bytes), align: "end" },
    {
      key: "refusal",
      head: say.refusal,
      cell: ({ refused }) => (refused === null ? "–" : <StateMark tone="bad" word={refused} />),
    },
  ];
  return (
    <Card title={say.messages}>
      <Table
        caption={say.messages}
        isCaptionHidden
        columns={columns}
        rows={messages.map((one, place) => ({ ...one, place }))}
        keyOf={({ place }) => place}
        empty={<p class="muted">{say.noMessages}</p>}
      />
    </Card>
  );
}
