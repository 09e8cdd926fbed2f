/** The settlement log: every movement of money, filtered by the page's address, summed, exported. */
import { useMemo } from "preact/hooks";
import type { SettlementPage, SettlementRow, SettlementSums } from "../../api/settlement.ts";
import { ask } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Heading } from "../parts/heading.tsx";
import { Money } from "../parts/money.tsx";
import { withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { trimmed } from "./decimal.ts";
import { useRefresh } from "./list-refresh.ts";
import {
  changed,
  exportAddress,
  KINDS,
  keysOf,
  type LogFilter,
  queryOf,
  writeFilter,
} from "./settlement-filter.ts";
import { FilterChips, FilterFields, useFilter } from "./settlement-filters.tsx";
import { SettlementTable } from "./settlement-table.tsx";
import { settlementsWords } from "./settlements.words.ts";
import { rowsOf } from "./span.ts";
import { SpanFrame } from "./span-frame.tsx";
import { type Loaded, useSpan } from "./span-hook.ts";
import { VerifyStrip } from "./verify-strip.tsx";
import "./lists.css";

const FORMATS = ["csv", "jsonl", "ledger"] as const;

/** So many entries behind the journal, and the sums are not yet what they will be: a second's work is not worth a word. */
const BEHIND = 500;

type Extra = Pick<SettlementPage, "sums" | "read">;

async function load(
  filter: LogFilter,
  before: number | null,
  signal: AbortSignal,
): Promise<Loaded<SettlementRow, number, Extra>> {
  const query = Object.fromEntries(queryOf(filter, Date.now()));
  const input = before === null ? query : { ...query, before };
  const { rows, next, sums, read } = await ask("GET /settlements", { input, signal });
  return { page: { rows, next }, extra: { sums, read } };
}

/** The page at `/settlements`. */
export function SettlementsPage() {
  const say = useWords(settlementsWords);
  const place = useFilter();
  const { filter } = place;
  const key = writeFilter(filter).toString();
  const view = useSpan(key, (before: number | null, signal) => load(filter, before, signal));
  const { span, extra, busy, refresh } = view;
  useRefresh("settlements", refresh);
  const rows = useMemo(() => (span ? rowsOf(span) : []), [span]);
  const isFiltered = keysOf(filter).length > 0;
  return (
    <div class="settlements">
      <Heading title={say.title} />
      <VerifyStrip />
      <FilterFields {...place} />
      <FilterChips {...place} />
      {extra && <Sums sums={extra.sums} filter={filter} />}
      {extra && extra.read.of - extra.read.entries > BEHIND && (
        <p class="notice" role="status">
          ▲ {say.reading(count(extra.read.entries), count(extra.read.of))}
        </p>
      )}
      <Exports filter={filter} />
      <SpanFrame view={view}>
        <SettlementTable rows={rows} isDimmed={busy === "first"} isFiltered={isFiltered} />
      </SpanFrame>
    </div>
  );
}

type SumsProps = { readonly sums: SettlementSums; readonly filter: LogFilter };

function Sums({ sums, filter }: SumsProps) {
  const say = useWords(settlementsWords);
  const { kind: kinds } = useWords(stateWords);
  return (
    <section class="sums" aria-label={say.sums}>
      <h2 class="sums-title">{say.sums}</h2>
      <dl>
        <div>
          <dt>{say.rows}</dt>
          <dd class="digits">{count(sums.rows)}</dd>
        </div>
        {KINDS.map((kind) => (
          <div key={kind}>
            <dt>{kinds[kind]}</dt>
            <dd>
              <a
                class="sums-link"
                href={withQuery("/settlements", writeFilter(changed(filter, "kind", kind)))}
              >
                <Money amount={kind === "gas" ? trimmed(sums.gas) : sums[kind]} />
              </a>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Exports({ filter }: { readonly filter: LogFilter }) {
  const say = useWords(settlementsWords);
  return (
    <p class="exports">
      <span>{say.export}: </span>
      {FORMATS.map((format) => (
        <a key={format} class="button" href={exportAddress(filter, format, Date.now())} download>
          {say.formats[format]}
        </a>
      ))}
    </p>
  );
}
