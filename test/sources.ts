/** The project's own sources as tests read them: what is code in them, and what they import. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");

type Import = { readonly to: string; readonly typeOnly: boolean };

export type Source = {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly lines: readonly string[];
  /** Without comments. */
  readonly code: string;
  /** Without comments and without what stands in strings and regular expressions. */
  readonly bare: string;
  /** Files of ours by path, everything else by its specifier. */
  readonly imports: readonly Import[];
};

/** A `/` after one of these, or after nothing, starts a regular expression; after anything else it divides. */
const BEFORE_PATTERN = /(?:^|[(,=:[!&|?{};>+]|\breturn|\bcase)\s*$/;

/** Blanks comments in `code`, and the inside of strings, templates and patterns in `bare`. Lines stay in place. */
export function split(text: string): { code: string; bare: string } {
  let code = "";
  let bare = "";
  // Depth of braces at which each open template expression ends.
  const templates: number[] = [];
  let depth = 0;
  const blank = (part: string) => part.replaceAll(/[^\n]/g, " ");
  const take = (part: string, isText: boolean) => {
    code += part;
    bare += isText ? blank(part) : part;
  };
  const token = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? "";
  };
  let at = 0;
  const template = (from: number) => {
    const body = token(/(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y, from);
    take(body, true);
    const end = text.startsWith("${", from + body.length) ? "${" : "`";
    if (end === "${") templates.push(depth++);
    take(end, false);
    return from + body.length + end.length;
  };
  while (at < text.length) {
    const comment = token(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/y, at);
    const quoted = token(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y, at);
    const char = text.charAt(at);
    if (comment) {
      code += blank(comment);
      bare += blank(comment);
      at += comment.length;
    } else if (quoted) {
      take(char, false);
      take(quoted.slice(1, -1), true);
      take(char, false);
      at += quoted.length;
    } else if (char === "`") {
      take(char, false);
      at = template(at + 1);
    } else if (char === "}" && templates.at(-1) === depth - 1) {
      depth--;
      templates.pop();
      take(char, false);
      at = template(at + 1);
    } else {
      const pattern =
        char === "/" && BEFORE_PATTERN.test(bare.slice(-40))
          ? token(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y, at)
          : "";
      if (char === "{") depth++;
      if (char === "}") depth--;
      take(pattern || char, pattern !== "");
      at += pattern.length || 1;
    }
  }
  return { code, bare };
}

const IMPORTS =
  /\b(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]|"[^"]*")*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|\bimport\s*\(\s*["']([^"']+)["']/gm;

function importsOf(path: string, code: string, bare: string): Import[] {
  const real = [...code.matchAll(IMPORTS)].filter(({ 0: text, index }) =>
    bare.startsWith(text.slice(0, 6), index),
  );
  return real.map(([, type, named, alone, dynamic]) => {
    const specifier = named ?? alone ?? dynamic ?? "";
    const ours = specifier.startsWith(".");
    const to = ours ? join(dirname(path), specifier).replaceAll("\\", "/") : specifier;
    return { to, typeOnly: type !== undefined };
  });
}

/** One file, by its path relative to the root. */
export function sourceOf(path: string, text: string): Source {
  const { code, bare } = split(text);
  return { path, lines: text.split("\n"), code, bare, imports: importsOf(path, code, bare) };
}

/** All sources of a folder but task firmware, ordered by path. */
export function read(folder: string): Source[] {
  const found = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !path.startsWith("devices/firmware/") && !path.includes("node_modules"))
    .toSorted()
    .map((path) => sourceOf(path, readFileSync(join(ROOT, path), "utf8")));
}
