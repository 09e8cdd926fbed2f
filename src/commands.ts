/**
 * Every command of the command line: what it is for, and where it is. Each is loaded when it is called, so that a short
 * question does not wait for all that the others need.
 */
import type { Terminal } from "./terminal.ts";

export type Command = {
  /** What is typed after its name, in help. */
  readonly usage: string;
  /** What it does, without a full stop. */
  readonly about: string;
  /** The words that may follow it. */
  readonly words?: readonly string[];
  /** Gives its exit code. */
  readonly run: (args: string[], terminal: Terminal) => Promise<number>;
};

type Group = Readonly<Record<string, Command>>;

const RUNNING: Group = {
  start: {
    usage: "",
    about: "a gateway.toml here: run it; otherwise the demo",
    run: async (args, terminal) => {
      const { existsSync } = await import("node:fs");
      const command = COMMANDS[existsSync("gateway.toml") ? "run" : "demo"];
      return command ? await command.run(args, terminal) : 1;
    },
  },
  demo: {
    usage: "[--stay]",
    about: "a whole market on this machine, on play money",
    run: async (args, terminal) =>
      (await import("./operator/demo/command.ts")).demoCommand(args, terminal.io, terminal),
  },
  run: {
    usage: "",
    about: "the gateway of gateway.toml",
    run: async (args, terminal) => (await import("./run.ts")).runCommand(args, terminal),
  },
  init: {
    usage: "",
    about: "asks five questions and writes a gateway.toml and a key",
    run: async (args, terminal) => {
      const { terminalQuestions } = await import("./operator/setup/questions.ts");
      const { initCommand } = await import("./operator/setup/init.ts");
      const { examine } = await import("./operator/doctor/command.ts");
      const { thisMachine } = await import("./operator/doctor/machine.ts");
      return await initCommand(args, terminal.io, {
        ...terminal,
        ask: terminalQuestions(),
        examine: (file) => examine(file, terminal, thisMachine(terminal.env["PATH"] ?? "")),
      });
    },
  },
  config: {
    usage: "check",
    about: "checks gateway.toml and explains every setting",
    words: ["check"],
    run: async (args, terminal) => {
      const { SETTINGS } = await import("./config.ts");
      const { configCommand } = await import("./operator/setup/config.ts");
      return await configCommand(args, terminal.io, { ...terminal, settings: SETTINGS });
    },
  },
  doctor: {
    usage: "",
    about: "checks this machine and the settings, with the fix beside each fault",
    run: async (args, terminal) => {
      const { thisMachine } = await import("./operator/doctor/machine.ts");
      const { doctorCommand } = await import("./operator/doctor/command.ts");
      return await doctorCommand(args, terminal.io, terminal, thisMachine(terminal.env["PATH"] ?? ""));
    },
  },
  deploy: {
    usage: "",
    about: "puts a LaneVault on a chain and prints the [chain] section for it",
    run: async (args, terminal) =>
      (await import("./operator/money/deploy.ts")).deployCommand(args, terminal.io, terminal),
  },
};

const WATCHING: Group = {
  status: {
    usage: "[--watch]",
    about: "the first screen: is it working, what did it earn, what needs you",
    run: async (args, terminal) =>
      (await import("./operator/status/command.ts")).statusCommand(args, terminal.io, terminal),
  },
  devices: {
    usage: "[show NAME]",
    about: "every device: state, link, earned, spent; also enable and disable",
    words: ["show", "enable", "disable"],
    run: async (args, terminal) =>
      (await import("./operator/devices/command.ts")).devicesCommand(args, terminal.io, terminal),
  },
  tasks: {
    usage: "[--ended]",
    about: "live tasks, or those that are over; show TASK tells the life of one",
    words: ["show"],
    run: async (args, terminal) =>
      (await import("./operator/tasks/command.ts")).tasksCommand(args, terminal.io, terminal),
  },
  lanes: {
    usage: "",
    about: "every lane of the running gateway: deposit, signed, settled, closing",
    run: async (args, terminal) =>
      (await import("./operator/lanes/command.ts")).lanesCommand(args, terminal.io, terminal),
  },
  settlements: {
    usage: "[show N]",
    about: "every movement of money: filters, sums, exports",
    words: ["show"],
    run: async (args, terminal) =>
      (await import("./operator/settlements/command.ts")).settlementsCommand(args, terminal.io, terminal),
  },
  log: {
    usage: "[show N | verify]",
    about: "what has happened, fact by fact",
    words: ["show", "verify"],
    run: async (args, terminal) =>
      (await import("./operator/log/command.ts")).logCommand(
        args,
        terminal.io,
        terminal.defaultData(),
        terminal.clock,
      ),
  },
  journal: {
    usage: "verify [FILE] | archive",
    about: "checks every hash and signature; moves closed months to the archive",
    words: ["verify", "archive"],
    run: async (args, terminal) =>
      (await import("./operator/journal/command.ts")).journalCommand(
        args,
        terminal.io,
        terminal.defaultData(),
        terminal.clock,
      ),
  },
  login: {
    usage: "",
    about: "a link that opens the page, good once",
    run: async (args, terminal) =>
      (await import("./operator/web/login-command.ts")).loginCommand(args, terminal.io, terminal),
  },
  access: {
    usage: "add NAME",
    about: "tokens for programs that read or act: add, list, remove",
    words: ["add", "list", "remove"],
    run: async (args, terminal) =>
      (await import("./operator/web/access-command.ts")).accessCommand(args, terminal.io, terminal),
  },
};

const DEVICES: Group = {
  device: {
    usage: "add NAME",
    about: "enrols a device; also pair, list, budget, cap, owner, allowance, replace, token, sign",
    words: ["add", "pair", "list", "budget", "cap", "owner", "allowance", "replace", "token", "sign"],
    run: async (args, terminal) => {
      const { standardStreams } = await import("./operator/firmware/streams.ts");
      const { deviceCommand } = await import("./operator/device/command.ts");
      return await deviceCommand(args, terminal.io, { ...terminal, streams: standardStreams() });
    },
  },
  firmware: {
    usage: "build FILE.ts",
    about: "AssemblyScript to task firmware; also check, run, publish, trust, untrust, list",
    words: ["build", "check", "run", "publish", "trust", "untrust", "list"],
    run: async (args, terminal) => {
      const { standardStreams } = await import("./operator/firmware/streams.ts");
      const { firmwareCommand } = await import("./operator/firmware/command.ts");
      return await firmwareCommand(args, terminal.io, { ...terminal, streams: standardStreams() });
    },
  },
  price: {
    usage: "suggest",
    about: "rates for this machine, from its speed, watts and electricity price; also list",
    words: ["suggest", "list"],
    run: async (args, terminal) =>
      (await import("./operator/price/command.ts")).priceCommand(args, terminal.io, terminal),
  },
};

const MONEY: Group = {
  owner: {
    usage: "gateway",
    about: "names the cold owner of the gateway's hot key",
    words: ["gateway"],
    run: async (args, terminal) =>
      (await import("./operator/money/owner.ts")).ownerCommand(args, terminal.io, terminal),
  },
  fund: {
    usage: "DEVICE|gateway AMOUNT",
    about: "deposits USDT on a device's lane, or in the gateway's vault",
    run: async (args, terminal) =>
      (await import("./operator/money/fund.ts")).fundCommand(args, terminal.io, terminal),
  },
  sweep: {
    usage: "DEVICE|gateway",
    about: "takes in what was sent to a deposit address",
    run: async (args, terminal) =>
      (await import("./operator/money/sweep.ts")).sweepCommand(args, terminal.io, terminal),
  },
  withdraw: {
    usage: "AMOUNT",
    about: "takes USDT out of the vault",
    run: async (args, terminal) =>
      (await import("./operator/money/withdraw.ts")).withdrawCommand(args, terminal.io, terminal),
  },
  lane: {
    usage: "list",
    about: "every lane, as the chain has it; also open, top-up, close, consent",
    words: ["list", "open", "top-up", "close", "consent"],
    run: async (args, terminal) =>
      (await import("./operator/lane/command.ts")).laneCommand(args, terminal.io, terminal),
  },
  settle: {
    usage: "--now",
    about: "claims what is owed, in one transaction; --dry-run shows what and why",
    run: async (args, terminal) =>
      (await import("./operator/money/settle.ts")).settleCommand(args, terminal.io, terminal),
  },
  watchtower: {
    usage: "",
    about: "claims for others in time, with no key but its own for gas",
    run: async (args, terminal) => {
      const { watchtowerCommand } = await import("./operator/watchtower/command.ts");
      return await watchtowerCommand(args, terminal.io, { ...terminal, stop: terminal.stopSignal() });
    },
  },
};

const SAFETY: Group = {
  halt: {
    usage: "",
    about: "takes no new offers until hirewire resume",
    run: async (args, terminal) =>
      (await import("./operator/control/halt.ts")).haltCommand(args, terminal.io, terminal),
  },
  resume: {
    usage: "",
    about: "takes offers again",
    run: async (args, terminal) =>
      (await import("./operator/control/halt.ts")).resumeCommand(args, terminal.io, terminal),
  },
  "stop-paying": {
    usage: "",
    about: "signs no voucher and sends no claim until hirewire resume-paying",
    run: async (args, terminal) =>
      (await import("./operator/control/stop-paying.ts")).stopPayingCommand(args, terminal.io, terminal),
  },
  "resume-paying": {
    usage: "",
    about: "pays again, first what was left unpaid",
    run: async (args, terminal) =>
      (await import("./operator/control/stop-paying.ts")).resumePayingCommand(args, terminal.io, terminal),
  },
  drain: {
    usage: "",
    about: "leaves a key or a vault behind, lane by lane",
    run: async (args, terminal) =>
      (await import("./operator/control/drain.ts")).drainCommand(args, terminal.io, terminal),
  },
  backup: {
    usage: "TO",
    about: "a verified copy of the data folder, while the gateway runs",
    run: async (args, terminal) => {
      const { backupCommand } = await import("./operator/recovery/backup.ts");
      return await backupCommand(args, terminal.io, { ...terminal, version: terminal.version() });
    },
  },
  restore: {
    usage: "FROM",
    about: "a data folder again, which reconciles before it pays",
    run: async (args, terminal) => {
      const { restoreCommand } = await import("./operator/recovery/restore.ts");
      return await restoreCommand(args, terminal.io, { ...terminal, version: terminal.version() });
    },
  },
  upgrade: {
    usage: "[--check]",
    about: "brings an older data folder forward, after a backup",
    run: async (args, terminal) => {
      const { upgradeCommand } = await import("./operator/upgrade/command.ts");
      return await upgradeCommand(args, terminal.io, { ...terminal, version: terminal.version() });
    },
  },
  recover: {
    usage: "",
    about: "a new journal after a lost disk, from the chain and from peers",
    run: async (args, terminal) =>
      (await import("./operator/recovery/recover.ts")).recoverCommand(args, terminal.io, terminal),
  },
};

const OTHER: Group = {
  completion: {
    usage: "bash|zsh|fish",
    about: "a script that completes commands and options in a shell",
    words: ["bash", "zsh", "fish"],
    run: async (args, terminal) => {
      const { completionCommand } = await import("./operator/setup/completion.ts");
      return await completionCommand(args, terminal.io, Object.entries(COMMANDS), (name, words) =>
        helpOf(name, words, terminal),
      );
    },
  },
  version: {
    usage: "",
    about: "the version",
    run: (_, terminal) => Promise.resolve(say(terminal, `${terminal.version()}\n`)),
  },
  help: {
    usage: "",
    about: "this list",
    run: (_, terminal) => Promise.resolve(say(terminal, helpText())),
  },
};

const GROUPS = [
  ["Running a gateway", RUNNING],
  ["Seeing what happens", WATCHING],
  ["Devices and firmware", DEVICES],
  ["Money", MONEY],
  ["Stopping and keeping", SAFETY],
  ["Other", OTHER],
] as const;

/** By name. */
export const COMMANDS: Group = Object.assign({}, ...GROUPS.map(([, group]) => group));

/** Where the explanations begin, in characters. */
const ABOUT_AT = 30;

function helpText(): string {
  const lines = GROUPS.flatMap(([title, group]) => [
    `\n${title}`,
    ...Object.entries(group).map(([name, { usage, about }]) => {
      const call = `  hirewire ${name} ${usage}`.trimEnd();
      const gap = call.length < ABOUT_AT ? " ".repeat(ABOUT_AT - call.length) : `\n${" ".repeat(ABOUT_AT)}`;
      return `${call}${gap}${about}`;
    }),
  ]);
  return `hirewire: robots and boards hire each other's compute and pay in USDT
${lines.join("\n")}

Every command takes --help.
Exit codes: 0 done, 1 fault, 2 usage, 3 journal broken, 4 chain or gateway not reachable, 10 to 16 how a firmware's run
ended, 130 interrupted.
`;
}

/** What a command says to `--help`, after some of its words. */
async function helpOf(name: string, words: readonly string[], terminal: Terminal): Promise<string> {
  const said: string[] = [];
  const io = { ...terminal.io, write: (part: string) => void said.push(part), warn: () => undefined };
  await COMMANDS[name]?.run([...words, "--help"], { ...terminal, io });
  return said.join("");
}

function say({ io }: Terminal, text: string): number {
  io.write(text);
  return 0;
}
