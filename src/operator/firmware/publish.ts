/** `hirewire firmware publish`: a manifest that its author signs, for providers that trust the author. */
import { basename } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { manifestText } from "../../firmware/manifest-file.ts";
import { type Manifest, manifestSchema, signManifest } from "../../protocol/manifest.ts";
import { keySigner } from "../../protocol/signer.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { withExecutor } from "../own-executor.ts";
import { examinationText, examine, row } from "./examine.ts";
import type { FirmwarePorts } from "./ports.ts";
import { onlyFile, readBytes, refuseToOverwrite, writeBytes } from "./source.ts";
import { exitCodeOf } from "./verdicts.ts";

const OPTIONS = {
  key: { type: "string" },
  name: { type: "string" },
  version: { type: "string" },
  licence: { type: "string" },
  out: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

export const PUBLISH_HELP = `hirewire firmware publish FILE.wasm --key KEYFILE --version V --licence L
                      [--name NAME] [--out FILE] [--json]

Signs a manifest: this module is this author's, under this name, version and
licence, of this profile and memory class. Requesters send it with their offers;
providers that trust the author run the module. A rejected module gets none.

  --key KEYFILE  the author's private key, 64 hexadecimal digits; keep it apart
                 from keys with money. A new one:
                 (umask 077; openssl rand -hex 32 > author.key)
  --name NAME    what it is called, 1 to 64 characters (the file's name)
  --version V    1 to 32 characters: 1.0.0
  --licence L    an SPDX expression: MIT, Apache-2.0, LicenseRef-Proprietary
  --out FILE     the manifest (FILE.manifest.json beside the module)
  --json         the manifest also on standard output
`;

/**
 * Gives the exit code of the verdict on the module.
 *
 * @param args - what stands after `firmware publish`
 * @throws {@link Fault} `usage`, `key_file`, `disk_failed`, `executor_died`
 */
export async function publishFirmware(
  args: readonly string[],
  io: CommandIo,
  ports: FirmwarePorts,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware publish", args, OPTIONS);
  if (values.help) {
    io.write(PUBLISH_HELP);
    return 0;
  }
  const file = onlyFile("hirewire firmware publish FILE.wasm --key KEYFILE", positionals);
  const label = readLabel(values, file);
  const out = values.out ?? `${file.replace(/\.wasm$/, "")}.manifest.json`;
  await refuseToOverwrite("--out", out, [file, label.key]);
  const module = await readBytes(file);
  const examination = await withExecutor(ports, (executor) => examine(executor, module));
  if (examination.verdict !== "ok") {
    io.write(
      values.json ? `${JSON.stringify({ file, ...examination })}\n` : examinationText(file, examination),
    );
    return exitCodeOf(examination.verdict);
  }
  const { sha256, profile, memoryMiB } = examination;
  const signer = keySigner(ports.keys.read(label.key));
  const { name, version, licence } = label;
  const manifest = await signManifest(signer, {
    firmware: sha256,
    name,
    version,
    licence,
    profile,
    memoryMiB,
  });
  await writeBytes(out, manifestText(manifest));
  if (values.json) io.write(`${JSON.stringify(z.encode(manifestSchema, manifest))}\n`);
  else io.write(publishedText(manifest, out));
  return 0;
}

type Label = Pick<Manifest, "name" | "version" | "licence"> & { readonly key: string };

function readLabel(values: Values, file: string): Label {
  const { key, version, licence } = values;
  const name = values.name ?? basename(file).replace(/\.wasm$/, "");
  if (key === undefined)
    throw new Fault("usage", "--key KEYFILE is missing: see hirewire firmware publish --help");
  if (version === undefined) throw new Fault("usage", "--version is missing: such as --version 1.0.0");
  if (licence === undefined) throw new Fault("usage", "--licence is missing: such as --licence MIT");
  for (const [option, text] of Object.entries({ name, version, licence })) {
    const schema = manifestSchema.shape[option as "name"];
    if (schema.safeParse(text).success) continue;
    const most = option === "version" ? 32 : 64;
    throw new Fault("usage", `--${option} takes 1 to ${most} printable ASCII characters, not "${text}"`);
  }
  return { key, name, version, licence };
}

function publishedText({ name, version, licence, firmware, author }: Manifest, out: string): string {
  return [
    `✔ ${out}: ${name} ${version}, ${licence}`,
    row("SHA-256", firmware),
    row("author", author),
    row("trust", `hirewire firmware trust ${out}, or with --as author all that this author signs`),
    "",
  ].join("\n");
}
