/** A state as shape, colour and word: never colour alone. */

/** `good` ●, `warn` ▲, `bad` ■, `idle` ○. */
export type Tone = "good" | "warn" | "bad" | "idle";

const SHAPES: Readonly<Record<Tone, string>> = { good: "●", warn: "▲", bad: "■", idle: "○" };

/** A shape and a word. */
export function StateMark({ tone, word }: { readonly tone: Tone; readonly word: string }) {
  return (
    <span class={`state state-${tone}`}>
      <span class="state-shape" aria-hidden="true">
        {SHAPES[tone]}
      </span>{" "}
      {word}
    </span>
  );
}
