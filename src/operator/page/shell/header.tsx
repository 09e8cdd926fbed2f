/** The head of every page: which gateway, is its journal intact, of which period, and where to go. */
import { useEffect, useState } from "preact/hooks";
import type { Overview } from "../../api/overview.ts";
import { useCell } from "../cell.ts";
import { ago, count } from "../format.ts";
import { useWords } from "../language.ts";
import { overview } from "../live.ts";
import { useNow } from "../now.ts";
import { PAGES } from "../pages.tsx";
import { MenuIcon, ThemeIcon } from "../parts/icon.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { PERIODS, period } from "../period.ts";
import { usePlace, useQuery } from "../router.ts";
import { useRights } from "../session.ts";
import { dress, THEMES, theme } from "../theme.ts";
import { PlayBand, StaleBand } from "./band.tsx";
import { LanguageSwitch } from "./language-switch.tsx";
import { pageAt } from "./outlet.tsx";
import { shellWords } from "./shell.words.ts";

/** Stays at the top. */
export function Header() {
  const { path } = usePlace();
  const say = useWords(shellWords);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  useEffect(() => {
    if (!isOpen) return;
    const shut = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", shut);
    return () => document.removeEventListener("keydown", shut);
  }, [isOpen]);
  return (
    <header class="top">
      <PlayBand />
      <div class="top-row">
        <Place />
        <div class="top-tools">
          {pageAt(path)?.entry.isOfPeriod && <PeriodSwitch />}
          <span class="looks">
            <ThemeSwitch />
            <LanguageSwitch />
          </span>
          <button
            type="button"
            class="icon-button menu-button"
            aria-expanded={isOpen}
            aria-controls="pages"
            aria-label={say.menu}
            onClick={() => setOpen(!isOpen)}
          >
            <MenuIcon isOpen={isOpen} />
          </button>
        </div>
      </div>
      <Navigation isOpen={isOpen} />
      <StaleBand />
    </header>
  );
}

function Place() {
  const say = useWords(shellWords);
  const screen = useCell(overview);
  if (!screen)
    return (
      <a class="place" href="/">
        hirewire
      </a>
    );
  const tone = screen.state === "working" ? "good" : "warn";
  return (
    <div class="place">
      <a href="/" class="place-name" title={screen.reason ?? undefined}>
        <span class="hidden">{say.gateway} </span>
        {screen.name}
      </a>
      <StateMark tone={tone} word={say.state[screen.state]} />
      <JournalMark journal={screen.journal} />
    </div>
  );
}

function JournalMark({ journal }: { readonly journal: Overview["journal"] }) {
  const say = useWords(shellWords).journal;
  const now = useNow(10_000);
  const { intact, verifiedAt } = journal;
  const word = intact === null ? say.unchecked : intact ? say.intact : say.broken;
  const tone = intact === null ? "idle" : intact ? "good" : "bad";
  return (
    <a class="place-journal" href="/settlements?do=verify">
      <StateMark tone={tone} word={word} />
      {verifiedAt !== null && <span class="muted place-checked">{say.checked(ago(verifiedAt, now))}</span>}
    </a>
  );
}

function PeriodSwitch() {
  const say = useWords(shellWords);
  const chosen = useCell(period);
  const [, change] = useQuery();
  return (
    <label class="period">
      <span class="hidden">{say.period}</span>
      <select
        value={chosen}
        onChange={(event) => {
          const next = PERIODS.find((one) => one === event.currentTarget.value) ?? "day";
          period.set(next);
          change({ period: next === "day" ? null : next });
        }}
      >
        {PERIODS.map((one) => (
          <option key={one} value={one}>
            {say.periods[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

function ThemeSwitch() {
  const say = useWords(shellWords);
  const worn = useCell(theme);
  const next = THEMES[(THEMES.indexOf(worn) + 1) % THEMES.length] ?? "auto";
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={say.theme[worn]}
      title={say.theme[worn]}
      onClick={() => dress(next)}
    >
      <ThemeIcon theme={worn} />
    </button>
  );
}

function Navigation({ isOpen }: { readonly isOpen: boolean }) {
  const say = useWords(shellWords);
  const { path } = usePlace();
  const { seesGateway } = useRights();
  const screen = useCell(overview);
  const here = path.split("/")[1] ?? "";
  const shown = PAGES.filter((page) => page.isInNavigation && (seesGateway || !page.isOfGateway));
  return (
    <nav id="pages" class={isOpen ? "pages pages-open" : "pages"} aria-label={say.navigation}>
      {shown.map(({ name, pattern }) => (
        <a key={name} href={pattern} aria-current={pattern === `/${here}` ? "page" : undefined}>
          {say.pages[name]}
          {name === "alerts" && screen && screen.alerts.length > 0 && (
            <span class="badge">
              <span aria-hidden="true">{count(screen.alerts.length)}</span>
              <span class="hidden">: {say.alertCount(count(screen.alerts.length))}</span>
            </span>
          )}
        </a>
      ))}
      <span class="looks-in-menu">
        <ThemeSwitch />
        <LanguageSwitch />
      </span>
    </nav>
  );
}
