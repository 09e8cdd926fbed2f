/** What a page is. */
import type { VNode } from "preact";
import type { Params } from "./path.ts";

export type PageName =
  | "home"
  | "login"
  | "settlements"
  | "settlement"
  | "tasks"
  | "task"
  | "devices"
  | "device"
  | "lanes"
  | "prices"
  | "alerts"
  | "logs"
  | "settings";

/** What a page is given that something is named in the address of. */
export type PageProps = { readonly params: Params };

/** Draws a page from the parameters of its address. */
export type Draw = (params: Params) => VNode;

export type PageEntry = {
  readonly name: PageName;
  /** Its address, with `:name` where something is meant. */
  readonly pattern: string;
  /** Loads its code. */
  readonly load: () => Promise<Draw>;
  /** Whether the navigation has it. */
  readonly isInNavigation: boolean;
  /** Only for those who see the whole gateway. */
  readonly isOfGateway?: true;
  /** Whether it is of the header's period. */
  readonly isOfPeriod?: true;
};
