/** What needs somebody, in one line. */
import type { AlertRow } from "../api/alert.ts";
import type { Language } from "./words.ts";

type Facts = Readonly<Record<string, string>>;

const CLOCK_ZH: Facts = { set: "本机时钟被调整过，已暂停接单", unset: "本机时钟未同步，已暂停接单" };

/** Sentences by rule; a rule that is not here is told in English. */
const ZH: Readonly<Record<string, (facts: Facts) => string>> = {
  journalBroken: (facts) => `账本在第 ${facts["entry"]} 条账目处损坏`,
  laneEnding: (facts) =>
    `${facts["device"]} 的通道将于 ${span(facts["left"])}后关闭，${facts["amount"]} 尚未结算`,
  settlementOverdue: (facts) => `已有 ${span(facts["waiting"])}未结算：${facts["amount"]} 待上链`,
  stopped: (facts) => `已停止付款：${facts["reason"]}`,
  halted: (facts) => `已暂停接单：${facts["reason"]}`,
  gasLow: (facts) => `Gas 只够 ${facts["left"]} 次结算：${facts["coins"]}`,
  chainStale: (facts) => `链的最新区块 ${facts["block"]} 已是 ${span(facts["age"])}前`,
  clockOff: ({ way, by }) => CLOCK_ZH[way ?? ""] ?? `本机时钟${way === "ahead" ? "快" : "慢"}了 ${span(by)}`,
  diskLow: (facts) => `磁盘仅剩 ${facts["percent"]} %（${facts["free"]}）`,
  deviceSilent: (facts) => `${facts["device"]} 已 ${span(facts["silent"])}无响应`,
  resultsRejected: (facts) => `一小时内 ${facts["total"]} 个结果中有 ${facts["rejected"]} 个未通过`,
  spendHigh: (facts) =>
    `${facts["name"]} 已支出上限的 ${facts["percent"]} %：${facts["spent"]} / ${facts["cap"]}`,
};

const UNITS: Readonly<Record<string, string>> = { s: "秒", min: "分钟", h: "小时", d: "天" };

/** The alert's sentence. */
export function alertText({ rule, what, facts }: AlertRow, language: Language): string {
  const tell = language === "zh" && Object.hasOwn(ZH, rule) ? ZH[rule] : undefined;
  return tell ? tell(facts) : what;
}

/** A span as rules write it, such as `6 min`, in Chinese. */
function span(text: string | undefined): string {
  const [count = "", unit = ""] = (text ?? "").split(" ");
  return Object.hasOwn(UNITS, unit) ? `${count} ${UNITS[unit]}` : (text ?? "");
}
