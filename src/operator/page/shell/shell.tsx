/** The page around the pages: who is logged in, what is shown, and what is always there. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useCell } from "../cell.ts";
import { ask, Problem } from "../fetch.ts";
import { language, useWords } from "../language.ts";
import { follow } from "../live.ts";
import { LoginPage } from "../pages/login.tsx";
import { Loading, Problem as ProblemNotice } from "../parts/notice.tsx";
import { Toast } from "../parts/toast.tsx";
import { go, useLinks, usePlace, withQuery } from "../router.ts";
import { session } from "../session.ts";
import { useOverview } from "./first-screen.ts";
import { Footer } from "./footer.tsx";
import { Header } from "./header.tsx";
import { useKeys } from "./keys.ts";
import { Outlet } from "./outlet.tsx";
import { shellWords } from "./shell.words.ts";

/** Everything on the screen. */
export function Shell() {
  const who = useCell(session);
  const { path } = usePlace();
  const [problem, setProblem] = useState<Problem | null>(null);
  useLinks();
  useKeys();
  useDocumentLanguage();

  const isAtLogin = path === "/login";
  useEffect(() => {
    // A link's token comes before the session that this browser may still have.
    if (who !== undefined || isAtLogin || problem) return;
    ask("GET /session")
      .then(session.set)
      .catch((reason: unknown) => {
        if (reason instanceof Problem && reason.status !== 401) setProblem(reason);
      });
  }, [who, isAtLogin, problem]);

  useEffect(() => {
    if (who !== null || isAtLogin) return;
    const next = location.pathname + location.search;
    go(withQuery("/login", { next: next === "/" ? null : next }), "replace");
  }, [who, isAtLogin]);

  if (isAtLogin) return <Bare page={<LoginPage />} />;
  if (who) return <Frame />;
  if (problem) return <Bare page={<ProblemNotice problem={problem} onRetry={() => setProblem(null)} />} />;
  return <Bare page={<Loading />} />;
}

function useDocumentLanguage(): void {
  const spoken = useCell(language);
  useEffect(() => {
    document.documentElement.lang = spoken === "zh" ? "zh-Hans" : "en";
  }, [spoken]);
}

/** Without a session there is nothing around it. */
function Bare({ page }: { readonly page: ComponentChildren }) {
  return (
    <main id="main" class="bare">
      {page}
    </main>
  );
}

function Frame() {
  const say = useWords(shellWords);
  const who = useCell(session);
  useOverview();
  useEffect(() => {
    const stop = new AbortController();
    follow(stop.signal).catch(() => {});
    return () => stop.abort();
  }, [who?.csrf]);
  return (
    <>
      <a class="skip" href="#main">
        {say.skip}
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Footer />
      <Toast />
    </>
  );
}
