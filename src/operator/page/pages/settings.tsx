/** The settings that are in force, and where each came from. They are read here, and written in the file. */
import type { Setting } from "../../api/settings.ts";
import { useAsk } from "../asked.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Copy } from "../parts/code.tsx";
import { ChoiceField, Field } from "../parts/field.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { useQuery } from "../router.ts";
import { settingsWords } from "./settings.words.ts";
import "./settings.css";

const ORIGINS = ["file", "environment", "option", "default"] as const;

/** Read-only. */
export function SettingsPage() {
  const say = useWords(settingsWords);
  const [query, change] = useQuery();
  const { answer, problem, reload } = useAsk("GET /settings", {}, ["settings"]);
  const text = query.get("text") ?? "";
  const origin = query.get("origin") ?? "";
  const all = answer?.settings ?? [];
  const rows = all.filter((setting) => fits(setting, text, origin));
  const check = `hirewire config check${answer?.file ? ` ${answer.file}` : ""}`;
  return (
    <>
      <Heading title={say.title} />
      <div class="filters">
        <Field
          label={say.filter}
          type="search"
          value={text}
          onChange={(next) => change({ text: next })}
          placeholder={say.filterHint}
          isFilter
        />
        <ChoiceField
          label={say.origin}
          value={origin}
          onChange={(next) => change({ origin: next })}
          choices={[
            { value: "", text: say.any },
            ...ORIGINS.map((one) => ({ value: one, text: say.origins[one] })),
          ]}
        />
      </div>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!answer && !problem && <Loading />}
      {answer && (
        <div class="stack">
          <div class="card">
            <Table
              caption={`${say.caption(count(rows.length), count(all.length))} · ${say.file} ${answer.file}`}
              columns={columnsOf(say)}
              rows={rows}
              keyOf={({ key }) => key}
              empty={
                <Empty title={say.none}>
                  <a class="link-button" href="/settings">
                    {say.clear}
                  </a>
                </Empty>
              }
            />
          </div>
          <p class="muted">
            {say.what} {say.check} <code>{check}</code> <Copy text={check} what={say.command} />
          </p>
        </div>
      )}
    </>
  );
}

function columnsOf(say: (typeof settingsWords)["en"]): readonly Column<Setting>[] {
  return [
    { key: "key", head: say.key, isTitle: true, cell: ({ key }) => <code>{key}</code> },
    { key: "value", head: say.value, cell: ({ value }) => <code class="value">{value}</code> },
    {
      key: "origin",
      head: say.origin,
      cell: ({ origin, line }) => (
        <span class={origin === "default" ? "muted" : undefined}>
          {say.origins[origin]}
          {line !== null && `, ${say.line(count(line))}`}
        </span>
      ),
    },
    { key: "about", head: say.about, cell: ({ about }) => about },
  ];
}

function fits({ key, value, about, origin }: Setting, text: string, from: string): boolean {
  const wanted = text.trim().toLowerCase();
  return (
    (from === "" || origin === from) && [key, value, about].some((one) => one.toLowerCase().includes(wanted))
  );
}
