/** What can be filled in: always with a label. */
import { useId } from "preact/hooks";

type Common = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string | undefined;
  /** What is wrong with it. */
  readonly wrong?: string | undefined;
  /** Read out, not shown: where the place says it. */
  readonly isLabelHidden?: boolean;
};

type TextProps = Common & {
  readonly type?: "text" | "search" | "password" | "datetime-local" | "date";
  readonly placeholder?: string;
  /** Which keyboard a phone shows. */
  readonly mode?: "decimal" | "text";
  readonly maxLength?: number;
  readonly isRequired?: boolean;
  /** `/` on the keyboard goes here: a list's filter. */
  readonly isFilter?: boolean;
  /** Words to choose from, which do not bind. */
  readonly suggestions?: readonly string[];
  readonly autoComplete?: string;
};

/** One line of text. */
export function Field(props: TextProps) {
  const id = useId();
  const { label, value, onChange, hint, wrong, isLabelHidden, type = "text", suggestions, isFilter } = props;
  const note = wrong ?? hint;
  // The types of JSX know an input by its type, which is not known here.
  const kind: object = { type, list: suggestions ? `${id}-list` : undefined };
  return (
    <div class="field">
      <label for={id} class={isLabelHidden ? "hidden" : undefined}>
        {label}
      </label>
      <input
        {...kind}
        id={id}
        value={value}
        placeholder={props.placeholder}
        inputMode={props.mode}
        maxLength={props.maxLength}
        required={props.isRequired}
        autoComplete={props.autoComplete ?? "off"}
        spellcheck={false}
        data-filter={isFilter ? "" : undefined}
        aria-invalid={wrong ? true : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {note && (
        <p id={`${id}-note`} class={wrong ? "field-wrong" : "field-hint"}>
          {wrong && <span aria-hidden="true">▲ </span>}
          {note}
        </p>
      )}
    </div>
  );
}

export type Choice = { readonly value: string; readonly text: string };

type ChoiceProps = Common & { readonly choices: readonly Choice[] };

/** One of a list. */
export function ChoiceField({ label, value, onChange, hint, choices, isLabelHidden }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={isLabelHidden ? "hidden" : undefined}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-describedby={hint ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {choices.map((one) => (
          <option key={one.value} value={one.value}>
            {one.text}
          </option>
        ))}
      </select>
      {hint && (
        <p id={`${id}-note`} class="field-hint">
          {hint}
        </p>
      )}
    </div>
  );
}
