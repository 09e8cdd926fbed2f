/**
 * The image as a folder: the Dockerfile's stages carried out without a container engine.
 *
 * What a stage makes that others only copy from is kept in `build/image` under the hash of all that went into it, as an
 * engine does with its layers.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join, matchesGlob, relative, resolve } from "node:path";
import { ENGINES } from "../firmware/old-nodes.ts";
import {
  type Account,
  accountOf,
  giveTo,
  launch,
  type Mount,
  makeBaseRoot,
  npmCache,
  npmSettings,
} from "./base-root.ts";
import {
  flagOf,
  type Instruction,
  jsonForm,
  pairsOf,
  parseDockerfile,
  type Stage,
  substitute,
} from "./dockerfile.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const KEPT = join(ROOT, "build/image");
/** Kept stages that nobody has made for so long are removed, milliseconds. */
const KEPT_MS = 3_600_000;
const BASE_IMAGE = /^node:24-/;
/** Instructions that put files into a stage. */
const FILLING: ReadonlySet<string> = new Set(["COPY", "RUN"]);
const SUPERUSER: Account = { uid: 0, gid: 0 };

export type Platform = "linux/amd64" | "linux/arm64";

export type ImageTree = {
  readonly platform: Platform;
  /** The folder that is `/` of the image; the base image's own files are not in it, but as mount points. */
  readonly root: string;
  /** Where commands start, a path in the image. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: Account;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
  readonly volumes: readonly string[];
  /** Relative paths of all that the image holds beyond its base image, and their bytes. */
  readonly files: ReadonlyMap<string, number>;
  /** All of them together. */
  readonly bytes: number;
};

export type ImageOptions = {
  /** An empty folder for the tree. */
  readonly folder: string;
  readonly platform: Platform;
  /** Leaves out the step that fills the compile cache: it takes half a minute where the platform is emulated. */
  readonly isCold?: boolean;
};

/** What a stage has come to so far. */
type Made = {
  root: string;
  workdir: string;
  user: Account;
  env: Record<string, string>;
  args: Record<string, string>;
  lists: Map<string, readonly string[]>;
};

/**
 * Carries out the project's Dockerfile.
 *
 * @throws Error with what was said, when a step fails
 */
export async function buildImageTree(options: ImageOptions): Promise<ImageTree> {
  const stages = parseDockerfile(readFileSync(join(ROOT, "docker/Dockerfile"), "utf8"));
  const last = stages.at(-1);
  if (!last) throw new Error("the Dockerfile has no stage");
  const made = new Map<string, Made>();
  let final: Made | null = null;
  let before = new Map<string, number>();
  for (const stage of stages) {
    const build = new Build({ ...options, stages, made });
    const isLast = stage === last;
    const result = await build.carryOut(stage, isLast);
    if (stage.name !== null) made.set(stage.name, result);
    if (isLast) [final, before] = [result, build.base];
  }
  if (!final) throw new Error("the Dockerfile has no stage");
  const files = new Map([...filesIn(final.root)].filter(([path]) => !before.has(path)));
  const list = (name: string) => final.lists.get(name) ?? [];
  return {
    ...{
      platform: options.platform,
      root: final.root,
      workdir: final.workdir,
      env: final.env,
      user: final.user,
      files,
    },
    ...{ entrypoint: list("ENTRYPOINT"), cmd: list("CMD"), healthcheck: list("HEALTHCHECK") },
    ...{ volumes: list("VOLUME"), bytes: [...files.values()].reduce((sum, size) => sum + size, 0) },
  };
}

type BuildOptions = ImageOptions & {
  readonly stages: readonly Stage[];
  readonly made: ReadonlyMap<string, Made>;
};

class Build {
  readonly #options: BuildOptions;
  /** What the root held before the first step. */
  base: Map<string, number> = new Map();

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  async carryOut(stage: Stage, isLast: boolean): Promise<Made> {
    const { folder, made } = this.#options;
    const parent = made.get(stage.base);
    const key = !isLast && !parent ? join(KEPT, keyOf(stage)) : null;
    const isKept = key !== null && existsSync(key);
    const own = join(folder, isLast ? "image" : `stage-${stage.name}`);
    const root = key === null ? own : isKept ? key : draftFolder();
    const state: Made = {
      ...{ root, workdir: parent?.workdir ?? "/", env: { ...parent?.env }, args: this.#platformArgs() },
      ...{ user: parent?.user ?? SUPERUSER, lists: new Map() },
    };
    if (parent) cpSync(parent.root, root, { recursive: true, verbatimSymlinks: true });
    else if (!isKept) this.#begin(stage, root);
    this.base = filesIn(root);
    try {
      for (const step of stage.steps) {
        if (!(isKept && FILLING.has(step.name))) await this.#step(step, state, stage);
      }
    } catch (cause) {
      rmSync(root, { recursive: true, force: true });
      throw cause;
    }
    if (key === null || isKept) return state;
    if (existsSync(key)) rmSync(root, { recursive: true });
    else renameSync(root, key);
    return { ...state, root: key };
  }

  #begin(stage: Stage, root: string): void {
    if (!BASE_IMAGE.test(stage.base)) throw new Error(`no stand-in for the image ${stage.base}`);
    mkdirSync(root, { recursive: true });
    makeBaseRoot(root, this.#foreignNode(stage));
  }

  /** The arm64 Node that a stage's commands need on this machine; null where its own will do. */
  #foreignNode({ platform, base }: Stage): string | null {
    const isForeign = this.#options.platform === "linux/arm64" && process.arch !== "arm64";
    const parent = this.#options.stages.find(({ name }) => name === base);
    if (parent) return this.#foreignNode(parent);
    if (!isForeign || platform === "$BUILDPLATFORM") return null;
    const engine = ENGINES.find(({ name }) => name.includes("arm64"));
    const path = engine?.command.at(-1);
    if (!engine || !path) throw new Error("there is no arm64 Node");
    if (engine.missing !== null) throw new Error(engine.missing);
    return path;
  }

  #platformArgs(): Record<string, string> {
    const { platform } = this.#options;
    const BUILDPLATFORM = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
    return { BUILDPLATFORM, TARGETPLATFORM: platform, TARGETARCH: platform.slice("linux/".length) };
  }

  async #step(step: Instruction, state: Made, stage: Stage): Promise<void> {
    const values = { ...state.args, ...state.env };
    switch (step.name) {
      case "ENV":
        for (const [name, value] of pairsOf(step.rest)) state.env[name] = substitute(value, values);
        break;
      case "ARG": {
        const [name = "", value] = step.rest.split("=");
        if (value !== undefined) state.args[name] ??= value;
        break;
      }
      case "WORKDIR":
        state.workdir = resolve(state.workdir, substitute(step.rest, values));
        mkdirSync(join(state.root, state.workdir), { recursive: true });
        break;
      case "USER":
        state.user = accountOf(state.root, substitute(step.rest, values));
        break;
      case "COPY":
        this.#copy(step, state);
        break;
      case "RUN":
        if (!(this.#options.isCold && warmsUp(step))) await runStep(step, state, this.#foreignNode(stage));
        break;
      case "HEALTHCHECK":
        state.lists.set("HEALTHCHECK", jsonForm(step.rest.replace(/^CMD\s+/, "")) ?? []);
        break;
      default:
        state.lists.set(step.name, jsonForm(step.rest) ?? step.rest.split(/\s+/));
    }
  }

  #copy(step: Instruction, { root, workdir }: Made): void {
    const words = jsonForm(step.rest) ?? step.rest.split(/\s+/);
    const [sources, target = ""] = [words.slice(0, -1), words.at(-1)];
    const from = flagOf(step, "from");
    const origin = from === null ? ROOT : (this.#options.made.get(from)?.root ?? null);
    if (origin === null) throw new Error(`line ${step.line}: there is no stage ${from}`);
    const isWanted = from === null ? contextFilter() : () => true;
    const into = join(root, resolve(workdir, target));
    const [owner = "root"] = flagOf(step, "chown")?.split(":") ?? [];
    for (const source of sources) {
      const path = join(origin, source);
      if (!isWanted(path)) throw new Error(`line ${step.line}: ${source} is not in the context`);
      const isFile = statSync(path).isFile();
      const to = isFile && (target.endsWith("/") || sources.length > 1) ? join(into, basename(source)) : into;
      cpSync(path, to, { recursive: true, verbatimSymlinks: true, filter: isWanted });
      dress(to, flagOf(step, "chmod"), accountOf(root, owner));
    }
  }
}

/** Modes and owner of what was copied. */
function dress(path: string, mode: string | null, owner: Account): void {
  const seen = lstatSync(path);
  if (seen.isSymbolicLink()) return;
  giveTo(path, owner);
  if (mode === "u=rwX,go=rX") chmodSync(path, seen.isDirectory() || seen.mode & 0o111 ? 0o755 : 0o644);
  else if (mode !== null) chmodSync(path, Number.parseInt(mode, 8));
  if (seen.isDirectory()) for (const name of readdirSync(path)) dress(join(path, name), mode, owner);
}

function warmsUp(step: Instruction): boolean {
  return mountsOf(step).some(({ from }) => from.endsWith("/warm-up.toml"));
}

async function runStep(step: Instruction, state: Made, foreignNode: string | null): Promise<void> {
  const settings = npmSettings();
  const { root, workdir, user } = state;
  const stubs = mountsOf(step)
    .map(({ to }) => join(root, to))
    .filter((path) => !existsSync(path));
  const child = launch(
    {
      ...{ root, workdir, user, isConfined: false },
      command: jsonForm(step.rest) ?? ["/bin/sh", "-c", step.rest],
      env: { ...settings.env, ...state.args, ...state.env },
      mounts: [...settings.mounts, ...mountsOf(step)],
    },
    foreignNode,
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += chunk));
  const code = await new Promise((done) => child.once("close", done));
  // as an engine does with what it made to mount on
  for (const path of stubs) rmSync(path, { recursive: true, force: true });
  if (code !== 0)
    throw new Error(`line ${step.line} of the Dockerfile ended with ${code}:\n${said.slice(-3_000)}`);
}

function mountsOf(step: Instruction): Mount[] {
  return step.flags.flatMap(([flag, value]): Mount[] => {
    if (flag !== "mount") return [];
    const words = Object.fromEntries(value.split(",").map((word) => word.split("=") as [string, string]));
    const { type, target = "", source = "" } = words;
    if (type === "bind") return [{ from: join(ROOT, source), to: target, readOnly: true }];
    if (type === "cache" && target === "/root/.npm")
      return [{ from: npmCache(), to: target, readOnly: false }];
    throw new Error(`line ${step.line}: no stand-in for --mount=${value}`);
  });
}

/** Whether a path is in what an engine would be given: the last line of `.dockerignore` that fits decides. */
function contextFilter(): (path: string) => boolean {
  const rules = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ glob: line.replace(/^!/, ""), isIn: line.startsWith("!") }));
  return (path) => {
    const name = relative(ROOT, path);
    const fits = ({ glob }: { glob: string }) => matchesGlob(name, glob) || matchesGlob(name, `${glob}/**`);
    return rules.findLast(fits)?.isIn ?? true;
  };
}

/** Of all that a stage depends on: its instructions, the context's files that it copies, and this machine's Node. */
function keyOf(stage: Stage): string {
  const digest = createHash("sha256").update(JSON.stringify([process.version, process.arch, stage]));
  const isWanted = contextFilter();
  const add = (path: string): void => {
    if (!isWanted(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else
      digest.update(JSON.stringify([relative(ROOT, path), statSync(path).size])).update(readFileSync(path));
  };
  for (const step of stage.steps.filter((one) => one.name === "COPY" && flagOf(one, "from") === null)) {
    for (const source of step.rest.split(/\s+/).slice(0, -1)) add(join(ROOT, source));
  }
  return digest.digest("hex");
}

function draftFolder(): string {
  mkdirSync(KEPT, { recursive: true });
  for (const name of readdirSync(KEPT)) {
    const path = join(KEPT, name);
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(KEPT, "draft-"));
}

/** Files and links by their path in the folder, with their bytes. */
function filesIn(folder: string): Map<string, number> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [relative(folder, path), lstatSync(path).size];
      }),
  );
}
