/** The package as a user gets it: packed, and installed from the tarball in a project that has nothing else. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const BIN = resolve("node_modules/.bin");
/** Node 24 before whichever Node the machine has. */
const PATH = [dirname(process.execPath), BIN, process.env["PATH"]].join(delimiter);
const ENV = { ...process.env, PATH };
const QUIET = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

export type Packed = {
  /** Of the tarball, without their common first level. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Bytes of the tarball. */
  readonly size: number;
};

/** A program of the project that runs. */
export type Running = {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves at the first line, said or to come, that fits; rejects when the program ends before. */
  readonly heard: (fits: (line: string) => boolean) => Promise<string>;
  /** Resolves with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
};

export class FreshProject {
  readonly folder: string;
  readonly packed: Packed;

  private constructor(folder: string, packed: Packed) {
    this.folder = folder;
    this.packed = packed;
  }

  /**
   * Packs what `npm pack` would, beside the sources so that nobody's build is disturbed, and installs it with the types
   * of Node, which every project of TypeScript has.
   */
  static async make(): Promise<FreshProject> {
    const root = mkdtempSync(join(tmpdir(), "hirewire-package-"));
    const [staged, folder] = [join(root, "staged"), join(root, "fresh")];
    mkdirSync(folder);
    const { files } = JSON.parse(readFileSync("package.json", "utf8")) as { files: readonly string[] };
    for (const one of new Set(["package.json", ...files.filter((name) => name !== "dist")])) {
      cpSync(one, join(staged, one), { recursive: true });
    }
    await run(join(BIN, "tsc"), ["-p", "tsconfig.dist.json", "--outDir", join(staged, "dist")]);
    const pack = ["pack", "--ignore-scripts", "--json", "--loglevel=error"];
    const { stdout } = await run("npm", pack, { cwd: staged, env: ENV });
    const [packed] = Object.values(JSON.parse(stdout)) as (Packed & { filename: string })[];
    if (!packed) throw new Error("npm packed nothing");
    writeFileSync(join(folder, "package.json"), '{ "name": "fresh", "private": true, "type": "module" }');
    const wanted = [join(staged, packed.filename), resolve("node_modules/@types/node")];
    await run("npm", ["install", ...QUIET, "--install-links", ...wanted], { cwd: folder, env: ENV });
    return new FreshProject(folder, packed);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, name), content);
  }

  /** What the compiler says about these files, strictly and with the package's own types checked: nothing if all is well. */
  async check(files: readonly string[], resolution: "nodenext" | "bundler"): Promise<string> {
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const modules = ["--module", module, "--moduleResolution", resolution];
    const rules = [
      "--strict",
      "--noEmit",
      "--skipLibCheck",
      "false",
      "--target",
      "es2024",
      "--types",
      "node",
    ];
    const options = { cwd: this.folder, env: ENV };
    try {
      await run(join(BIN, "tsc"), ["--ignoreConfig", ...rules, ...modules, ...files], options);
      return "";
    } catch (error) {
      return String(Reflect.get(Object(error), "stdout") || error);
    }
  }

  /** Runs a file with Node, or a command that the package brings. */
  start(program: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): Running {
    const isFile = program.includes(".");
    const command = isFile ? process.execPath : join(this.folder, "node_modules", ".bin", program);
    const all = isFile ? [...nodeArgs, program, ...args] : args;
    const child = spawn(command, all, { cwd: this.folder, env: ENV, stdio: ["ignore", "pipe", "pipe"] });
    return watch(child);
  }

  remove(): void {
    rmSync(dirname(this.folder), { recursive: true, force: true });
  }
}

/** What a program that was started with pipes says from here on. */
export function watch(child: ChildProcess): Running {
  const lines: string[] = [];
  const looks = new Set<() => void>();
  let isOver = false;
  const look = () => {
    for (const one of looks) one();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        look();
      });
    }
  }
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once("close", (code, signal) => {
      isOver = true;
      look();
      done(code ?? signal);
    });
  });
  const heard = (fits: (line: string) => boolean) =>
    new Promise<string>((found, failed) => {
      const seek = () => {
        const line = lines.find(fits);
        if (line === undefined && !isOver) return;
        looks.delete(seek);
        if (line === undefined) failed(new Error(`it ended and said:\n${lines.join("\n")}`));
        else found(line);
      };
      looks.add(seek);
      seek();
    });
  return { process: child, lines, heard, ended };
}

/** The code blocks of a language in a Markdown text. */
export function codeBlocks(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...markdown.matchAll(fence)].map(([, code = ""]) => code);
}
