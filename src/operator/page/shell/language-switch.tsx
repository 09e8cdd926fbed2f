/** From one language to the other. */
import { useCell } from "../cell.ts";
import { choose, language, useWords } from "../language.ts";
import { shellWords } from "./shell.words.ts";

/** Says the other language's own name, in that language. */
export function LanguageSwitch() {
  const say = useWords(shellWords);
  const spoken = useCell(language);
  return (
    <button
      type="button"
      class="icon-button language"
      lang={say.otherLanguageTag}
      onClick={() => choose(spoken === "en" ? "zh" : "en")}
    >
      {say.otherLanguage}
    </button>
  );
}
