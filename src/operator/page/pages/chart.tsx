/** Bars of earned and spent, drawn by uPlot. Loaded when there is something to draw. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Overview } from "../../api/overview.ts";
import { useCell } from "../cell.ts";
import { isUtc } from "../format.ts";
import { language, locale, useWords } from "../language.ts";
import { Money } from "../parts/money.tsx";
import { Time } from "../parts/time.tsx";
import { theme } from "../theme.ts";
import { chartWords } from "./chart.words.ts";

type Slice = Overview["chart"][number];

export type ChartProps = { readonly slices: readonly Slice[]; readonly symbol: string };

const HEIGHT = 232;
/** Of a slice's width, both bars and the gap between slices. */
const BAR = 0.4;
const DAY = 86_400;

type Ink = { readonly earned: string; readonly spent: string; readonly text: string; readonly line: string };

/** The bars and their legend, which tells the figures of the slice under the pointer. */
export function Chart({ slices, symbol }: ChartProps) {
  const say = useWords(chartWords);
  const place = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDListElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const look = useLook();
  const columns = useMemo(() => columnsOf(slices), [slices]);
  const newest = useRef(columns);
  newest.current = columns;
  const span = spanOf(slices);

  // Colours cannot be changed afterwards: another theme is another drawing.
  useEffect(() => {
    const frame: HTMLElement | null = place.current;
    if (!frame || !legend.current) return;
    const inUtc = isUtc.value;
    const drawn = new uPlot(
      optionsOf(frame.clientWidth, inkOf(legend.current), span, inUtc, setPointed),
      newest.current,
      frame,
    );
    plot.current = drawn;
    const watch = new ResizeObserver(() => drawn.setSize({ width: frame.clientWidth, height: HEIGHT }));
    watch.observe(frame);
    return () => {
      watch.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [look, span]);
  useEffect(() => plot.current?.setData(columns), [columns]);

  const slice = pointed === null ? undefined : slices[pointed];
  return (
    <figure class="chart">
      <dl class="chart-legend" ref={legend}>
        <div>
          <dt class="key-earned">{say.earned}</dt>
          <dd>{slice && <Money amount={slice.earned} symbol={symbol} />}</dd>
        </div>
        <div>
          <dt class="key-spent">{say.spent}</dt>
          <dd>{slice && <Money amount={slice.spent} symbol={symbol} />}</dd>
        </div>
        <div class="chart-at">{slice && <Time at={slice.from} isQuiet />}</div>
      </dl>
      <div ref={place} role="img" aria-label={say.label(most(slices, "earned"), most(slices, "spent"))} />
    </figure>
  );
}

/** Changes whenever the drawing has to be made anew: theme, the machine's theme, language, UTC. */
function useLook(): string {
  const worn = useCell(theme);
  const spoken = useCell(language);
  const inUtc = useCell(isUtc);
  const [isDark, setDark] = useState(false);
  useEffect(() => {
    const wish = matchMedia("(prefers-color-scheme: dark)");
    const read = () => setDark(wish.matches);
    read();
    wish.addEventListener("change", read);
    return () => wish.removeEventListener("change", read);
  }, []);
  return [worn, isDark, spoken, inUtc].join();
}

function most(slices: readonly Slice[], kind: "earned" | "spent"): string {
  return slices.map((slice) => slice[kind]).reduce((a, b) => (Number(b) > Number(a) ? b : a), "0");
}

/** Seconds from one slice to the next. */
function spanOf(slices: readonly Slice[]): number {
  const [first, second] = slices;
  return first && second ? (second.from - first.from) / 1_000 : DAY;
}

/** Bars stand in the middle of their slice. Their heights are only drawn: figures are told from the text. */
function columnsOf(slices: readonly Slice[]): uPlot.AlignedData {
  const half = spanOf(slices) / 2;
  return [
    slices.map(({ from }) => from / 1_000 + half),
    slices.map(({ earned }) => Number(earned)),
    slices.map(({ spent }) => Number(spent)),
  ];
}

/** The colours that the style sheet has for this theme, as the canvas needs them. */
function inkOf(legend: HTMLElement): Ink {
  const colour = (selector: string) => {
    const element = legend.querySelector(selector);
    return element ? getComputedStyle(element, "::before").color : "gray";
  };
  return {
    earned: colour(".key-earned"),
    spent: colour(".key-spent"),
    text: getComputedStyle(legend).color,
    line: getComputedStyle(legend).borderBlockEndColor,
  };
}

function optionsOf(
  width: number,
  ink: Ink,
  span: number,
  inUtc: boolean,
  onPoint: (at: number | null) => void,
): uPlot.Options {
  const axis = {
    stroke: ink.text,
    ticks: { stroke: ink.line, width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const bars = (side: 1 | -1) => uPlot.paths.bars?.({ size: [BAR, 28], align: side });
  const series = (colour: string, side: 1 | -1): uPlot.Series => {
    const paths = bars(side);
    return { fill: colour, width: 0, points: { show: false }, ...(paths ? { paths } : {}) };
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    tzDate: (seconds) => (inUtc ? uPlot.tzDate(new Date(seconds * 1_000), "UTC") : new Date(seconds * 1_000)),
    scales: {
      x: { range: (_, least, greatest) => [least - span / 2, greatest + span / 2] },
      y: { range: (_, __, greatest) => [0, greatest > 0 ? greatest * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 32,
        values: (_, marks) => marks.map((mark) => markText(mark, span, inUtc)),
      },
      {
        ...axis,
        size: 56,
        grid: { stroke: ink.line, width: 1 },
        values: (_, marks) =>
          marks.map((mark) => mark.toLocaleString(locale(), { maximumFractionDigits: 6 })),
      },
    ],
    series: [{}, series(ink.earned, -1), series(ink.spent, 1)],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  };
}

/** Hours within days, days within weeks. */
function markText(seconds: number, span: number, inUtc: boolean): string {
  const at = new Date(seconds * 1_000);
  const zone = inUtc ? "UTC" : undefined;
  const isMidnight = (inUtc ? at.getUTCHours() : at.getHours()) === 0;
  const form: Intl.DateTimeFormatOptions =
    span >= DAY / 4 || isMidnight
      ? { month: "short", day: "numeric" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(locale(), { ...form, timeZone: zone }).format(at);
}
