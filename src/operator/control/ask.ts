/** A command's questions to the desk of a running gateway: the same routes that the page asks. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import type { DeskRoute } from "../api/desk.ts";
import { type Answered, ROUTES } from "../api/routes.ts";
import { askGateway } from "./client.ts";

/** Which gateway is asked. */
export const WHERE_OPTIONS = {
  data: { type: "string" },
  config: { type: "string" },
} as const satisfies ParseArgsConfig["options"];

/** The lines of help for {@link WHERE_OPTIONS}. */
export const WHERE_HELP = `  --data DIR     the gateway's data folder
  --config FILE  the gateway's settings, in place of --data (gateway.toml here,
                 or the newest demo)
`;

export type WherePorts = {
  /** @throws {@link Fault} `config_missing`, `config_syntax` */
  readonly readConfig: (path: string) => { readonly data: string };
  /** The folder that is meant when none is named; null when there is none. */
  readonly defaultData: () => string | null;
};

/**
 * The data folder that a command is about.
 *
 * @throws {@link Fault} `usage` when both options are given; `config_missing`, `config_syntax`
 */
export function dataFolder(
  { data, config }: { readonly data?: string | undefined; readonly config?: string | undefined },
  ports: WherePorts,
): string {
  if (data !== undefined && config !== undefined)
    throw new Fault("usage", "give --data or --config, not both");
  if (data !== undefined) return data;
  if (config !== undefined) return ports.readConfig(config).data;
  const folder = ports.defaultData();
  if (folder !== null) return folder;
  throw new Fault("config_missing", "there is no gateway.toml here: give --config FILE or --data DIR");
}

/**
 * Asks the gateway that runs in `folder`.
 *
 * @throws {@link Fault} `link_lost` when none answers there, or one of another version; whatever the desk throws
 */
export async function askDesk<Name extends DeskRoute>(
  folder: string,
  route: Name,
  params: object = {},
  input: object = {},
): Promise<Answered<Name>> {
  const answer = await askGateway(folder, { do: "ask", route, params, input });
  if (!answer) throw new Fault("link_lost", `no gateway answers in ${folder}: is it running?`);
  const found = ROUTES[route].answer.safeParse(answer);
  if (found.success) return found.data as Answered<Name>;
  throw new Fault("link_lost", `the gateway in ${folder} answers in another way: is it of another version?`);
}
