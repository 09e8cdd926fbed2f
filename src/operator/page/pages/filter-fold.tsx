/** The fields of a list's filter. On a phone they are folded away until they are asked for. */
import type { ComponentChildren } from "preact";
import { useWords } from "../language.ts";
import { settlementsWords } from "./settlements.words.ts";

/** A form of fields; it is never sent, as each field acts by itself. */
export function FilterFold({ children }: { readonly children: ComponentChildren }) {
  const say = useWords(settlementsWords);
  return (
    <details class="filter-fold" open={matchMedia("(min-width: 701px)").matches}>
      <summary>{say.filters}</summary>
      <search aria-label={say.filters}>
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          {children}
        </form>
      </search>
    </details>
  );
}
