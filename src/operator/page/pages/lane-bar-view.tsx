/** A lane's bar: drawn, and said in words for whoever does not see it. */
import { useWords } from "../language.ts";
import { type LaneBar, partsText } from "./lane-bar.ts";
import { lanesWords } from "./lanes.words.ts";

const WIDTH = 200;
const HEIGHT = 14;

/** What is ours is filled, what is theirs is not; what is promised and not claimed is hatched. */
export function LaneBarView({ bar }: { readonly bar: LaneBar }) {
  const say = useWords(lanesWords);
  let from = 0;
  return (
    <div class="lane-bar">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={partsText(bar, (part) => `${say.parts[part.part]} (${say[part.side]}) ${part.amount}`)}
      >
        {bar.parts.map(({ part, side, share }) => {
          const x = from;
          from += share * WIDTH;
          return (
            <rect
              key={part}
              x={x}
              y={0}
              width={share * WIDTH}
              height={HEIGHT}
              class={`bar-${side} bar-${part}`}
            />
          );
        })}
      </svg>
    </div>
  );
}

/** What the colours of the bars mean. */
export function LaneLegend() {
  const say = useWords(lanesWords);
  const keys = [
    ["ours", "settled"],
    ["ours", "unsettled"],
    ["ours", "room"],
    ["theirs", "settled"],
    ["theirs", "unsettled"],
    ["theirs", "room"],
  ] as const;
  return (
    <div class="lane-legend">
      <ul>
        {keys.map(([side, part]) => (
          <li key={side + part}>
            <svg viewBox="0 0 16 14" aria-hidden="true">
              <rect x={0} y={0} width={16} height={14} class={`bar-${side} bar-${part}`} />
            </svg>{" "}
            {say[side]}: {say.parts[part]}
          </li>
        ))}
      </ul>
      <p class="muted">{say.legend}</p>
    </div>
  );
}
