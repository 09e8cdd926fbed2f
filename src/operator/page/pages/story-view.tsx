/** The sections of a story: each with its values, a copy of its JSON, and a check of its records in the browser. */
import type { StoryEntry } from "../../api/task.ts";
import { useWords } from "../language.ts";
import { Card } from "../parts/card.tsx";
import { Copy } from "../parts/code.tsx";
import { Pairs } from "../parts/pairs.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { CheckButton, CheckOutcome, useCheck } from "./check-here.tsx";
import type { Names } from "./check-result.tsx";
import { storyWords } from "./story.words.ts";
import type { Section, Table as Told } from "./story-sections.ts";
import { StoryValue } from "./story-value.tsx";
import type { Value } from "./story-values.ts";

type Props = {
  readonly sections: readonly Section[];
  /** Every record that the sections are told from. */
  readonly entries: readonly StoryEntry[];
  /** What "copy as JSON" of the whole copies. */
  readonly json: unknown;
};

/** A story as cards, one below the other. */
export function StoryView({ sections, entries, json }: Props) {
  const say = useWords(storyWords);
  const checking = useCheck();
  const names = namesIn(sections);
  return (
    <div class="story">
      <div class="story-all">
        <CheckButton checking={checking} entries={entries} text={say.checkAll} />
        <Copy text={jsonOf(json)} what={say.copyJson} label={say.copyAll} />
      </div>
      <CheckOutcome checking={checking} names={names} />
      {sections.map((section) => (
        <SectionCard key={section.name} section={section} entries={entries} names={names} />
      ))}
    </div>
  );
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** What accounts are called anywhere in the story. */
function namesIn(sections: readonly Section[]): Names {
  const values = sections.flatMap(({ lines, tables }) => [
    ...lines.map(({ value }) => value),
    ...tables.flatMap(({ rows }) => rows.flatMap(({ cells }) => cells)),
  ]);
  const parties = values.flatMap((value) => (value.as === "party" ? [value.party] : []));
  return new Map(parties.flatMap(({ address, name }) => (name ? [[address, name] as const] : [])));
}

type SectionProps = {
  readonly section: Section;
  readonly entries: readonly StoryEntry[];
  readonly names: Names;
};

function SectionCard({ section, entries, names }: SectionProps) {
  const say = useWords(storyWords);
  const checking = useCheck();
  const title = say.sections[section.name];
  const canCheck = entries.some(({ index }) => section.entries.includes(index));
  return (
    <Card
      title={title}
      class={`story-${section.name}`}
      side={
        <>
          {canCheck && (
            <CheckButton
              checking={checking}
              entries={entries}
              only={section.entries}
              text={say.check}
              label={`${say.check}: ${title}`}
            />
          )}
          <Copy text={jsonOf(section.json)} what={`${title}: JSON`} label={say.copyJson} />
        </>
      }
    >
      {section.lines.length > 0 && (
        <Pairs
          pairs={section.lines.map(({ label, value }) => ({
            name: say.labels[label],
            value: <StoryValue value={value} />,
          }))}
        />
      )}
      {section.tables.map((table, at) => (
        <StoryTable key={at} caption={title} table={table} />
      ))}
      <CheckOutcome checking={checking} names={names} />
    </Card>
  );
}

const ENDS: readonly Value["as"][] = ["money", "coins", "wei", "count", "bytes", "fuel"];

function StoryTable({ caption, table }: { readonly caption: string; readonly table: Told }) {
  const say = useWords(storyWords);
  type Row = { readonly cells: readonly Value[]; readonly strong: boolean; readonly at: number };
  const rows: readonly Row[] = table.rows.map((row, at) => ({ ...row, at }));
  const columns = table.columns.map((label, at): Column<Row> => {
    const isEnd = rows.every(({ cells }) => ENDS.includes(cells[at]?.as ?? "none"));
    return {
      key: `${label}-${at}`,
      head: say.labels[label],
      cell: ({ cells, strong }) => {
        const shown = <StoryValue value={cells[at] ?? { as: "none" }} />;
        return strong ? <strong>{shown}</strong> : shown;
      },
      isTitle: at === 0,
      ...(isEnd ? { align: "end" as const } : {}),
    };
  });
  return <Table caption={caption} isCaptionHidden columns={columns} rows={rows} keyOf={({ at }) => at} />;
}
