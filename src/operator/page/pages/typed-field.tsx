/** A field of a filter that somebody types into: the list is asked when the typing pauses, not at every key. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../parts/field.tsx";

/** Milliseconds without a key, and what was typed counts. */
const PAUSE = 300;

type Props = {
  readonly label: string;
  readonly value: string;
  readonly onSettled: (value: string) => void;
  readonly hint?: string | undefined;
  /** What is wrong with a text; undefined for a good one. */
  readonly wrongWith?: (value: string) => string | undefined;
  readonly suggestions?: readonly string[];
  readonly isFilter?: boolean;
  readonly mode?: "decimal" | "text";
  readonly placeholder?: string;
};

/** A field that waits. What comes from outside, as by the browser's back button, replaces what was typed. */
export function TypedField(props: Props) {
  const { value, onSettled, wrongWith, label, hint, suggestions, isFilter, mode, placeholder } = props;
  const [draft, setDraft] = useState(value);
  const known = useRef(value);
  const settle = useRef(onSettled);
  settle.current = onSettled;
  const wrong = draft.trim() === "" ? undefined : wrongWith?.(draft.trim());

  useEffect(() => {
    if (value === known.current) return;
    known.current = value;
    setDraft(value);
  }, [value]);

  useEffect(() => {
    const text = draft.trim();
    if (text === known.current || wrong !== undefined) return;
    const timer = setTimeout(() => {
      known.current = text;
      settle.current(text);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [draft, wrong]);

  return (
    <Field
      {...{ label, value: draft, onChange: setDraft, hint, wrong, type: "search", maxLength: 128 }}
      {...(suggestions ? { suggestions } : {})}
      {...(isFilter ? { isFilter } : {})}
      {...(mode ? { mode } : {})}
      {...(placeholder ? { placeholder } : {})}
    />
  );
}
