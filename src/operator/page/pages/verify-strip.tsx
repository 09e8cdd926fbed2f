/** Walks the whole journal on request, and says how the newest walk went. */
import { useEffect, useState } from "preact/hooks";
import type { Verification } from "../../api/settlement.ts";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import { ask, Problem as Refused } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { verification as live } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Hash } from "../parts/code.tsx";
import { Problem, Progress } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { Time } from "../parts/time.tsx";
import { useQuery } from "../router.ts";
import { useRights } from "../session.ts";
import { settlementsWords } from "./settlements.words.ts";

/** While a walk runs it is asked for as well: the live line may be down. */
const LOOK_EVERY = 1_500;

/** Of two answers the one that knows more: of a later walk, or further on in the same one. */
function newerOf(a: Verification | null, b: Verification | null): Verification | null {
  if (!a || !b) return a ?? b;
  if (a.startedAt !== b.startedAt) return (a.startedAt ?? 0) > (b.startedAt ?? 0) ? a : b;
  const isOver = (one: Verification) => one.state !== "running";
  if (isOver(a) !== isOver(b)) return isOver(a) ? a : b;
  return a.checked >= b.checked ? a : b;
}

/** The button, its progress, and the sentence at its end. */
export function VerifyStrip() {
  const say = useWords(settlementsWords);
  const { seesGateway } = useRights();
  const asked = useAsk("GET /verification");
  const heard = useCell(live);
  const [begun, setBegun] = useState<Verification | null>(null);
  const [problem, setProblem] = useState<Refused | null>(null);
  const [isBusy, setBusy] = useState(false);
  const newest = newerOf(newerOf(heard, asked.answer), begun);
  const isRunning = newest?.state === "running";

  const { reload } = asked;
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(reload, LOOK_EVERY);
    return () => clearInterval(timer);
  }, [isRunning, reload]);

  const start = () => {
    setBusy(true);
    ask("POST /verify")
      .then((walk) => {
        setBegun(walk);
        setProblem(null);
      })
      .catch((reason: unknown) => setProblem(reason instanceof Refused ? reason : new Refused(0, {})))
      .finally(() => setBusy(false));
  };

  // Home's button leads here to have it done; without the mark a reload does not do it again.
  const [query, change] = useQuery();
  const isAsked = query.get("do") === "verify" && seesGateway;
  useEffect(() => {
    if (!isAsked) return;
    change({ do: null });
    start();
  }, [isAsked]);

  return (
    <section class="verify" aria-label={say.journal}>
      <div class="verify-said" role="status">
        {newest ? <Walk walk={newest} /> : <p class="muted">{say.verifyAbout}</p>}
      </div>
      {seesGateway && (
        <Button onPress={start} isBusy={isBusy || isRunning}>
          {say.verify}
        </Button>
      )}
      {problem && <Problem problem={problem} onRetry={start} />}
    </section>
  );
}

function Walk({ walk }: { readonly walk: Verification }) {
  const say = useWords(settlementsWords);
  if (walk.state === "never") return <p class="muted">{say.never}</p>;
  if (walk.state === "running") {
    return <Progress label={say.verifying} done={walk.checked} of={walk.total} />;
  }
  const { broken, chain, head, endedAt } = walk;
  return (
    <p class="verify-result">
      {broken ? (
        <>
          <StateMark tone="bad" word={say.broken(count(broken.index))} />: {broken.why}
        </>
      ) : (
        <StateMark tone="good" word={say.holds(count(walk.checked))} />
      )}
      {head && (
        <>
          ; {say.newest} <Hash hex={head} />
        </>
      )}
      {walk.signatures > 0 && <>; {say.signatures(count(walk.signatures))}</>}
      {chain && (
        <>
          ;{" "}
          {chain.agrees ? (
            say.agrees(count(chain.block))
          ) : (
            <>
              <StateMark tone="bad" word={say.disagrees(count(chain.block))} />: {chain.why}
            </>
          )}
        </>
      )}
      {endedAt !== null && (
        <span class="muted">
          {" "}
          · {say.verifiedAt} <Time at={endedAt} form="ago" />
        </span>
      )}
    </p>
  );
}
