/**
 * `npm run vectors -- FILE... [--json]`: runs Wycheproof's ECDSA files for secp256k1 through every kernel path of both
 * builds.
 *
 * A vector passes when every path says what the file says. Exit code 0 when all passed and there was at least one,
 * 1 when not, 2 when a file cannot be run.
 */
import { readFileSync } from "node:fs";
import { buildsHere } from "./builds.ts";
import { judge, type Outcome } from "./judge.ts";
import { parseVectors, UnusableFile, type VectorFile } from "./wycheproof.ts";

const args = process.argv.slice(2);
const json = args.includes("--json");
const paths = args.filter((arg) => !arg.startsWith("--"));
const wrong = args.find((arg) => arg.startsWith("--") && arg !== "--json");

function read(path: string): VectorFile {
  try {
    return parseVectors(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnusableFile(`${path}: ${reason}`);
  }
}

function notesOn({ kind, groups }: VectorFile, { wrapped, misencoded }: Outcome): string[] {
  const notes = [`hash ${[...new Set(groups.map(({ sha }) => sha))].join(", ")}`];
  if (misencoded > 0) notes.push(`${misencoded} refused by their encoding, before any kernel`);
  notes.push(
    kind === "bitcoin"
      ? "plain paths take a high s, so their caller refuses it; paths with a recovery id refuse it themselves"
      : "paths with a recovery id were asked with both, and with n - s for a high s",
  );
  if (wrapped.length > 0) {
    const which = wrapped.map((tcId) => `tcId ${tcId}`).join(", ");
    notes.push(`R has an x of n or more (recovery id 2 or 3): refused by rule where there is one: ${which}`);
  }
  return notes;
}

function print(text: string, record: object): void {
  process.stdout.write(`${json ? JSON.stringify(record) : text}\n`);
}

function report(path: string, file: VectorFile, outcome: Outcome): void {
  const { passed, failed, mismatches } = outcome;
  const notes = notesOn(file, outcome);
  const lines = new Map<string, string[]>();
  for (const { tcId, comment, build, path: name, said } of mismatches) {
    const line = `  tcId ${tcId} (${comment}): ${build} says ${said}: `;
    lines.set(line, [...(lines.get(line) ?? []), name]);
  }
  const named = [...lines].map(([line, names]) => line + names.join("; "));
  const text = [`${path}: ${passed} passed, ${failed} failed`, ...named, ...notes.map((note) => `  ${note}`)];
  print(text.join("\n"), { file: path, passed, failed, mismatches, notes });
}

function main(): number {
  if (wrong !== undefined) throw new UnusableFile(`there is no option ${wrong}`);
  if (paths.length === 0) throw new UnusableFile("no file given: npm run vectors -- FILE... [--json]");
  const files = paths.map((path) => ({ path, file: read(path) }));
  const { builds, notes } = buildsHere();
  print([`builds: ${builds.map(({ variant }) => variant).join(", ")}`, ...notes].join("\n"), {
    builds: builds.map(({ variant }) => variant),
    notes,
  });
  let [passed, failed] = [0, 0];
  for (const { path, file } of files) {
    const outcome = judge(file, builds);
    report(path, file, outcome);
    passed += outcome.passed;
    failed += outcome.failed;
  }
  print(`${passed} passed, ${failed} failed`, { passed, failed });
  return failed === 0 && passed > 0 ? 0 : 1;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof UnusableFile)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
