/** The web server on a free port of loopback, with a stub behind it and a folder of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { Feed } from "../../../src/operator/feed.ts";
import { Access, type Grant } from "../../../src/operator/web/access.ts";
import { startWeb, type Web, type WebParts } from "../../../src/operator/web/web.ts";
import { type StubDesk, stubDesk } from "./stub-desk.ts";

/** What differs from the stand's own; `settings` each by itself. */
export type StandOptions = Partial<Omit<WebParts, "access" | "feed" | "settings">> & {
  readonly settings?: Partial<WebParts["settings"]>;
};

export type Stand = {
  readonly web: Web;
  readonly url: string;
  readonly access: Access;
  readonly feed: Feed;
  readonly stub: StubDesk;
  readonly folder: string;
  /** What the operator was told. */
  readonly faults: unknown[];
  /** A one-time link, as `hirewire login` prints it. */
  readonly link: (grant?: Grant) => string;
  readonly close: () => Promise<void>;
};

const WHOLE: Grant = { role: "operator", owner: null };

/** Starts one; whoever does closes it. */
export async function openStand({ settings, ...options }: StandOptions = {}): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-web-"));
  const faults: unknown[] = [];
  const onFault = (fault: unknown) => void faults.push(fault);
  const clock = options.clock ?? systemClock;
  const access = new Access({ folder, clock, onFault });
  const feed = new Feed({ clock });
  const stub = stubDesk();
  const pageFolder = join(folder, "page");
  mkdirSync(join(pageFolder, "assets"), { recursive: true });
  writeFileSync(join(pageFolder, "index.html"), "<!doctype html><title>stub</title>");
  writeFileSync(join(pageFolder, "assets", "main-abc123.js"), `console.log("${"stub ".repeat(400)}");`);
  const web = await startWeb({
    settings: { listen: "127.0.0.1:0", certificate: "", certificate_key: "", proxy: false, ...settings },
    ...{ desk: stub.desk, feed, access, pageFolder, kernelFolder: "build/kernels", clock, onFault },
    exportRows: noRows,
    metricsText: () => "hirewire_build_info 1\n",
    statusText: (viewer, language) => Promise.resolve(`status of ${viewer.name} in ${language}`),
    readSecret: (path) => readFileSync(path, "utf8"),
    ...options,
  });
  return {
    ...{ web, url: web.url, access, feed, stub, folder, faults },
    link: (grant = WHOLE) => `${web.url}/login#token=${access.invite(grant).token}`,
    close: async () => {
      feed.close();
      await web.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function* noRows(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode("sequence\n"));
}
