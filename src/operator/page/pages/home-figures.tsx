/** The four figures: earned, spent, not yet settled, and the wallet. Each leads to the list behind it. */
import type { ComponentChildren } from "preact";
import type { Overview } from "../../api/overview.ts";
import { ago, count, percent } from "../format.ts";
import { useWords } from "../language.ts";
import { useNow } from "../now.ts";
import { Coins, Money } from "../parts/money.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import type { Period } from "../period.ts";
import { withQuery } from "../router.ts";
import { homeWords } from "./home.words.ts";

type Props = { readonly screen: Overview; readonly period: Period };

/** So many entries behind the journal, and the sums are not yet what they will be. */
const BEHIND = 500;

/** Why the sums are not what they will be; nothing while they are. */
export function LogState({ log }: Pick<Overview, "log">) {
  const say = useWords(homeWords);
  if (log !== null && log.of - log.entries <= BEHIND) return null;
  return (
    <p class="notice" role="status">
      ▲ {log === null ? say.noLog : say.reading(count(log.entries), count(log.of))}
    </p>
  );
}

/** A row of four, two on narrow screens. */
export function Figures({ screen, period }: Props) {
  return (
    <div class="figures">
      <Earned screen={screen} period={period} />
      <Spent screen={screen} period={period} />
      <Unsettled screen={screen} />
      {screen.wallet ? (
        <Wallet wallet={screen.wallet} symbol={screen.token.symbol} />
      ) : (
        <Funds screen={screen} />
      )}
    </div>
  );
}

type FigureProps = {
  readonly title: string;
  readonly amount: string | null;
  readonly symbol: string;
  readonly href: string;
  readonly children: ComponentChildren;
};

function Figure({ title, amount, symbol, href, children }: FigureProps) {
  return (
    <section class="figure card">
      <h2>{title}</h2>
      <p class="figure-amount">
        <a href={href}>
          <Money amount={amount} symbol={symbol} />
        </a>
      </p>
      <div class="figure-side">{children}</div>
    </section>
  );
}

function log(period: Period, kind: string): string {
  return withQuery("/settlements", { kind, period });
}

function Earned({ screen, period }: Props) {
  const say = useWords(homeWords);
  const { amount, before, tasks } = screen.earned;
  const share =
    before !== null && amount !== null && Number(before) > 0 ? Number(amount) / Number(before) - 1 : null;
  return (
    <Figure
      title={say.earned[period]}
      amount={amount}
      symbol={screen.token.symbol}
      href={log(period, "earned")}
    >
      <p>
        {tasks !== null && <a href={log(period, "earned")}>{say.tasks(count(tasks))}</a>}
        {share !== null && <> · {say.before[period](percent(share, true))}</>}
      </p>
      {screen.fees !== null && (
        <p>
          {say.fees}{" "}
          <a href={log(period, "fee")}>
            <Money amount={screen.fees} />
          </a>
        </p>
      )}
    </Figure>
  );
}

function Spent({ screen, period }: Props) {
  const say = useWords(homeWords);
  const { amount, cap, tasks } = screen.spent;
  return (
    <Figure
      title={say.spent[period]}
      amount={amount}
      symbol={screen.token.symbol}
      href={log(period, "spent")}
    >
      <p>{tasks !== null && <a href={log(period, "spent")}>{say.tasks(count(tasks))}</a>}</p>
      <p>
        {cap === null ? (
          say.noCap
        ) : (
          <>
            {say.cap}{" "}
            <a href="/devices">
              <Money amount={cap} />
            </a>
          </>
        )}
      </p>
    </Figure>
  );
}

function Unsettled({ screen }: { readonly screen: Overview }) {
  const say = useWords(homeWords);
  const now = useNow(10_000);
  const { incoming, outgoing, lanes, nextAt } = screen.unsettled;
  return (
    <Figure
      title={say.unsettled}
      amount={incoming}
      symbol={screen.token.symbol}
      href="/settlements?status=pending"
    >
      <p>
        <a href="/lanes">{say.onLanes(count(lanes))}</a> ·{" "}
        {nextAt === null ? (
          say.nothingWaits
        ) : (
          <a href="/lanes?direction=incoming">{say.next(ago(Math.max(nextAt, now), now))}</a>
        )}
      </p>
      <p>
        {say.outgoing}{" "}
        <a href="/lanes?direction=outgoing">
          <Money amount={outgoing} />
        </a>
      </p>
    </Figure>
  );
}

type WalletProps = { readonly wallet: NonNullable<Overview["wallet"]>; readonly symbol: string };

function Wallet({ wallet, symbol }: WalletProps) {
  const say = useWords(homeWords);
  const { vault, lanes, gas, gasSymbol, settlementsLeft, isEnough } = wallet;
  return (
    <Figure title={say.wallet} amount={vault} symbol={symbol} href="/settlements?kind=settled">
      <p>
        {say.onLanesToo}{" "}
        <a href="/lanes?direction=outgoing">
          <Money amount={lanes} />
        </a>
      </p>
      <p>
        {say.gas}{" "}
        <a href="/settlements?kind=gas">
          <Coins amount={gas} symbol={gasSymbol} />
        </a>
      </p>
      {isEnough !== null && (
        <p>
          <StateMark tone={isEnough ? "good" : "bad"} word={isEnough ? say.enough : say.low} />{" "}
          {settlementsLeft !== null && say.settlementsLeft(count(settlementsLeft))}
        </p>
      )}
    </Figure>
  );
}

/** One owner's devices have no wallet of the gateway's. */
function Funds({ screen }: { readonly screen: Overview }) {
  const say = useWords(homeWords);
  const { deposited, credit, held, owed } = screen.funds;
  const rest = [
    [say.credit, credit],
    [say.held, held],
    [say.owed, owed],
  ] as const;
  return (
    <Figure
      title={say.funds}
      amount={deposited}
      symbol={screen.token.symbol}
      href="/lanes?direction=incoming"
    >
      {rest.map(([name, amount]) => (
        <p key={name}>
          {name}{" "}
          <a href="/devices">
            <Money amount={amount} />
          </a>
        </p>
      ))}
    </Figure>
  );
}
