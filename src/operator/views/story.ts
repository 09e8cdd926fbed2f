/** The whole life of one task, told again from its journal entries. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Entry } from "../../journal/journal.ts";
import type { FactNamed } from "../../protocol/facts.ts";
import { priceOf } from "../../protocol/fuel.ts";
import type { Story } from "../api/task.ts";
import { BidStory, LEFT_WORDS } from "./bid-story.ts";
import type { Presenter } from "./present.ts";
import type { Library } from "./reader.ts";
import { isOwnBusiness, storyEntryOf } from "./story-entry.ts";
import { MoneyStory } from "./story-money.ts";
import { type Subject, subjectOf } from "./subject.ts";
import { verdictSentence } from "./verdict-story.ts";

/** @throws {@link Fault} `not_found`; `journal_broken` when an entry of it does not hold */
export function storyOf(library: Library, presenter: Presenter, hash: Hex): Story {
  const subject = subjectOf(library, presenter, hash);
  if (!subject) throw new Fault("not_found", `there is no task ${hash}`);
  const entries = subject.entries.flatMap((index) => library.journal.entry(index) ?? []);
  const teller = new Teller(library, presenter, subject);
  for (const entry of entries) teller.take(entry);
  return teller.story(entries);
}

class Teller {
  readonly #library: Library;
  readonly #presenter: Presenter;
  readonly #subject: Subject;
  readonly #money: MoneyStory;
  #offer: Story["offer"] | null = null;
  #bids: BidStory | null = null;
  readonly #awards: Story["awards"] = [];
  readonly #runs: Story["runs"] = [];
  readonly #checks: Story["checks"] = [];
  #checked: FactNamed<"checked">[] = [];
  #verdict: Story["verdict"] = null;

  constructor(library: Library, presenter: Presenter, subject: Subject) {
    this.#library = library;
    this.#presenter = presenter;
    this.#subject = subject;
    this.#money = new MoneyStory(library, presenter, subject);
  }

  take(entry: Entry): void {
    for (const fact of entry.facts) {
      if ("task" in fact && fact.task === this.#subject.hash) this.#fact(entry, fact);
    }
    this.#money.take(entry);
  }

  story(entries: readonly Entry[]): Story {
    const { hash, state, requester, provider } = this.#subject;
    if (!this.#offer) throw new Fault("not_found", `the offer of task ${hash} is not in this journal`);
    const presenter = this.#presenter;
    const gateway = this.#library.fold.home?.gateway ?? null;
    const { vouchers, transactions, bill, others } = this.#money.told();
    const known = new Set(entries.map(({ index }) => index));
    const later = others.filter((index) => !known.has(index));
    const all = [...entries, ...later.flatMap((index) => this.#library.journal.entry(index) ?? [])];
    const party = presenter.party(requester) ?? { address: `0x${"0".repeat(40)}`, name: null };
    // whoever only worked on it sees its own part
    const isAll = presenter.isOwn(requester);
    const isSeen = (one: { provider: { address: string } | null }) =>
      isAll || one.provider === null || presenter.isOwnAddress(one.provider.address as Hex);
    return {
      task: hash,
      state,
      requester: party,
      provider: presenter.party(provider),
      offer: this.#offer,
      bids: this.#bidsTold(),
      awards: this.#awards.filter(isSeen),
      runs: this.#runs.filter(isSeen),
      checks: this.#checks.filter(isSeen),
      verdict: this.#verdict,
      bill: isAll ? bill : null,
      vouchers,
      transactions,
      entries: all
        .sort((a, b) => a.index - b.index)
        .map((entry) => storyEntryOf(entry, isOwnBusiness(presenter, gateway, entry))),
    };
  }

  #bidsTold(): Story["bids"] {
    const presenter = this.#presenter;
    return (this.#bids?.bids ?? [])
      .filter(({ fact }) => presenter.isOwnAddress(fact.provider))
      .map(({ fact, index, at, won, why }) => {
        const { provider, rate, signature } = fact;
        const price = presenter.money(priceOf(rate, this.#offer?.fuelLimit ?? 0));
        const terms = { rate: presenter.money(rate), price };
        return { index, at, signature, provider: presenter.partyAt(provider), ...terms, won, why };
      });
  }

  #fact(entry: Entry, fact: Extract<Entry["facts"][number], { task: Hex }>): void {
    const { index, at } = entry;
    switch (fact.kind) {
      case "offered":
        this.#bids = new BidStory(fact);
        this.#offer = this.#offerOf(entry, fact);
        break;
      case "bidPlaced":
        this.#bids?.placed(fact, index, at);
        break;
      case "awarded":
        this.#bids?.awarded(fact, at, this.#subject.keptOut.find(([one]) => one === index)?.[1] ?? []);
        if (fact.role === "run") this.#checked = [];
        this.#awards.push(this.#awardOf(entry, fact));
        break;
      case "accepted":
        this.#change(fact, { accepted: { index, at, signature: fact.signature } });
        break;
      case "started":
        this.#change(fact, { outcome: "running" });
        break;
      case "withdrawn":
        this.#bids?.withdrawn(fact);
        this.#change(fact, { outcome: LEFT_WORDS[fact.how] });
        break;
      case "delivered":
        this.#delivered(entry, fact);
        break;
      case "checked":
        this.#checkedBy(entry, fact);
        break;
      case "verified":
        this.#verdict = {
          ...{ index, at, verdict: fact.verdict, rechecked: fact.rechecked },
          how: verdictSentence(fact, this.#checked),
        };
        break;
      case "paid":
      case "ended":
        this.#bids?.ended();
        break;
      default:
    }
  }

  #offerOf({ index, at }: Entry, fact: FactNamed<"offered">): Story["offer"] {
    const money = (count: bigint) => this.#presenter.money(count);
    const { id, deadline, payment, profile, memoryMiB, fuelLimit, costs, firmwareBytes } = fact;
    const { input, inputBytes, signature, manifest, firmware } = fact;
    return {
      ...{ index, at, signature, id, deadline, payment, profile, memoryMiB, fuelLimit, costs },
      ...{ maxPrice: money(fact.maxPrice), checkBudget: money(fact.checkBudget), meter: String(fact.meter) },
      firmware: { hash: firmware, name: manifest?.name ?? null },
      ...{ firmwareBytes, author: manifest?.author ?? null, input, inputBytes },
    };
  }

  #awardOf({ index, at }: Entry, fact: FactNamed<"awarded">): Story["awards"][number] {
    const { role, award, acceptBy, runBy, signature } = fact;
    const provider = this.#presenter.partyAt(fact.provider);
    const rate = this.#presenter.money(fact.rate);
    const terms = { index, at, signature, role, provider, rate, award, acceptBy, runBy };
    return { ...terms, accepted: null, outcome: "waiting" };
  }

  /** Changes the newest award of this role to this provider. */
  #change(
    { role, provider }: { readonly role: string; readonly provider: Hex },
    change: Partial<Story["awards"][number]>,
  ): void {
    const award = this.#awards.findLast((one) => one.role === role && one.provider.address === provider);
    if (award) Object.assign(award, change);
  }

  #delivered({ index, at }: Entry, fact: FactNamed<"delivered">): void {
    const { role, verdict, output, outputBytes, fuel, signature } = fact;
    const provider = this.#presenter.partyAt(fact.provider);
    this.#runs.push({ index, at, signature, role, provider, verdict, output, outputBytes, fuel });
    this.#change(fact, { outcome: "delivered" });
  }

  #checkedBy({ index, at }: Entry, fact: FactNamed<"checked">): void {
    const { rung, verdict, output, fuel, passed, reason } = fact;
    const provider = fact.provider === null ? null : this.#presenter.partyAt(fact.provider);
    this.#checks.push({ index, at, rung, provider, verdict, output, fuel, passed, reason });
    this.#checked.push(fact);
  }
}
