/** The first screen as text in a page that needs no JavaScript, and the login that needs none either. */
import { createHash } from "node:crypto";
import { type Language, WORDS } from "./status.words.ts";

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:80ch;margin:1rem auto;\
padding:0 1rem}pre{font:14px/1.45 ui-monospace,monospace;overflow-x:auto}label{display:block}\
input,button{font:inherit;padding:.6rem;min-height:44px;box-sizing:border-box}input{width:100%}\
button{margin-top:.6rem}[role=alert]{border-left:.3rem solid;padding-left:.6rem}`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/**
 * What this page may do: nothing but send its own forms. Those of a page without a referrer would have no Origin either,
 * so it sends one to its own gateway.
 */
export const STATUS_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "same-origin",
  vary: "accept-language",
} as const;

/** The form that logs in. `why` says what was wrong with the last try. */
export function loginPage(language: Language, why: "wrong" | "wait" | null): string {
  const words = WORDS[language];
  const complaint = why === null ? "" : `<p role="alert">▲ ${words[why]}</p>`;
  return document(
    language,
    "",
    `<h1>${words.login}</h1>${complaint}<p>${words.how}</p>
<form method="post" action="/status"><label for="token">${words.token}</label>
<input id="token" name="token" type="password" autocomplete="off" required maxlength="256">
<button>${words.enter}</button></form>`,
  );
}

/** @param csrf - of the session, for the button that ends it; null where there is none to end */
export function statusPage(language: Language, text: string, csrf: string | null): string {
  const words = WORDS[language];
  const leave =
    csrf === null
      ? ""
      : `<form method="post" action="/status"><input type="hidden" name="leave" value="${escaped(csrf)}">
<button>${words.leave}</button></form>`;
  return document(
    language,
    `<meta http-equiv="refresh" content="30">`,
    `<h1>${words.title}</h1><pre>${escaped(text)}</pre>
<p>${words.refreshes} <a href="/">${words.page}</a></p>${leave}`,
  );
}

function document(language: Language, head: string, body: string): string {
  const { lang, title } = WORDS[language];
  return `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${head}
<title>${title}</title><style>${STYLE}</style></head><body>
<main>${body}</main>
</body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
