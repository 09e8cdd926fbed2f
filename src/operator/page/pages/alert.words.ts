/** What an alert says, by its rule and its facts. A rule that is not here speaks English, in the gateway's words. */
import { words } from "../language.ts";

type Facts = Readonly<Record<string, string | undefined>>;
type Rules = Readonly<Record<string, ((facts: Facts) => Sentences) | undefined>>;

/** What has happened, what it costs, and what mends it. */
export type Sentences = { readonly what: string; readonly costs: string; readonly mend: string };

const SPAN_UNITS: Readonly<Record<string, string>> = { s: "秒", min: "分钟", h: "小时", d: "天" };

/** A span of the gateway's, `6 min`, in Chinese. */
function spanZh(text = ""): string {
  return text.replace(
    /^(\S+) (s|min|h|d)$/,
    (_, size: string, unit: string) => `${size} ${SPAN_UNITS[unit]}`,
  );
}

/** Why the gateway does not rely on the clock. */
const CLOCK_EN: Facts = {
  set: "New offers are not taken: this machine's clock was set",
  unset: "New offers are not taken: this machine's clock is not synchronised",
};
const CLOCK_ZH: Facts = {
  set: "已暂停接单：本机时钟被调整过",
  unset: "已暂停接单：本机时钟未同步",
};

/** Which lane it is, by the end of its id. */
const isIncoming = (facts: Facts) => (facts["lane"] ?? "").endsWith("-in");

export const alertWords = words<Rules>(
  {
    journalBroken: ({ entry, why }) => ({
      what: `Journal entry ${entry} does not hold: ${why}`,
      costs: "Nothing in the books can be relied on from that entry on.",
      mend: "hirewire stop-paying, then hirewire restore FROM of the newest backup that holds",
    }),
    laneEnding: (facts) => ({
      what: `The lane ${isIncoming(facts) ? "from" : "to"} ${facts["device"]} ends in ${facts["left"]}`,
      costs: `${facts["amount"]} is not claimed, and lost then.`,
      mend: "hirewire settle --now",
    }),
    settlementOverdue: ({ waiting, amount, lanes }) => ({
      what: `Nothing was settled for ${waiting}: ${amount} on ${lanes} lanes waits`,
      costs: `${amount} can be lost when a payer closes its lane.`,
      mend: "hirewire settle --now",
    }),
    stopped: ({ reason }) => ({
      what: `Nothing is paid and claimed: ${reason}`,
      costs: "Nobody is paid, and what is not claimed can be lost when a payer closes its lane.",
      mend: "hirewire resume-paying",
    }),
    halted: ({ reason }) => ({
      what: `No new offers are taken: ${reason}`,
      costs: "Nothing new is earned.",
      mend: "hirewire resume",
    }),
    gasLow: ({ left, coins, amount, gateway }) => ({
      what: `The gas left (${coins}) pays for ${left} settlements`,
      costs: `Without gas nothing can be claimed: ${amount} waits.`,
      mend: `Send coins to ${gateway}`,
    }),
    chainStale: ({ block, age, amount }) => ({
      what: `The chain's newest block ${block} is ${age} old`,
      costs: `Closes are seen late and nothing is claimed: ${amount} waits.`,
      mend: "hirewire doctor; another node in chain.rpc",
    }),
    clockOff: ({ by, way }) => ({
      what:
        CLOCK_EN[way ?? ""] ??
        `This machine's clock is ${by} ${way === "ahead" ? "ahead of" : "behind"} the chain's`,
      costs:
        way === "set" || way === "unset"
          ? "Nothing new is earned meanwhile."
          : "Devices are refused, and deadlines end too early or too late.",
      mend: "sudo timedatectl set-ntp true",
    }),
    diskLow: ({ percent, free, reserve, isReached }) => ({
      what:
        isReached === "true"
          ? `New offers are not taken: ${free} of the disk are free, the reserve is ${reserve}`
          : `${percent} % of the disk is free: ${free}`,
      costs:
        isReached === "true"
          ? "Nothing new is earned; on a full disk the gateway stops."
          : `Below ${reserve} new offers are not taken; on a full disk the gateway stops.`,
      mend: "Make room, or set data to a larger disk",
    }),
    deviceSilent: ({ device, silent, link }) => ({
      what: `${device} is silent for ${silent}`,
      costs: "It earns nothing, and its tasks wait.",
      mend: link === "serial" ? "Look at its cable and power" : "Look at its power and network",
    }),
    resultsRejected: ({ rejected, total, percent }) => ({
      what: `${rejected} of ${total} answers of the last hour were rejected (${percent} %)`,
      costs: "Rejected work is not paid, and its requesters wait longer.",
      mend: "See who delivered them; hirewire devices disable NAME",
    }),
    spendHigh: ({ name, spent, cap, percent }) => ({
      what: `${name} has spent ${spent}, ${percent} % of its cap`,
      costs: `Offers above the cap of ${cap} are refused.`,
      mend: "hirewire device budget NAME AMOUNT",
    }),
  },
  {
    journalBroken: ({ entry, why }) => ({
      what: `账本第 ${entry} 条账目校验失败：${why}`,
      costs: "从该账目起，所有账目均不可信。",
      mend: "先执行 hirewire stop-paying，再用最近的完好备份执行 hirewire restore",
    }),
    laneEnding: (facts) => ({
      what: `${isIncoming(facts) ? "来自" : "通往"} ${facts["device"]} 的通道将在 ${spanZh(facts["left"])}后到期`,
      costs: `仍有 ${facts["amount"]} 未兑付，到期即损失。`,
      mend: "hirewire settle --now",
    }),
    settlementOverdue: ({ waiting, amount, lanes }) => ({
      what: `已有 ${spanZh(waiting)}未结算：${lanes} 条通道上的 ${amount} 待兑付`,
      costs: `付款方一旦关闭通道，可能损失 ${amount}。`,
      mend: "hirewire settle --now",
    }),
    stopped: ({ reason }) => ({
      what: `已停止付款和兑付：${reason}`,
      costs: "所有人都收不到款；付款方关闭通道时，未兑付的金额可能损失。",
      mend: "hirewire resume-paying",
    }),
    halted: ({ reason }) => ({
      what: `已暂停接单：${reason}`,
      costs: "不会产生新的收入。",
      mend: "hirewire resume",
    }),
    gasLow: ({ left, coins, amount, gateway }) => ({
      what: `剩余 Gas（${coins}）只够结算 ${left} 次`,
      costs: `没有 Gas 就无法兑付：${amount} 正在等待。`,
      mend: `请向 ${gateway} 转入 Gas 费`,
    }),
    chainStale: ({ block, age, amount }) => ({
      what: `链上最新区块 ${block} 已是 ${spanZh(age)}前的`,
      costs: `通道关闭会延迟发现，也无法兑付：${amount} 正在等待。`,
      mend: "执行 hirewire doctor；或在 chain.rpc 中更换节点",
    }),
    clockOff: ({ by, way }) => ({
      what: CLOCK_ZH[way ?? ""] ?? `本机时钟比链上时间${way === "ahead" ? "快" : "慢"} ${spanZh(by)}`,
      costs:
        way === "set" || way === "unset"
          ? "期间不会产生新的收入。"
          : "设备会被拒绝接入，截止时间也会提前或推迟。",
      mend: "sudo timedatectl set-ntp true",
    }),
    diskLow: ({ percent, free, reserve, isReached }) => ({
      what:
        isReached === "true"
          ? `已暂停接单：磁盘仅剩 ${free}，低于预留的 ${reserve}`
          : `磁盘仅剩 ${percent} % 可用空间：${free}`,
      costs:
        isReached === "true"
          ? "不会产生新的收入；磁盘写满后网关会停止。"
          : `低于 ${reserve} 时不再接单；磁盘写满后网关会停止。`,
      mend: "清理磁盘，或将 data 设到更大的磁盘",
    }),
    deviceSilent: ({ device, silent, link }) => ({
      what: `${device} 已有 ${spanZh(silent)}无响应`,
      costs: "它没有收入，它的任务也在等待。",
      mend: link === "serial" ? "请检查它的线缆和电源" : "请检查它的电源和网络",
    }),
    resultsRejected: ({ rejected, total, percent }) => ({
      what: `最近一小时 ${total} 个结果中有 ${rejected} 个未通过（${percent} %）`,
      costs: "未通过的任务不予付款，请求方要等待更久。",
      mend: "查看是谁交付的；hirewire devices disable NAME",
    }),
    spendHigh: ({ name, spent, cap, percent }) => ({
      what: `${name} 已支出 ${spent}，达到上限的 ${percent} %`,
      costs: `超过上限 ${cap} 的需求会被拒绝。`,
      mend: "hirewire device budget NAME AMOUNT",
    }),
  },
);

export const remedyWords = words(
  {
    settle: "Settle now",
    verify: "Verify the journal",
    resume: "Take offers again",
    resumePaying: "Pay again",
    device: "Open device",
    lanes: "Open lanes",
    log: "Open settlement log",
    logs: "Open logs",
    settings: "Open settings",
    alerts: "Open alerts",
    since: "since",
    costs: "Costs",
    mend: "Mend",
    urgent: "urgent",
    warning: "warning",
    resumeWhat: "The gateway announces new offers again at once.",
    resumePayingWhat:
      "Vouchers are signed and claims are sent again at once, first for what was left unpaid meanwhile.",
    done: "Done.",
  },
  {
    settle: "立即结算",
    verify: "校验账本",
    resume: "恢复接单",
    resumePaying: "恢复付款",
    device: "查看设备",
    lanes: "查看通道",
    log: "查看结算记录",
    logs: "查看日志",
    settings: "查看设置",
    alerts: "查看告警",
    since: "始于",
    costs: "代价",
    mend: "处理",
    urgent: "紧急",
    warning: "警告",
    resumeWhat: "网关将立即重新发布新的需求。",
    resumePayingWhat: "网关将立即恢复签发凭证和上链兑付，先补付此前未付的款项。",
    done: "已完成。",
  },
);
