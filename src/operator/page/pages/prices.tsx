/** What work costs here: asks that stand, and prices that were paid. */
import { useMemo } from "preact/hooks";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import type { Answer } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Card } from "../parts/card.tsx";
import { Address, short } from "../parts/code.tsx";
import { Heading } from "../parts/heading.tsx";
import { Money } from "../parts/money.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { period, startOf } from "../period.ts";
import { withQuery } from "../router.ts";
import { pricesWords } from "./prices.words.ts";

type Prices = Answer<"GET /prices">;

/** Of the header's period. */
export function PricesPage() {
  const say = useWords(pricesWords);
  const chosen = useCell(period);
  const input = useMemo(() => {
    const from = startOf(chosen, Date.now());
    return from === undefined ? {} : { from };
  }, [chosen]);
  const { answer, problem, isLoading, reload } = useAsk("GET /prices", { input }, ["prices"]);
  return (
    <>
      <Heading title={say.title} />
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!answer && !problem && <Loading />}
      {answer && (
        <div class="stack">
          <Card title={say.paid} side={say.rateHint}>
            <Paid paid={answer.paid} isDimmed={isLoading} />
          </Card>
          <Card title={say.asks} side={say.rateHint}>
            <Asks asks={answer.asks} />
          </Card>
        </div>
      )}
    </>
  );
}

function Paid({ paid, isDimmed }: { readonly paid: Prices["paid"]; readonly isDimmed: boolean }) {
  const say = useWords(pricesWords);
  const chosen = useCell(period);
  const columns: readonly Column<Prices["paid"][number]>[] = [
    {
      key: "firmware",
      head: say.firmware,
      isTitle: true,
      cell: ({ firmware }) => firmware.name ?? <code>{short(firmware.hash)}</code>,
    },
    {
      key: "tasks",
      head: say.tasks,
      align: "end",
      cell: ({ tasks }) => <span class="digits">{count(tasks)}</span>,
    },
    { key: "least", head: say.least, align: "end", cell: ({ least }) => <Money amount={least} /> },
    { key: "median", head: say.median, align: "end", cell: ({ median }) => <Money amount={median} /> },
    { key: "most", head: say.most, align: "end", cell: ({ most }) => <Money amount={most} /> },
    {
      key: "rate",
      head: say.rate,
      align: "end",
      cell: ({ rate }) => (rate === null ? <span class="muted">–</span> : <Money amount={rate} />),
    },
  ];
  return (
    <Table
      caption={say.paidCaption}
      isCaptionHidden
      columns={columns}
      rows={paid}
      keyOf={({ firmware }) => firmware.hash}
      hrefOf={({ firmware }) =>
        withQuery("/settlements", { kind: "spent", firmware: firmware.hash, period: chosen })
      }
      isDimmed={isDimmed}
      empty={<Empty title={say.noPaid}>{say.noPaidWhat}</Empty>}
    />
  );
}

function Asks({ asks }: { readonly asks: Prices["asks"] }) {
  const say = useWords(pricesWords);
  const columns: readonly Column<Prices["asks"][number]>[] = [
    {
      key: "device",
      head: say.device,
      isTitle: true,
      cell: ({ device: { address, name } }) => (
        <Address
          address={address}
          name={name}
          href={name === null ? undefined : `/devices/${encodeURIComponent(address)}`}
        />
      ),
    },
    {
      key: "memory",
      head: say.memory,
      align: "end",
      cell: ({ memoryMiB }) => <span class="digits">{count(memoryMiB)} MiB</span>,
    },
    { key: "rate", head: say.rate, align: "end", cell: ({ rate }) => <Money amount={rate} /> },
    {
      key: "speed",
      head: say.speed,
      align: "end",
      cell: ({ fuelPerSecond }) =>
        fuelPerSecond === null ? (
          <span class="muted">{say.unknown}</span>
        ) : (
          <span class="digits">{count(fuelPerSecond)}</span>
        ),
    },
    { key: "expires", head: say.expires, cell: ({ expires }) => <Time at={expires} form="ago" /> },
  ];
  return (
    <Table
      caption={say.asksCaption}
      isCaptionHidden
      columns={columns}
      rows={asks}
      keyOf={({ device, memoryMiB }) => `${device.address} ${memoryMiB}`}
      empty={
        <Empty title={say.noAsks}>
          <p>{say.noAsksWhat}</p>
          <a class="link-button" href="/devices">
            {say.toDevices}
          </a>
        </Empty>
      }
    />
  );
}
