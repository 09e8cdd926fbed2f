/** Earned and spent over time: bars, or the same figures as a table. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Overview } from "../../api/overview.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { Money } from "../parts/money.tsx";
import { Empty } from "../parts/notice.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { ChartProps } from "./chart.tsx";
import { chartWords } from "./chart.words.ts";

type Slice = Overview["chart"][number];

type Props = { readonly slices: readonly Slice[]; readonly title: string; readonly symbol: string };

/** The drawing's code is loaded once there is something to draw. */
export function HomeChart({ slices, title, symbol }: Props) {
  const say = useWords(chartWords);
  const [isTable, setTable] = useState(false);
  const isNothing = slices.every(({ earned, spent }) => Number(earned) === 0 && Number(spent) === 0);
  const side = !isNothing && (
    <Button onPress={() => setTable(!isTable)}>{isTable ? say.asChart : say.asTable}</Button>
  );
  return (
    <Card title={title} side={side}>
      {isNothing && <Empty title={say.nothing}>{say.nothingWhat}</Empty>}
      {!isNothing &&
        (isTable ? <SliceTable slices={slices} title={title} /> : <Drawn slices={slices} symbol={symbol} />)}
    </Card>
  );
}

function Drawn(props: ChartProps) {
  const say = useWords(chartWords);
  const [loaded, setLoaded] = useState<{ readonly Chart: ComponentType<ChartProps> } | "failed" | null>(null);
  useEffect(() => {
    import("./chart.tsx").then(setLoaded).catch(() => setLoaded("failed"));
  }, []);
  if (loaded === "failed") return <p class="muted">{say.failed}</p>;
  return (
    <div class="chart-place">{loaded ? <loaded.Chart {...props} /> : <p class="muted">{say.loading}</p>}</div>
  );
}

function SliceTable({ slices, title }: Pick<Props, "slices" | "title">) {
  const say = useWords(chartWords);
  return (
    <div class="chart-table">
      <Table
        caption={title}
        isCaptionHidden
        columns={[
          { key: "from", head: say.from, isTitle: true, cell: ({ from }) => <Time at={from} /> },
          { key: "earned", head: say.earned, align: "end", cell: ({ earned }) => <Money amount={earned} /> },
          { key: "spent", head: say.spent, align: "end", cell: ({ spent }) => <Money amount={spent} /> },
        ]}
        rows={slices}
        keyOf={({ from }) => from}
      />
    </div>
  );
}
