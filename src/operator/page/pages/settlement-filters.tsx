/** The filter of the settlement log: its fields, and one chip for each that is in force. */
import { useRef, useState } from "preact/hooks";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import { isUtc, timeText } from "../format.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { ChoiceField, Field } from "../parts/field.tsx";
import { go, usePlace, withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { FilterFold } from "./filter-fold.tsx";
import {
  changed,
  dateText,
  type FilterKey,
  KINDS,
  keysOf,
  type LogFilter,
  midnightOf,
  RUNNING_PERIODS,
  readFilter,
  STATUSES,
  without,
  writeFilter,
} from "./settlement-filter.ts";
import { settlementsWords } from "./settlements.words.ts";
import { TypedField } from "./typed-field.tsx";

export type FilterPlace = {
  readonly filter: LogFilter;
  /** Typing into one field makes one step of the browser's history, everything else one each. */
  readonly apply: (next: LogFilter, typedInto?: FilterKey) => void;
};

/** The filter in the page's address, and how to change it. */
export function useFilter(): FilterPlace {
  const { query } = usePlace();
  const typing = useRef<FilterKey | null>(null);
  const apply = (next: LogFilter, typedInto: FilterKey | null = null) => {
    const isSameRun = typedInto !== null && typing.current === typedInto;
    typing.current = typedInto;
    go(withQuery("/settlements", writeFilter(next)), isSameRun ? "replace" : "push");
  };
  return { filter: readFilter(query), apply };
}

/** Every field of the filter. */
export function FilterFields({ filter, apply }: FilterPlace) {
  const say = useWords(settlementsWords);
  const { kind: kinds, settlement: statuses } = useWords(stateWords);
  const { answer } = useAsk("GET /settlement-choices", {}, ["devices"]);
  const names = (parties: readonly { name: string | null; address: string }[] = []) =>
    parties.map(({ name, address }) => name ?? address);
  const typed = (key: "device" | "firmware" | "counterparty" | "text", suggestions?: readonly string[]) => (
    <TypedField
      key={key}
      label={say.keys[key]}
      value={filter[key] ?? ""}
      onSettled={(text) => apply(changed(filter, key, text === "" ? undefined : text), key)}
      {...(suggestions ? { suggestions } : {})}
      {...(key === "text" ? { isFilter: true, placeholder: say.textHint } : {})}
    />
  );
  const every = { value: "", text: say.any };
  return (
    <FilterFold>
      <PeriodFields filter={filter} apply={apply} />
      <ChoiceField
        label={say.keys.kind}
        value={filter.kind ?? ""}
        choices={[every, ...KINDS.map((kind) => ({ value: kind, text: kinds[kind] }))]}
        onChange={(kind) =>
          apply(
            changed(
              filter,
              "kind",
              KINDS.find((one) => one === kind),
            ),
          )
        }
      />
      <ChoiceField
        label={say.keys.status}
        value={filter.status ?? ""}
        choices={[every, ...STATUSES.map((status) => ({ value: status, text: statuses[status] }))]}
        onChange={(status) =>
          apply(
            changed(
              filter,
              "status",
              STATUSES.find((one) => one === status),
            ),
          )
        }
      />
      {typed("device", names(answer?.devices))}
      {typed("counterparty", names(answer?.counterparties))}
      {typed("firmware", answer?.firmware.map(({ name, hash }) => name ?? hash) ?? [])}
      <TypedField
        label={say.keys.min}
        value={filter.min ?? ""}
        mode="decimal"
        placeholder={say.minHint}
        wrongWith={(text) => (/^\d{1,20}(\.\d{1,36})?$/.test(text) ? undefined : say.badMin)}
        onSettled={(text) => apply(changed(filter, "min", text === "" ? undefined : text), "min")}
      />
      {typed("text")}
    </FilterFold>
  );
}

const OWN = "own";

function PeriodFields({ filter, apply }: FilterPlace) {
  const say = useWords(settlementsWords);
  const hasDates = filter.from !== undefined || filter.to !== undefined;
  const [isOwn, setOwn] = useState(hasDates);
  const isOpen = hasDates || (isOwn && filter.period === undefined);
  const choices = ["", ...RUNNING_PERIODS, OWN].map((value) => ({
    value,
    text:
      value === "" ? say.periods.all : ((say.periods as Readonly<Record<string, string>>)[value] ?? value),
  }));
  const choose = (chosen: string) => {
    setOwn(chosen === OWN);
    if (chosen !== OWN)
      apply(
        changed(
          filter,
          "period",
          RUNNING_PERIODS.find((one) => one === chosen),
        ),
      );
    else if (filter.period) apply(without(filter, "period"));
  };
  const bound = (key: "from" | "to", end: boolean) => {
    const at = filter[key];
    return (
      <Field
        label={say.keys[key]}
        type="date"
        // The end is the midnight after the day that is shown.
        value={at === undefined ? "" : dateText(end ? at - 1 : at)}
        onChange={(text) => {
          const next = midnightOf(text, end);
          if (text === "" || next !== undefined) apply(changed(filter, key, next), key);
        }}
      />
    );
  };
  return (
    <>
      <ChoiceField
        label={say.keys.period}
        value={isOpen ? OWN : (filter.period ?? "")}
        choices={choices}
        onChange={choose}
      />
      {isOpen && bound("from", false)}
      {isOpen && bound("to", true)}
    </>
  );
}

/** The filters in force, each with a button that removes it. */
export function FilterChips({ filter, apply }: FilterPlace) {
  const say = useWords(settlementsWords);
  const { kind: kinds, settlement: statuses } = useWords(stateWords);
  const inUtc = useCell(isUtc);
  const keys = keysOf(filter);
  if (keys.length === 0) return null;
  const textOf = (key: FilterKey): string => {
    if (key === "kind" && filter.kind) return kinds[filter.kind];
    if (key === "status" && filter.status) return statuses[filter.status];
    if (key === "period" && filter.period) return say.periods[filter.period];
    if (key === "from" || key === "to") return timeText(filter[key] ?? 0, "full", Date.now(), inUtc);
    return String(filter[key]);
  };
  return (
    <ul class="chips" aria-label={say.active}>
      {keys.map((key) => (
        <li key={key}>
          <button
            type="button"
            class="chip"
            aria-label={say.remove(`${say.keys[key]}: ${textOf(key)}`)}
            onClick={() => apply(without(filter, key))}
          >
            <span class="chip-key">{say.keys[key]}:</span> {textOf(key)} <span aria-hidden="true">×</span>
          </button>
        </li>
      ))}
      {keys.length > 1 && (
        <li>
          <Button onPress={() => apply({})}>{say.clear}</Button>
        </li>
      )}
    </ul>
  );
}
