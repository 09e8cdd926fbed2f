import { words } from "../language.ts";

export const loginWords = words(
  {
    title: "Log in to hirewire",
    what: "Whoever has this page can move money. A one-time token proves that you may.",
    how: "Print one on the machine where the gateway runs:",
    paste: "Then open its link, or paste the token here.",
    token: "One-time token",
    submit: "Log in",
    busy: "Logging in…",
    refused: "This token is not valid",
    refusedHint: "It works once and only for a few minutes. Print a new one with the command above.",
    tooMany: "Too many attempts",
    tooManyHint: "Wait a minute, then try again.",
    needed: "Paste the token first.",
    command: "the command",
  },
  {
    title: "登录 hirewire",
    what: "通过本页面可以动用资金，因此需要用一次性令牌证明您的身份。",
    how: "请在运行网关的机器上执行：",
    paste: "然后打开命令给出的链接，或将令牌粘贴到这里。",
    token: "一次性令牌",
    submit: "登录",
    busy: "正在登录…",
    refused: "令牌无效",
    refusedHint: "令牌只能使用一次，且仅在几分钟内有效。请用上面的命令重新生成。",
    tooMany: "尝试次数过多",
    tooManyHint: "请等待一分钟后再试。",
    needed: "请先粘贴令牌。",
    command: "命令",
  },
);
