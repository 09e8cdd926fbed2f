/** How somebody comes in: with a link that has a token, or by pasting one. */
import { useEffect, useState } from "preact/hooks";
import { Problem as Told } from "../fetch.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { Copy } from "../parts/code.tsx";
import { Field } from "../parts/field.tsx";
import { Heading } from "../parts/heading.tsx";
import { Problem } from "../parts/notice.tsx";
import { LanguageSwitch } from "../shell/language-switch.tsx";
import { logIn } from "../shell/login.ts";
import { takeToken } from "../shell/token.ts";
import { loginWords } from "./login.words.ts";

const COMMAND = "hirewire login";

/** A link may have been pasted instead of its token. */
function tokenOf(text: string): string {
  const token = /#token=(.+)$/.exec(text)?.[1];
  return token === undefined ? text.trim() : token.trim();
}

/** Asks for a one-time token; a link's own is used at once. */
export function LoginPage() {
  const say = useWords(loginWords);
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Told | null>(null);
  const [isMissing, setMissing] = useState(false);
  const enter = (token: string) => {
    setMissing(token === "");
    if (token === "" || isBusy) return;
    setBusy(true);
    setProblem(null);
    logIn(token)
      .catch((reason: unknown) => {
        setProblem(reason instanceof Told ? reason : new Told(0, { title: String(reason) }));
        setText("");
      })
      .finally(() => setBusy(false));
  };
  useEffect(() => {
    const token = takeToken();
    if (token !== null) enter(token);
  }, []);
  return (
    <div class="login card">
      <Heading title={say.title} side={<LanguageSwitch />} />
      <p>{say.what}</p>
      <p>{say.how}</p>
      <p class="command">
        <code>{COMMAND}</code> <Copy text={COMMAND} what={say.command} />
      </p>
      <p>{say.paste}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          enter(tokenOf(text));
        }}
      >
        <Field
          label={say.token}
          type="password"
          value={text}
          onChange={setText}
          wrong={isMissing ? say.needed : undefined}
          autoComplete="one-time-code"
        />
        <Button kind="primary" type="submit" isBusy={isBusy}>
          {isBusy ? say.busy : say.submit}
        </Button>
      </form>
      {problem && <Problem problem={inWords(problem, say)} />}
    </div>
  );
}

function inWords(problem: Told, say: (typeof loginWords)["en"]): Told {
  if (problem.status === 401)
    return new Told(401, { code: problem.code, title: say.refused, hint: say.refusedHint });
  if (problem.status === 429)
    return new Told(429, { code: problem.code, title: say.tooMany, hint: say.tooManyHint });
  return problem;
}
