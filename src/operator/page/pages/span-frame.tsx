/** What stands around a long list: the ways to its newer and older rows, which load by themselves when they come near. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Problem as Refused } from "../fetch.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { settlementsWords } from "./settlements.words.ts";
import { hasNewer, olderCursor } from "./span.ts";
import type { SpanView } from "./span-hook.ts";

/** How near an end of the list has to come: about a screen. */
const NEAR = "700px 0px";

type EdgeProps = { readonly text: string; readonly isBusy: boolean; readonly onNear: () => void };

function Edge({ text, isBusy, onNear }: EdgeProps) {
  const frame = useRef<HTMLDivElement>(null);
  const near = useRef(onNear);
  near.current = onNear;
  useEffect(() => {
    if (isBusy || !frame.current) return;
    const watch = new IntersectionObserver(
      (seen) => {
        if (seen.some((one) => one.isIntersecting)) near.current();
      },
      { rootMargin: NEAR },
    );
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, [isBusy]);
  return (
    <div class="span-edge" ref={frame}>
      <Button onPress={onNear} isBusy={isBusy}>
        {text}
      </Button>
    </div>
  );
}

type Props<Row, Cursor, Extra> = {
  readonly view: SpanView<Row, Cursor, Extra>;
  readonly children: ComponentChildren;
};

/** A list with its ends. Before its first rows it says that they are coming, and what went wrong when they do not. */
export function SpanFrame<Row, Cursor, Extra>({ view, children }: Props<Row, Cursor, Extra>) {
  const say = useWords(settlementsWords);
  const { span, busy, problem } = view;
  const told = problem instanceof Refused ? problem : null;
  if (!span) return told ? <Problem problem={told} onRetry={view.retry} /> : <Loading />;
  const isEnd = olderCursor(span) === null;
  return (
    <>
      {told && <Problem problem={told} onRetry={view.retry} />}
      {view.hasFresh && (
        <p class="span-fresh" role="status">
          <Button onPress={view.again}>{say.fresh}</Button>
        </p>
      )}
      {hasNewer(span) && <Edge text={say.newer} isBusy={busy === "newer"} onNear={view.newer} />}
      {children}
      {isEnd ? (
        span.held.some((page) => page.rows.length > 0) && <p class="span-end muted">{say.end}</p>
      ) : (
        <Edge text={say.older} isBusy={busy === "older" || told !== null} onNear={view.older} />
      )}
    </>
  );
}
