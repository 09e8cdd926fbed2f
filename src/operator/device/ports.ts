/** What the commands of `hirewire device` have of the world. */
import type { MoneyPorts } from "../money/journey.ts";
import type { StandardInput } from "./message-file.ts";

export type DevicePorts = MoneyPorts & { readonly streams: StandardInput };
