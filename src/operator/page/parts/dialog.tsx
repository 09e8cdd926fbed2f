/** A question that has to be answered before anything else: the browser's own modal dialog. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useWords } from "../language.ts";
import { Button } from "./button.tsx";
import { partWords } from "./part.words.ts";

type Props = {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons at the foot, after Cancel. */
  readonly actions?: ComponentChildren;
  /** What the button that closes says; "Cancel" without. */
  readonly closeText?: string;
  readonly isWide?: boolean;
};

/** Shown while it is drawn. Esc closes; focus goes in, stays in, and returns to where it was. */
export function Dialog({ title, onClose, children, actions, closeText, isWide }: Props) {
  const say = useWords(partWords);
  const frame = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    frame.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={frame}
      class={isWide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">
        <Button onPress={onClose}>{closeText ?? say.cancel}</Button>
        {actions}
      </div>
    </dialog>
  );
}
