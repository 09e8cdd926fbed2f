/** What a check in the browser has found: each hash and each signature, and whether it holds. */

import type { CheckedEntry, CheckedSignature, CheckResult } from "../check/check.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Address, Hash } from "../parts/code.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { storyWords } from "./story.words.ts";

/** Names of accounts as the story has them. */
export type Names = ReadonlyMap<string, string>;

type Props = { readonly result: CheckResult; readonly names: Names };

/** The result in one line, then everything that was checked. */
export function CheckResultView({ result, names }: Props) {
  const say = useWords(storyWords);
  const hidden = result.entries.filter(isHidden).length;
  const unchecked = hidden + result.signatures.filter(({ state }) => state === "unchecked").length;
  const isBroken = !result.holds;
  const wrong = {
    hashes: result.entries.filter(({ holds }) => !holds).length,
    signatures: result.signatures.filter(({ state }) => state === "wrong").length,
  };
  return (
    <div class={isBroken ? "check check-broken" : "check"}>
      <p class="check-title">
        <StateMark
          tone={isBroken ? "bad" : "good"}
          word={isBroken ? say.checkBroken(wrong.hashes, wrong.signatures) : say.checkHolds}
        />
        {!isBroken && unchecked > 0 && <span class="muted"> · {say.unchecked(count(unchecked))}</span>}
      </p>
      <Table
        caption={say.hashes}
        columns={useEntryColumns()}
        rows={result.entries}
        keyOf={({ index }) => index}
      />
      <Table
        caption={say.signatures}
        columns={useSignatureColumns(names)}
        rows={result.signatures.map((signature, at) => ({ signature, at }))}
        keyOf={({ at }) => at}
        empty={<p class="muted">{say.noSignatures}</p>}
      />
    </div>
  );
}

/** Whether its text is kept back: neither right nor wrong. */
function isHidden(entry: CheckedEntry): boolean {
  return entry.computed === null && entry.holds;
}

function useEntryColumns(): readonly Column<CheckedEntry>[] {
  const say = useWords(storyWords);
  return [
    { key: "entry", head: say.checkedEntry, cell: ({ index }) => count(index), isTitle: true },
    { key: "stored", head: say.storedHash, cell: ({ hash }) => <Hash hex={hash} /> },
    {
      key: "computed",
      head: say.computedHash,
      cell: ({ computed }) => (computed ? <Hash hex={computed} /> : <span class="muted">{say.none}</span>),
    },
    {
      key: "verdict",
      head: say.verdict,
      cell: (entry) =>
        isHidden(entry) ? (
          <StateMark tone="idle" word={say.checkHidden} />
        ) : (
          <>
            <StateMark tone={entry.holds ? "good" : "bad"} word={entry.holds ? say.holds : say.broken} />
            {entry.why && `: ${entry.why}`}
          </>
        ),
    },
  ];
}

type Numbered = { readonly signature: CheckedSignature; readonly at: number };

function useSignatureColumns(names: Names): readonly Column<Numbered>[] {
  const say = useWords(storyWords);
  const states = {
    holds: <StateMark tone="good" word={say.holds} />,
    wrong: <StateMark tone="bad" word={say.broken} />,
    unchecked: <StateMark tone="idle" word={say.notChecked} />,
  };
  const signed: Readonly<Record<string, string>> = say.signed;
  return [
    {
      key: "what",
      head: say.signedWhat,
      cell: ({ signature }) => signed[signature.what] ?? signature.what,
      isTitle: true,
    },
    {
      key: "signer",
      head: say.signer,
      cell: ({ signature: { by } }) =>
        by ? <Address address={by} name={names.get(by)} /> : <span class="muted">{say.none}</span>,
    },
    { key: "entry", head: say.checkedEntry, cell: ({ signature }) => count(signature.entry) },
    {
      key: "verdict",
      head: say.verdict,
      cell: ({ signature }) => (
        <>
          {states[signature.state]}
          {signature.why && `: ${signature.why}`}
        </>
      ),
    },
  ];
}
