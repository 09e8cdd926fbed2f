/** A frame with a heading. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

type Props = {
  readonly title: string;
  /** Beside the heading: counts, a link, a switch. */
  readonly side?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
};

/** A section of a page. */
export function Card({ title, side, children, class: more }: Props) {
  const id = useId();
  return (
    <section class={more ? `card ${more}` : "card"} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {side && <div class="card-side">{side}</div>}
      </header>
      {children}
    </section>
  );
}
