/** The two switches that let a gateway stand still. */
import { useState } from "preact/hooks";
import type { Overview } from "../../api/overview.ts";
import { ask, Problem as Told } from "../fetch.ts";
import { useWords } from "../language.ts";
import { changed } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { Problem } from "../parts/notice.tsx";
import { tell } from "../parts/toast.tsx";
import { homeWords } from "./home.words.ts";

const ROUTE = { halt: "POST /halt", stopPaying: "POST /stop-paying" } as const;

/** What can be stopped in this state; what is stopped is resumed where it is told, in what needs somebody. */
export function StandStill({ state }: { readonly state: Overview["state"] }) {
  const say = useWords(homeWords);
  const [open, setOpen] = useState<keyof typeof ROUTE | null>(null);
  if (state === "stopped") return null;
  return (
    <Card title={say.pause} class="stand-still">
      <p class="muted">
        {say.pauseWhat} {state === "working" && say.haltWhat} {say.stopPayingWhat}
      </p>
      <p class="row">
        {state === "working" && <Button onPress={() => setOpen("halt")}>{say.halt}</Button>}
        <Button kind="danger" onPress={() => setOpen("stopPaying")}>
          {say.stopPaying}
        </Button>
      </p>
      {open && <Question name={open} onClose={() => setOpen(null)} />}
    </Card>
  );
}

function Question({ name, onClose }: { readonly name: keyof typeof ROUTE; readonly onClose: () => void }) {
  const say = useWords(homeWords);
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Told | null>(null);
  const act = () => {
    setBusy(true);
    ask(ROUTE[name], { input: reason.trim() === "" ? {} : { reason: reason.trim() } })
      .then(() => {
        tell(say.done);
        changed(["alerts"]);
        onClose();
      })
      .catch((failed: unknown) => {
        setBusy(false);
        if (failed instanceof Told) setProblem(failed);
      });
  };
  return (
    <Dialog
      title={say[name]}
      onClose={onClose}
      actions={
        <Button kind="danger" isBusy={isBusy} onPress={act}>
          {say[name]}
        </Button>
      }
    >
      <p>{say[`${name}What`]}</p>
      <Field label={say.reason} value={reason} onChange={setReason} hint={say.reasonHint} maxLength={200} />
      {problem && <Problem problem={problem} />}
    </Dialog>
  );
}
