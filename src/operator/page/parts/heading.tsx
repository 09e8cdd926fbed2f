/** A page's name: its title, its first heading, and where focus goes when somebody comes to it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isFirstPage } from "../shell/arrival.ts";

type Props = {
  readonly title: string;
  /** Beside it: buttons of the whole page. */
  readonly side?: ComponentChildren;
  /** Read out, not shown. */
  readonly isHidden?: boolean;
};

/** Once on every page, first. */
export function Heading({ title, side, isHidden }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · hirewire`;
  }, [title]);
  useEffect(() => {
    // The first page leaves focus where the browser has it; those after it are gone to.
    if (!isFirstPage()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <header class={isHidden ? "heading hidden" : "heading"}>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {side && <div class="heading-side">{side}</div>}
    </header>
  );
}
