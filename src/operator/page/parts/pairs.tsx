/** Facts of one thing: names and values. */
import type { ComponentChildren } from "preact";

export type Pair = { readonly name: string; readonly value: ComponentChildren };

/** A list of names and values, two columns where there is room. */
export function Pairs({ pairs }: { readonly pairs: readonly Pair[] }) {
  return (
    <dl class="pairs">
      {pairs.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
