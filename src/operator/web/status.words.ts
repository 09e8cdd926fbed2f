/** The words of the page without JavaScript. */

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

type Words = {
  readonly lang: string;
  readonly title: string;
  readonly login: string;
  readonly how: string;
  readonly token: string;
  readonly enter: string;
  readonly leave: string;
  readonly wrong: string;
  readonly wait: string;
  readonly refreshes: string;
  readonly page: string;
};

export const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    lang: "en",
    title: "Gateway status",
    login: "Login needed",
    how: "Run hirewire login on the gateway's machine and paste what stands after token= in the link.",
    token: "One-time token",
    enter: "Log in",
    leave: "Log out",
    wrong: "This token is not valid: it works once, for ten minutes.",
    wait: "Too many wrong tokens: wait a minute.",
    refreshes: "Read again every 30 seconds.",
    page: "The whole page",
  },
  zh: {
    lang: "zh-Hans",
    title: "网关状态",
    login: "需要登录",
    how: "在网关所在的机器上运行 hirewire login，然后粘贴链接中 token= 之后的内容。",
    token: "一次性令牌",
    enter: "登录",
    leave: "退出登录",
    wrong: "令牌无效：每个令牌只能使用一次，有效期十分钟。",
    wait: "错误的令牌过多：请等待一分钟。",
    refreshes: "每 30 秒刷新一次。",
    page: "完整页面",
  },
};

/** The language that an `Accept-Language` (RFC 9110, section 12.5.4) likes best; English when it names neither. */
export function languageOf(accepted: string): Language {
  const wishes = accepted.split(",").map((range) => {
    const [tag = "", ...rest] = range.trim().toLowerCase().split(";");
    const quality = rest.map((one) => /^\s*q=([\d.]+)$/.exec(one)?.[1]).find((q) => q !== undefined);
    return {
      language: LANGUAGES.find((one) => tag === one || tag.startsWith(`${one}-`)),
      quality: Number(quality ?? 1),
    };
  });
  const [best] = wishes
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality)
    .filter(({ language }) => language);
  return best?.language ?? "en";
}
