/** One value of a story, as it is shown: short to read, whole to copy. */
import { bytes, count } from "../format.ts";
import { locale, useWords } from "../language.ts";
import { Address, Copy, Hash, short } from "../parts/code.tsx";
import { Money } from "../parts/money.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { Time } from "../parts/time.tsx";
import { coinsOf, trimmed } from "./decimal.ts";
import { marketWords } from "./market.words.ts";
import { toneOf } from "./market-state.ts";
import { useMarketWord } from "./market-word.tsx";
import { storyWords } from "./story.words.ts";
import type { Value } from "./story-values.ts";

/** Exact, in millions: `1.5 Mfuel`, as the command line says it. */
function fuelText(fuel: number): string {
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 6 }).format(fuel / 1e6)} Mfuel`;
}

/** Draws a value by its kind. */
export function StoryValue({ value }: { readonly value: Value }) {
  const say = useWords(storyWords);
  const word = useMarketWord();
  const { kinds } = useWords(marketWords);
  switch (value.as) {
    case "money":
      return <Money amount={value.amount} />;
    case "coins":
      return <Money amount={trimmed(value.amount)} symbol={say.native} />;
    case "wei":
      return <Money amount={coinsOf(value.count)} symbol={say.native} />;
    case "time":
      return <Time at={value.at} form="full" />;
    case "hash":
      return <Hash hex={value.hash} />;
    case "signature":
      return <Signature signature={value.signature} />;
    case "party":
      return <Address address={value.party.address} name={value.party.name} />;
    case "firmware":
      return value.firmware.name ?? <Hash hex={value.firmware.hash} />;
    case "count":
      return <span class="digits">{count(value.count)}</span>;
    case "bytes":
      return <span class="digits">{bytes(value.count)}</span>;
    case "fuel":
      return <span class="digits">{fuelText(value.fuel)}</span>;
    case "word":
      return toneOf(value.word) === "idle" ? (
        word(value.word)
      ) : (
        <StateMark tone={toneOf(value.word)} word={word(value.word)} />
      );
    case "name":
      return <>{word(value.word)}</>;
    case "kinds":
      return <>{value.kinds.map((kind) => kinds[kind] ?? kind).join(", ")}</>;
    case "ruling":
      return <>{say.ruling(value.how, value.verdict, value.checks, word)}</>;
    case "text":
      return <>{value.text}</>;
    case "entry":
      return <span class="digits">{count(value.index)}</span>;
    case "task":
      return <Hash hex={value.task} href={`/tasks/${value.task}`} />;
    case "confirmations":
      return <Confirmations count={value.count} of={value.of} />;
    case "link":
      return <Transaction hash={value.hash} url={value.url} />;
    case "none":
      return <span class="muted">{say.none}</span>;
  }
}

function Signature({ signature }: { readonly signature: string }) {
  const say = useWords(storyWords);
  return (
    <span class="hex">
      <code title={signature}>{short(signature)}</code>
      <Copy text={signature} what={`${say.labels.signature} ${short(signature)}`} />
    </span>
  );
}

type ConfirmationsProps = { readonly count: number | null; readonly of: number | null };

function Confirmations({ count: has, of }: ConfirmationsProps) {
  const say = useWords(storyWords);
  if (has === null) return <span class="muted">{say.none}</span>;
  return (
    <span class="digits">
      {count(has)}
      {of !== null && `/${count(of)}`}
    </span>
  );
}

type TransactionProps = { readonly hash: string; readonly url: string | null };

/** A transaction; the link to an explorer leaves the page, and only where one is configured. */
function Transaction({ hash, url }: TransactionProps) {
  const say = useWords(storyWords);
  return (
    <>
      <Hash hex={hash} />
      {url?.startsWith("https://") && (
        <a href={url} target="_blank" rel="noreferrer noopener">
          {say.explorer}
        </a>
      )}
    </>
  );
}
