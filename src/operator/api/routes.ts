/**
 * Every route of the operator's API: one table that the server, the control socket, the typed client, the OpenAPI
 * document and the tests of rights are made from.
 */
import type { z } from "zod";
import { loginBody, sessionAnswer } from "./access.ts";
import {
  budgetBody,
  closeBody,
  done,
  laneDeed,
  laneParams,
  nothing,
  reasonBody,
  rotation,
  settleBody,
  settlePlan,
  testTask,
  topUpBody,
} from "./action.ts";
import { alertAnswer } from "./alert.ts";
import { deviceDetail, deviceList, deviceParams, deviceQuery } from "./device.ts";
import { laneList, laneQuery } from "./lane.ts";
import { levelBody, logPage, logQuery } from "./log.ts";
import { marketPrices, marketQuery } from "./market.ts";
import { overview, overviewQuery } from "./overview.ts";
import { settingList } from "./settings.ts";
import {
  entryParams,
  exportQuery,
  settlementChoices,
  settlementDetail,
  settlementPage,
  settlementParams,
  settlementQuery,
  verification,
} from "./settlement.ts";
import { story, storyEntry, taskList, taskParams, taskQuery } from "./task.ts";

/** Where the API lives; a change that breaks a client gets another one. */
export const API = "/api/v1";

/**
 * Who may ask. `anyone`: without a login. `viewer`, `operator`: with that role, each within its scope. `gateway`: viewers
 * without an owner's scope. `keeper`: operators without one.
 */
export const RIGHTS = ["anyone", "viewer", "operator", "gateway", "keeper"] as const;
export type Right = (typeof RIGHTS)[number];

export type Route = {
  readonly method: "GET" | "POST" | "PUT";
  /** Below {@link API}, parameters as `:name`. */
  readonly path: string;
  readonly right: Right;
  readonly params: z.ZodType;
  /** Of the address with GET, else of the body. */
  readonly input: z.ZodType;
  /** What a JSON answer looks like; `stream` for bytes and events. */
  readonly answer: z.ZodType | "stream";
  readonly summary: string;
};

const get = { method: "GET", params: nothing, input: nothing } as const;
const post = { method: "POST", params: nothing, input: nothing } as const;

export const ROUTES = {
  // session
  login: {
    ...post,
    path: "/login",
    right: "anyone",
    input: loginBody,
    answer: sessionAnswer,
    summary: "Changes a one-time token for a session cookie.",
  },
  logout: { ...post, path: "/logout", right: "viewer", answer: done, summary: "Ends the session." },
  session: { ...get, path: "/session", right: "viewer", answer: sessionAnswer, summary: "Who is logged in." },
  events: {
    ...get,
    path: "/events",
    right: "viewer",
    input: overviewQuery,
    answer: "stream",
    summary:
      "Server-sent events: `overview` with the first screen, `changed` with names of lists that are out of date, `verification`.",
  },
  // views
  overview: {
    ...get,
    path: "/overview",
    right: "viewer",
    input: overviewQuery,
    answer: overview,
    summary: "The first screen.",
  },
  devices: {
    ...get,
    path: "/devices",
    right: "viewer",
    input: deviceQuery,
    answer: deviceList,
    summary: "Every device, with what it earned and spent.",
  },
  device: {
    ...get,
    path: "/devices/:device",
    right: "viewer",
    params: deviceParams,
    input: deviceQuery,
    answer: deviceDetail,
    summary: "One device: link, counters, prices, money, messages.",
  },
  lanes: {
    ...get,
    path: "/lanes",
    right: "viewer",
    input: laneQuery,
    answer: laneList,
    summary: "Every lane: deposit, signed, settled, closing.",
  },
  tasks: {
    ...get,
    path: "/tasks",
    right: "viewer",
    input: taskQuery,
    answer: taskList,
    summary: "Live tasks, or those that are over.",
  },
  task: {
    ...get,
    path: "/tasks/:task",
    right: "viewer",
    params: taskParams,
    answer: story,
    summary: "One task's life from offer to settlement.",
  },
  prices: {
    ...get,
    path: "/prices",
    right: "viewer",
    input: marketQuery,
    answer: marketPrices,
    summary: "Asks that stand, and what work has cost.",
  },
  alerts: { ...get, path: "/alerts", right: "viewer", answer: alertAnswer, summary: "What needs somebody." },
  logs: {
    ...get,
    path: "/logs",
    right: "gateway",
    input: logQuery,
    answer: logPage,
    summary: "The newest log lines.",
  },
  settings: {
    ...get,
    path: "/settings",
    right: "gateway",
    answer: settingList,
    summary: "The settings in force, and where each came from.",
  },
  // settlement log
  settlements: {
    ...get,
    path: "/settlements",
    right: "viewer",
    input: settlementQuery,
    answer: settlementPage,
    summary: "The settlement log: filtered, paged, summed.",
  },
  settlementChoices: {
    ...get,
    path: "/settlement-choices",
    right: "viewer",
    answer: settlementChoices,
    summary: "What the filters can be set to.",
  },
  settlement: {
    ...get,
    path: "/settlements/:sequence",
    right: "viewer",
    params: settlementParams,
    answer: settlementDetail,
    summary: "One movement of money with everything behind it.",
  },
  settlementExport: {
    ...get,
    path: "/settlement-export",
    right: "viewer",
    input: exportQuery,
    answer: "stream",
    summary: "The filtered log as CSV, JSON Lines or a plain-text ledger, streamed.",
  },
  entry: {
    ...get,
    path: "/journal/:index",
    right: "gateway",
    params: entryParams,
    answer: storyEntry,
    summary: "One record of the journal as it is stored.",
  },
  verification: {
    ...get,
    path: "/verification",
    right: "viewer",
    answer: verification,
    summary: "How the newest walk of the journal went, or goes.",
  },
  // actions
  verify: {
    ...post,
    path: "/verify",
    right: "gateway",
    answer: verification,
    summary: "Walks the whole journal, every hash and signature.",
  },
  settle: {
    ...post,
    path: "/settle",
    right: "keeper",
    input: settleBody,
    answer: settlePlan,
    summary: "Claims vouchers, or shows what claiming would bring.",
  },
  halt: {
    ...post,
    path: "/halt",
    right: "keeper",
    input: reasonBody,
    answer: done,
    summary: "Takes no new offers.",
  },
  resume: { ...post, path: "/resume", right: "keeper", answer: done, summary: "Takes offers again." },
  stopPaying: {
    ...post,
    path: "/stop-paying",
    right: "keeper",
    input: reasonBody,
    answer: done,
    summary: "Signs no voucher and sends no claim until resumed.",
  },
  resumePaying: {
    ...post,
    path: "/resume-paying",
    right: "keeper",
    answer: done,
    summary: "Pays again, first what was left unpaid.",
  },
  topUpLane: {
    ...post,
    path: "/lanes/:lane/top-up",
    right: "keeper",
    params: laneParams,
    input: topUpBody,
    answer: laneDeed,
    summary: "Deposits more on a lane from the gateway; a dry run unless told otherwise.",
  },
  closeLane: {
    ...post,
    path: "/lanes/:lane/close",
    right: "keeper",
    params: laneParams,
    input: closeBody,
    answer: laneDeed,
    summary: "Closes a lane from the gateway; a dry run unless told otherwise.",
  },
  disableDevice: {
    ...post,
    path: "/devices/:device/disable",
    right: "operator",
    params: deviceParams,
    answer: done,
    summary: "Keeps a device out until it is enabled.",
  },
  enableDevice: {
    ...post,
    path: "/devices/:device/enable",
    right: "operator",
    params: deviceParams,
    answer: done,
    summary: "Lets a device in again.",
  },
  rotateKey: {
    ...post,
    path: "/devices/:device/rotate-key",
    right: "operator",
    params: deviceParams,
    answer: rotation,
    summary: "Gives a device a new key or secret.",
  },
  sendTestTask: {
    ...post,
    path: "/devices/:device/test-task",
    // the gateway's own wallet pays the device for it
    right: "keeper",
    params: deviceParams,
    answer: testTask,
    summary: "Has a device run once more what it has answered before.",
  },
  setBudget: {
    ...post,
    path: "/devices/:device/budget",
    right: "operator",
    params: deviceParams,
    input: budgetBody,
    answer: done,
    summary: "What a device may spend in a day.",
  },
  setLevel: {
    ...post,
    path: "/log-level",
    right: "keeper",
    input: levelBody,
    answer: done,
    summary: "How much a room says; null is every room.",
  },
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;

/** What is asked with a route: values of its path and of its input, defaults filled in. */
export type Asked<Name extends RouteName> = {
  readonly params: z.output<(typeof ROUTES)[Name]["params"]>;
  readonly input: z.output<(typeof ROUTES)[Name]["input"]>;
};

/** What a route answers as JSON; never for a stream. */
export type Answered<Name extends RouteName> = (typeof ROUTES)[Name]["answer"] extends z.ZodType
  ? z.output<(typeof ROUTES)[Name]["answer"]>
  : never;

/** The routes that answer JSON. */
export type JsonRoute = {
  [Name in RouteName]: (typeof ROUTES)[Name]["answer"] extends "stream" ? never : Name;
}[RouteName];
