/** Writes the documents that are made from code. Run by `npm run docs`. */
import { writeFileSync } from "node:fs";
import { asyncApiDocument } from "../protocol/asyncapi.ts";

const file = new URL("../protocol/asyncapi.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(asyncApiDocument(), null, 2)}\n`);
