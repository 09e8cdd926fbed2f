/** Removes types: sends its parent the program that its argument names by a URL, as `sourcesOf` writes it. */
import { stripTypeScriptTypes } from "node:module";
import { sourcesOf } from "./sources.ts";

// Node warns once that this function is experimental, which is no news to whoever starts a gateway
process.emitWarning = () => {};
const text = await sourcesOf(new URL(process.argv[2] ?? ""), (source) => stripTypeScriptTypes(source));
process.send?.(text, () => process.disconnect());
