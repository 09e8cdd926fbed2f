/** Questions on a terminal. */
import { createInterface } from "node:readline/promises";
import { Fault } from "../../base/fault.ts";

/**
 * Asks on standard output and reads one line; null where nobody is at the terminal. Asking throws {@link Fault} `usage` when
 * it is broken off.
 */
export function terminalQuestions(): ((question: string) => Promise<string>) | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return await lines.question(question);
    } catch (cause) {
      // Ctrl-C, Ctrl-D: whoever sat there has gone
      throw new Fault("usage", "no answer came, and nothing was done", { cause });
    } finally {
      lines.close();
    }
  };
}
