/** `hirewire completion`: scripts that complete commands, their words and their options in a shell. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";

const HELP = `hirewire completion bash|zsh|fish

Prints a script that completes commands, their words and their options.

  bash   hirewire completion bash > ~/.local/share/bash-completion/completions/hirewire
  zsh    hirewire completion zsh > "\${fpath[1]}/_hirewire"
  fish   hirewire completion fish > ~/.config/fish/completions/hirewire.fish
`;

const OPTIONS = { help: { type: "boolean", short: "h" } } as const satisfies ParseArgsConfig["options"];

const SHELLS = ["bash", "zsh", "fish"] as const;

/** A command as completion sees it. */
export type Completed = { readonly about: string; readonly words?: readonly string[] };

/** What can follow some words: `hirewire device` has "device" as its path. */
type Place = {
  readonly path: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
};

/**
 * Runs `hirewire completion …` and gives its exit code, 0.
 *
 * @param args - what stands after `completion`
 * @param commands - every command by its name
 * @param helpOf - what a command says to `--help` after some of its words: options are read from it
 * @throws {@link Fault} `usage`
 */
export async function completionCommand(
  args: string[],
  io: CommandIo,
  commands: readonly (readonly [string, Completed])[],
  helpOf: (name: string, words: readonly string[]) => Promise<string>,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire completion", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [word, ...rest] = positionals;
  if (word === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire completion bash, zsh or fish");
  }
  const shell = SHELLS.find((name) => name === word);
  if (!shell) throw unknownWord("hirewire completion", "shell", word, SHELLS);
  const places = await placesOf(commands, helpOf);
  io.write(
    shell === "fish"
      ? fishScript(commands, places)
      : shell === "zsh"
        ? zshScript(places)
        : bashScript(places),
  );
  return 0;
}

async function placesOf(
  commands: readonly (readonly [string, Completed])[],
  helpOf: (name: string, words: readonly string[]) => Promise<string>,
): Promise<Place[]> {
  const places: Place[] = [
    { path: "", words: commands.map(([name]) => name), options: ["--help", "--version"] },
  ];
  for (const [name, { words = [] }] of commands) {
    const own = name === "completion" ? HELP : await helpOf(name, []);
    places.push({ path: name, words, options: optionsIn(own) });
    for (const word of words) {
      const text = name === "completion" ? HELP : await helpOf(name, [word]);
      places.push({ path: `${name} ${word}`, words: [], options: optionsIn(text) });
    }
  }
  return places;
}

/** The long options that a help text names, each once. */
function optionsIn(help: string): string[] {
  const found = [...help.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option);
  return [...new Set([...found, "--help"])].toSorted();
}

function tableOf(places: readonly Place[]): string {
  return places
    .map(({ path, words, options }) => `    "${path}") found="${[...words, ...options].join(" ")}" ;;`)
    .join("\n");
}

function bashScript(places: readonly Place[]): string {
  return `# hirewire completion for bash
_hirewire() {
  local word="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}" at found=""
  at=""
  [ "$COMP_CWORD" -gt 1 ] && at="$first"
  if [ "$COMP_CWORD" -gt 2 ] && [ -n "$second" ] && [ "\${second#-}" = "$second" ]; then at="$first $second"; fi
  _hirewire_found "$at"
  if [ -z "$found" ]; then _hirewire_found "$first"; fi
  COMPREPLY=($(compgen -W "$found" -- "$word"))
  # what is no option may be a file
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}
_hirewire_found() {
  case "$1" in
${tableOf(places)}
  esac
}
complete -F _hirewire hirewire
`;
}

function zshScript(places: readonly Place[]): string {
  return `#compdef hirewire
# hirewire completion for zsh
_hirewire() {
  local at="" found=""
  (( CURRENT > 2 )) && at="\${words[2]}"
  if (( CURRENT > 3 )) && [[ "\${words[3]}" != -* ]]; then at="\${words[2]} \${words[3]}"; fi
  _hirewire_found "$at"
  [[ -z "$found" ]] && _hirewire_found "\${words[2]}"
  compadd -- \${=found}
  _files
}
_hirewire_found() {
  case "$1" in
${tableOf(places)}
  esac
}
compdef _hirewire hirewire
`;
}

function fishScript(commands: readonly (readonly [string, Completed])[], places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const top = commands.map(
    ([name, { about }]) => `complete -c hirewire -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`,
  );
  const rest = places.slice(1).flatMap(({ path, words, options }) => {
    const [name = "", word] = path.split(" ");
    const seen = `__fish_seen_subcommand_from ${name}`;
    const when = quoted(word === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${word}`);
    return [
      ...(words.length > 0 ? [`complete -c hirewire -n ${when} -a ${quoted(words.join(" "))}`] : []),
      ...options.map((option) => `complete -c hirewire -n ${when} -l ${option.slice(2)}`),
    ];
  });
  return `# hirewire completion for fish\n${[...top, ...rest].join("\n")}\n`;
}
