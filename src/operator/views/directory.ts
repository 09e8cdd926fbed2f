/** Who is who: accounts and firmware by small numbers, with their names, and which of them an owner sees. */
import type { Hex } from "../../base/bytes.ts";
import type { Store } from "./store.ts";

export type Party = {
  readonly address: Hex;
  name: string | null;
  owner: Hex | null;
  /** It was enrolled; else it is the gateway, or was only met. */
  isDevice: boolean;
};

export type Named = { readonly hash: Hex; name: string | null };

/** A viewer's owner; null sees the whole gateway. */
export type Owner = Hex | null;

export class Directory {
  readonly #store: Store;
  /** By number, from 1 on. */
  readonly parties: Party[] = [];
  readonly firmware: Named[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #pairs = new Set<string>();
  /** Whose devices are which, until somebody is enrolled. */
  readonly #owned = new Map<string, Uint8Array>();
  /** Changes with every name and owner. */
  version: number = 0;

  constructor(store: Store) {
    this.#store = store;
    for (const row of store.all("SELECT id, address, name, owner, isDevice FROM party ORDER BY id")) {
      const address = String(row["address"]) as Hex;
      const owner = row["owner"] === null ? null : (String(row["owner"]) as Hex);
      this.parties.push({ address, name: textOf(row["name"]), owner, isDevice: row["isDevice"] === 1 });
      this.#numbers.set(address, this.parties.length);
    }
    for (const row of store.all("SELECT id, hash, name FROM firmware ORDER BY id")) {
      const hash = String(row["hash"]) as Hex;
      this.firmware.push({ hash, name: textOf(row["name"]) });
      this.#numbers.set(hash, this.firmware.length);
    }
    for (const row of store.all("SELECT device, counterparty FROM pair")) {
      this.#pairs.add(`p ${row["device"]} ${row["counterparty"]}`);
    }
    for (const row of store.all("SELECT device, firmware FROM used")) {
      this.#pairs.add(`f ${row["device"]} ${row["firmware"]}`);
    }
  }

  /** The number of an account, which it gets when it is first met. */
  party(address: Hex): number {
    const known = this.#numbers.get(address);
    if (known !== undefined) return known;
    const number = this.parties.push({ address, name: null, owner: null, isDevice: false });
    this.#numbers.set(address, number);
    this.#write(number);
    return number;
  }

  /** The number of an account that may never have been met. */
  find(key: string): number | null {
    return this.#numbers.get(key) ?? null;
  }

  named(address: Hex, name: string, owner: Hex | null, isDevice: boolean): void {
    const number = this.party(address);
    const party = this.parties[number - 1];
    if (!party) return;
    Object.assign(party, { name, owner, isDevice: party.isDevice || isDevice });
    this.#write(number);
  }

  firmwareNumber(hash: Hex, name: string | null): number {
    let number = this.#numbers.get(hash);
    if (number === undefined) {
      number = this.firmware.push({ hash, name: null });
      this.#numbers.set(hash, number);
      this.#store.run("INSERT INTO firmware (id, hash, name) VALUES (?, ?, NULL)", number, hash);
    }
    const known = this.firmware[number - 1];
    if (known && name !== null && known.name !== name) {
      known.name = name;
      this.version += 1;
      this.#store.run("UPDATE firmware SET name = ? WHERE id = ?", name, number);
    }
    return number;
  }

  /** Remembers who has dealt with whom, and with what. */
  met(device: number, counterparty: number, firmware: number): void {
    if (device === 0) return;
    if (counterparty > 0) {
      this.#once(`p ${device} ${counterparty}`, "INSERT INTO pair VALUES (?, ?)", device, counterparty);
    }
    if (firmware > 0)
      this.#once(`f ${device} ${firmware}`, "INSERT INTO used VALUES (?, ?)", device, firmware);
  }

  /** Pairs of numbers that {@link met} has seen: devices with counterparties, or with firmware. */
  *pairs(sort: "p" | "f"): Iterable<readonly [number, number]> {
    for (const pair of this.#pairs) {
      const [kind, device, other] = pair.split(" ");
      if (kind === sort) yield [Number(device), Number(other)];
    }
  }

  /** By number, 1 for each device of an owner's; null for whoever sees all. */
  scope(owner: Owner): Uint8Array | null {
    if (owner === null) return null;
    const known = this.#owned.get(owner);
    if (known && known.length > this.parties.length) return known;
    const owned = new Uint8Array(this.parties.length + 1);
    for (const [at, party] of this.parties.entries()) if (party.owner === owner) owned[at + 1] = 1;
    this.#owned.set(owner, owned);
    return owned;
  }

  #once(key: string, sql: string, device: number, other: number): void {
    if (this.#pairs.has(key)) return;
    this.#pairs.add(key);
    this.#store.run(sql, device, other);
  }

  #write(number: number): void {
    const party = this.parties[number - 1];
    if (!party) return;
    this.version += 1;
    this.#owned.clear();
    const { address, name, owner, isDevice } = party;
    const words = "INSERT OR REPLACE INTO party (id, address, name, owner, isDevice) VALUES (?, ?, ?, ?, ?)";
    this.#store.run(words, number, address, name, owner, isDevice ? 1 : 0);
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
