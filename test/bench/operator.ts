/** What an operator waits for: the settlement log at a million entries, its export, a verification, and the page's weight. */
import type { Figure } from "./main.ts";
import { logFigures } from "./operator/log-query.ts";
import { verifyFigures } from "./operator/verify.ts";
import { weightFigures } from "./operator/weight.ts";

/** @param quick - shows that all of it runs; what it measures means little */
export async function operatorSuite(options: { readonly quick: boolean }): Promise<Figure[]> {
  return [...(await logFigures(options)), ...(await verifyFigures(options)), ...(await weightFigures())];
}
