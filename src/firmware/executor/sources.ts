/** A program as one text that needs no files: `[url, source]` pairs, itself first, as JSON. */
import { readFile } from "node:fs/promises";

/**
 * Reads a program and all that it imports by relative paths.
 *
 * @param strip - makes JavaScript of a file that ends in `.ts`
 */
export async function sourcesOf(program: URL, strip: (text: string) => string): Promise<string> {
  const sources = new Map([[program.href, ""]]);
  for (const href of sources.keys()) {
    const text = await readFile(new URL(href), "utf8");
    const source = href.endsWith(".ts") ? strip(text) : text;
    sources.set(href, source);
    const imports = source.matchAll(/^(?:import|export)\s[^;"']*?["'](\.[^"']+)["']/gm);
    for (const [, path = ""] of imports) {
      const imported = new URL(path, href).href;
      if (!sources.has(imported)) sources.set(imported, "");
    }
  }
  return JSON.stringify([...sources]);
}
