/** An exact amount: decimal text as the gateway wrote it, never a number. */
import { useWords } from "../language.ts";
import { partWords } from "./part.words.ts";

type Props = {
  /** Null where it is not known yet. */
  readonly amount: string | null;
  readonly symbol?: string | undefined;
};

/** Decimals of native coins that are worth reading. */
const COIN_PLACES = 6;

/** Native coins, cut and not rounded; all eighteen decimals on hover. */
export function Coins({ amount, symbol }: Props) {
  const cut = amount === null ? null : amount.replace(new RegExp(`(\\.\\d{${COIN_PLACES}})\\d+$`), "$1");
  return (
    <span title={amount ?? undefined}>
      <Money amount={cut} symbol={symbol} />
    </span>
  );
}

/** All decimals in tabular digits, with the token's symbol on request. */
export function Money({ amount, symbol }: Props) {
  const say = useWords(partWords);
  if (amount === null) return <span class="muted">{say.unknown}</span>;
  return (
    <span class="money">
      {amount.replace("-", "−")}
      {symbol && <span class="money-symbol"> {symbol}</span>}
    </span>
  );
}
