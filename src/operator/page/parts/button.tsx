/** Buttons act; what leads somewhere is a link. */
import type { ComponentChildren } from "preact";

type Props = {
  readonly children: ComponentChildren;
  /** `primary`: the one that a screen is for. `danger`: cannot be taken back. */
  readonly kind?: "plain" | "primary" | "danger";
  readonly type?: "button" | "submit";
  readonly onPress?: () => void;
  readonly isBusy?: boolean;
  readonly isDisabled?: boolean;
  /** Where the text alone does not say what it acts on. */
  readonly label?: string;
  /** Of a switch. */
  readonly isPressed?: boolean;
};

/** A button; while busy it stays where it is and does nothing. */
export function Button(props: Props) {
  const {
    children,
    kind = "plain",
    type = "button",
    onPress,
    isBusy = false,
    isDisabled,
    label,
    isPressed,
  } = props;
  return (
    <button
      type={type}
      class={kind === "plain" ? "button" : `button button-${kind}`}
      disabled={isDisabled}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      aria-label={label}
      aria-pressed={isPressed}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onPress?.();
      }}
    >
      {children}
    </button>
  );
}
