/** Addresses and hashes: short to read, whole to copy. */
import { useEffect, useState } from "preact/hooks";
import { useWords } from "../language.ts";
import { CopyIcon } from "./icon.tsx";
import { partWords } from "./part.words.ts";

/** `0x5a3f…e1c2` */
export function short(hex: string): string {
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex;
}

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  // Without TLS a browser offers nothing but this.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

type CopyProps = { readonly text: string; readonly what: string; readonly label?: string };

/** A button that copies; with a label it is written out, else it is an icon. */
export function Copy({ text, what, label }: CopyProps) {
  const say = useWords(partWords);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const press = () => {
    copy(text)
      .then(() => setCopied(true))
      .catch(() => setCopied(false));
  };
  const name = isCopied ? say.copied : say.copy(what);
  return (
    <button
      type="button"
      class={label ? "button" : "copy"}
      aria-label={label ? undefined : name}
      title={name}
      onClick={press}
    >
      {label ? isCopied ? say.copied : label : <CopyIcon isDone={isCopied} />}
    </button>
  );
}

type HexProps = {
  readonly hex: string;
  /** A page about it. */
  readonly href?: string | undefined;
  /** All digits. */
  readonly isLong?: boolean;
};

function Hex({ hex, href, isLong, what }: HexProps & { readonly what: string }) {
  const text = isLong ? hex : short(hex);
  return (
    <span class="hex">
      {href ? (
        <a href={href} title={hex}>
          <code>{text}</code>
        </a>
      ) : (
        <code title={hex}>{text}</code>
      )}
      <Copy text={hex} what={`${what} ${short(hex)}`} />
    </span>
  );
}

/** 32 bytes: of an entry, a transaction, firmware. */
export function Hash(props: HexProps) {
  return <Hex {...props} what={useWords(partWords).hash} />;
}

type AddressProps = {
  readonly address: string;
  /** What it is called here. */
  readonly name?: string | null | undefined;
  readonly href?: string | undefined;
};

/** An account: its name where it has one, else its address; the address is copied either way. */
export function Address({ address, name, href }: AddressProps) {
  const say = useWords(partWords);
  if (!name) return <Hex hex={address} href={href} what={say.address} />;
  return (
    <span class="hex">
      {href ? (
        <a href={href} title={address}>
          {name}
        </a>
      ) : (
        <span title={address}>{name}</span>
      )}
      <Copy text={address} what={`${say.address} ${short(address)}`} />
    </span>
  );
}
