/** What needs somebody: what, since when, what it costs, and the button that mends it. */
import { useState } from "preact/hooks";
import type { AlertRow } from "../../api/alert.ts";
import { ask, Problem as Told } from "../fetch.ts";
import { useWords } from "../language.ts";
import { changed } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { Time } from "../parts/time.tsx";
import { tell } from "../parts/toast.tsx";
import { withQuery } from "../router.ts";
import { useRights } from "../session.ts";
import { alertWords, remedyWords, type Sentences } from "./alert.words.ts";

/** An alert in the viewer's language; in the gateway's English where the page does not know its rule. */
export function sentencesOf(alert: AlertRow, say: (typeof alertWords)["en"]): Sentences {
  const { what, costs, mend } = alert;
  return say[alert.rule]?.(alert.facts) ?? { what, costs, mend };
}

/** Alerts, the gravest first. */
export function AlertList({ alerts }: { readonly alerts: readonly AlertRow[] }) {
  const say = useWords(remedyWords);
  const sentences = useWords(alertWords);
  return (
    <ul class="alerts">
      {alerts.map((alert) => {
        const { what, costs, mend } = sentencesOf(alert, sentences);
        const isUrgent = alert.severity === "page";
        return (
          <li key={alert.id} class={`alert alert-${alert.severity}`}>
            <div class="alert-what">
              <StateMark tone={isUrgent ? "bad" : "warn"} word={isUrgent ? say.urgent : say.warning} />
              <p>
                <strong>{what}</strong>{" "}
                <span class="muted">
                  {say.since} <Time at={alert.since} /> (<Time at={alert.since} form="ago" isQuiet />)
                </span>
              </p>
            </div>
            <p class="alert-costs">
              {costs} <span class="muted">{mend}</span>
            </p>
            <div class="alert-remedy">
              <Remedy alert={alert} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}

/** Where a remedy leads; null for one that is done on the spot. */
function hrefOf({ kind, name, subject }: NonNullable<AlertRow["remedy"]>): string | null {
  if (kind === "action" && name === "settle") return withQuery("/lanes", { do: "settle", lane: subject });
  if (kind === "action" && name === "verify") return "/settlements?do=verify";
  if (kind === "action") return null;
  const pages: Readonly<Record<string, string>> = {
    device: `/devices/${encodeURIComponent(subject ?? "")}`,
    lanes: "/lanes",
    log: "/settlements",
    logs: "/logs?level=warn",
    settings: "/settings",
    alerts: "/alerts",
  };
  return pages[name] ?? null;
}

const KEEPERS = ["settle", "resume", "resumePaying"];

function Remedy({ alert }: { readonly alert: AlertRow }) {
  const say = useWords(remedyWords);
  const { isKeeper } = useRights();
  const { remedy } = alert;
  if (!remedy || (KEEPERS.includes(remedy.name) && !isKeeper)) return null;
  const href = hrefOf(remedy);
  const text = textOf(remedy.name, say);
  if (href) {
    return (
      <a class="link-button" href={href}>
        {text}
      </a>
    );
  }
  if (remedy.name !== "resume" && remedy.name !== "resumePaying") return null;
  return <Resume name={remedy.name} />;
}

function textOf(name: string, say: (typeof remedyWords)["en"]): string {
  const texts: Readonly<Record<string, string>> = say;
  return texts[name] ?? name;
}

const ROUTE = { resume: "POST /resume", resumePaying: "POST /resume-paying" } as const;

/** Asked back first: money moves again. */
function Resume({ name }: { readonly name: keyof typeof ROUTE }) {
  const say = useWords(remedyWords);
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Told | null>(null);
  const act = () => {
    setBusy(true);
    ask(ROUTE[name])
      .then(() => {
        setOpen(false);
        tell(say.done);
        changed(["alerts"]);
      })
      .catch((reason: unknown) => {
        if (reason instanceof Told) setProblem(reason);
      })
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button onPress={() => setOpen(true)}>{say[name]}</Button>
      {isOpen && (
        <Dialog
          title={say[name]}
          onClose={() => setOpen(false)}
          actions={
            <Button kind="primary" isBusy={isBusy} onPress={act}>
              {say[name]}
            </Button>
          }
        >
          <p>{say[`${name}What`]}</p>
          {problem && <Problem problem={problem} />}
        </Dialog>
      )}
    </>
  );
}
