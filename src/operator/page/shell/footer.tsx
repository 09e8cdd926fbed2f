/** The foot of every page: who looks, which times, which version. */
import { useCell } from "../cell.ts";
import { isUtc, showUtc } from "../format.ts";
import { useWords } from "../language.ts";
import { overview } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Address } from "../parts/code.tsx";
import { tell } from "../parts/toast.tsx";
import { session } from "../session.ts";
import { stateWords } from "../words/state.words.ts";
import { logOut } from "./login.ts";
import { shellWords } from "./shell.words.ts";

/** Quiet, and the same everywhere. */
export function Footer() {
  const say = useWords(shellWords);
  const states = useWords(stateWords);
  const who = useCell(session);
  const screen = useCell(overview);
  const inUtc = useCell(isUtc);
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const leave = () => {
    logOut().catch((reason: unknown) => tell(String(reason)));
  };
  return (
    <footer class="foot">
      {screen && (
        <p>
          {screen.name} · hirewire {screen.version} · {screen.chain.name} ({screen.chain.id}) ·{" "}
          <Address address={screen.gateway} />
        </p>
      )}
      <p class="foot-tools">
        <span>{say.times(inUtc ? "UTC" : zone)}</span>
        <Button isPressed={inUtc} onPress={() => showUtc(!inUtc)}>
          UTC
        </Button>
        <a href="/status">{say.plain}</a>
        {who && (
          <>
            <span>
              {say.who(who.name, states.role[who.role])}
              {who.owner !== null && ` · ${say.oneOwner}`}
            </span>
            <Button onPress={leave}>{say.logOut}</Button>
          </>
        )}
      </p>
    </footer>
  );
}
