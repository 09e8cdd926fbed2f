/** Checks records of the journal in this browser, with the project's own kernels: the gateway is not believed. */
import { useRef, useState } from "preact/hooks";
import type { StoryEntry } from "../../api/task.ts";
import type { CheckResult } from "../check/check.ts";
import { ask, Problem } from "../fetch.ts";
import { useWords } from "../language.ts";
import { overview } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { CheckResultView, type Names } from "./check-result.tsx";
import { storyWords } from "./story.words.ts";

type Market = NonNullable<Parameters<typeof import("../check/check.ts").checkEntries>[1]>;

async function kernel(variant: "base" | "relaxed"): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`/kernels/${variant}.wasm`);
  if (!response.ok) throw new Problem(response.status, { title: `/kernels/${variant}.wasm` });
  return new Uint8Array(await response.arrayBuffer());
}

/** What signatures are made for: this gateway, on this chain. */
async function market(): Promise<Market | null> {
  const seen = overview.value ?? (await ask("GET /overview").catch(() => null));
  if (!seen) return null;
  const { gateway, vault, chain, token } = seen;
  return { gateway, vault, chainId: chain.id, token: token.address } as Market;
}

/**
 * Checks all entries, as one is proved by others: an award by its offer, a hash by the entry after it. What is given is
 * of those in `only`.
 */
async function check(entries: readonly StoryEntry[], only: readonly number[] | null): Promise<CheckResult> {
  const [{ checkEntries }, where] = await Promise.all([import("../check/check.ts"), market()]);
  const all = await checkEntries(entries, where, kernel);
  if (!only) return all;
  const own = all.entries.filter(({ index }) => only.includes(index));
  const signatures = all.signatures.filter(({ entry }) => only.includes(entry));
  const holds = own.every((entry) => entry.holds) && signatures.every(({ state }) => state !== "wrong");
  return { holds, entries: own, signatures };
}

export type Checking = {
  readonly state: "idle" | "busy" | "done" | "failed";
  readonly result: CheckResult | null;
  readonly why: string;
  readonly start: (entries: readonly StoryEntry[], only: readonly number[] | null) => void;
};

/** A check that can be started; one that is started again puts the one before it out. */
export function useCheck(): Checking {
  const [state, setState] = useState<Omit<Checking, "start">>({ state: "idle", result: null, why: "" });
  const turn = useRef(0);
  const start: Checking["start"] = (entries, only) => {
    const mine = ++turn.current;
    setState({ state: "busy", result: null, why: "" });
    check(entries, only).then(
      (result) => {
        if (turn.current === mine) setState({ state: "done", result, why: "" });
      },
      (reason: unknown) => {
        const why = reason instanceof Error ? reason.message : String(reason);
        if (turn.current === mine) setState({ state: "failed", result: null, why });
      },
    );
  };
  return { ...state, start };
}

type ButtonProps = {
  readonly checking: Checking;
  /** Of the whole story. */
  readonly entries: readonly StoryEntry[];
  /** Whose result is shown; all without. */
  readonly only?: readonly number[];
  readonly text: string;
  /** Of which part, for who cannot see where the button stands. */
  readonly label?: string;
};

/** The button that starts a check. */
export function CheckButton({ checking, entries, only, text, label }: ButtonProps) {
  return (
    <Button
      onPress={() => checking.start(entries, only ?? null)}
      isBusy={checking.state === "busy"}
      {...(label ? { label } : {})}
    >
      {text}
    </Button>
  );
}

/** What a check has found, or that it goes on. */
export function CheckOutcome({ checking, names }: { readonly checking: Checking; readonly names: Names }) {
  const say = useWords(storyWords);
  return (
    <div role="status">
      {checking.state === "busy" && <p class="muted">{say.checking}</p>}
      {checking.state === "failed" && (
        <p class="check-failed">
          ▲ {say.checkFailed}
          {checking.why}
        </p>
      )}
      {checking.result && <CheckResultView result={checking.result} names={names} />}
    </div>
  );
}
