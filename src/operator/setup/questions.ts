/** Questions on a terminal. */
import { createInterface } from "node:readline/promises";

/** Asks on standard output and reads one line; null where nobody is at the terminal. */
export function terminalQuestions(): ((question: string) => Promise<string>) | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  };
}
