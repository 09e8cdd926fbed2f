/** The page that the address names. */
import { Fragment } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { useWords } from "../language.ts";
import type { Draw, PageEntry } from "../page.ts";
import { PAGES } from "../pages.tsx";
import { Button } from "../parts/button.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { matched, type Params } from "../path.ts";
import { usePlace } from "../router.ts";
import { arrive } from "./arrival.ts";
import { shellWords } from "./shell.words.ts";

export type Found = { readonly entry: PageEntry; readonly params: Params };

/** Which page an address means; null where there is none. */
export function pageAt(path: string): Found | null {
  for (const entry of PAGES) {
    const params = matched(entry.pattern, path);
    if (params) return { entry, params };
  }
  return null;
}

type Loaded = { readonly path: string; readonly draw: Draw | "failed" };

/** Loads the page's code and draws it; the one before stays until then. */
export function Outlet() {
  const { path } = usePlace();
  const found = useMemo(() => pageAt(path), [path]);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  useEffect(() => {
    if (!found) return;
    let isHere = true;
    found.entry
      .load()
      .catch(() => "failed" as const)
      .then((draw) => {
        if (!isHere) return;
        arrive();
        setLoaded({ path, draw });
      })
      .catch(() => {});
    return () => {
      isHere = false;
    };
  }, [found, path]);

  if (!found) return <Lost />;
  if (loaded === null) return <Loading />;
  if (loaded.draw === "failed") return <Broken />;
  const params = pageAt(loaded.path)?.params ?? {};
  return <Fragment key={loaded.path}>{loaded.draw(params)}</Fragment>;
}

function Lost() {
  const say = useWords(shellWords);
  return (
    <>
      <Heading title={say.notFound} />
      <Empty title={say.notFoundWhat}>
        <a class="link-button" href="/">
          {say.toHome}
        </a>
      </Empty>
    </>
  );
}

function Broken() {
  const say = useWords(shellWords);
  return (
    <>
      <Heading title={say.chunk} />
      <Empty title={say.chunkWhat}>
        <Button kind="primary" onPress={() => location.reload()}>
          {say.reload}
        </Button>
      </Empty>
    </>
  );
}
