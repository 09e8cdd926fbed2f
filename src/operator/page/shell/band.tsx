/** What has to be seen whatever page is shown: play money, and figures that are not fresh. */
import { useEffect } from "preact/hooks";
import { useCell } from "../cell.ts";
import { useWords } from "../language.ts";
import { overview, staleSince } from "../live.ts";
import { Time } from "../parts/time.tsx";
import { shellWords } from "./shell.words.ts";

/** Never closed while the money is not real. */
export function PlayBand() {
  const say = useWords(shellWords);
  const screen = useCell(overview);
  if (!screen?.chain.isPlayMoney) return null;
  return (
    <p class="band band-play">
      <strong>{say.play}</strong> <span class="band-what">{say.playWhat}</span>
    </p>
  );
}

/** Since when nothing was heard. Figures stay readable, and look what they are: old. */
export function StaleBand() {
  const say = useWords(shellWords);
  const since = useCell(staleSince);
  useEffect(() => {
    document.documentElement.classList.toggle("is-stale", since !== null);
  }, [since]);
  return (
    <div role="status" class="band-place">
      {since !== null && (
        <p class="band band-stale">
          <span aria-hidden="true">▲ </span>
          <strong>
            {say.stale} <Time at={since} />
          </strong>{" "}
          <span class="band-what">{say.staleWhat}</span>
        </p>
      )}
    </div>
  );
}
