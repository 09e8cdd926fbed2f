/** One movement of money with everything behind it. */
import { useMemo } from "preact/hooks";
import type { SettlementDetail } from "../../api/settlement.ts";
import type { StoryEntry } from "../../api/task.ts";
import { useAsk } from "../asked.ts";
import { useWords } from "../language.ts";
import type { PageProps } from "../page.ts";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { settlementsWords } from "./settlements.words.ts";
import { sectionsOfDetail } from "./story-sections.ts";
import { StoryView } from "./story-view.tsx";
import "./lists.css";

/** Records of the story and the row's own, which another owner's story does not have. */
function entriesOf({ story, entry }: SettlementDetail): readonly StoryEntry[] {
  const known = story?.entries ?? [];
  return known.some(({ index }) => index === entry.index) ? known : [...known, entry];
}

/** The page at `/settlements/:sequence`. */
export function SettlementPage({ params }: PageProps) {
  const { sequence = "" } = params;
  const say = useWords(settlementsWords);
  const number = /^[1-9]\d{0,14}$/.test(sequence) ? Number(sequence) : null;
  const { answer, problem, reload } = useAsk(
    number === null ? null : "GET /settlements/:sequence",
    number === null ? {} : { params: { sequence: number } },
    ["settlements"],
  );
  const shown = answer?.row.sequence === number ? answer : null;
  const sections = useMemo(() => (shown ? sectionsOfDetail(shown) : []), [shown]);
  const isGone = number === null || problem?.code === "not_found";
  return (
    <div class="settlement">
      <Heading title={say.detailTitle(sequence)} side={<a href="/settlements">{say.back}</a>} />
      {isGone && <Empty title={say.gone} />}
      {problem && !isGone && <Problem problem={problem} onRetry={reload} />}
      {shown && <StoryView sections={sections} entries={entriesOf(shown)} json={shown} />}
      {!shown && !problem && !isGone && <Loading />}
    </div>
  );
}
