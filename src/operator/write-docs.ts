/** Writes the documents that are made from code. Run by `npm run docs`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { asyncApiDocument } from "../protocol/asyncapi.ts";
import { openApiDocument } from "./api/openapi.ts";
import { alertFile } from "./watch/monitoring/alert-file.ts";
import { dashboardFile } from "./watch/monitoring/dashboard.ts";

const documents = { "../protocol/asyncapi.json": asyncApiDocument(), "api/openapi.json": openApiDocument() };
for (const [file, document] of Object.entries(documents)) {
  writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(document, null, 2)}\n`);
}

const monitoring = new URL("../../docker/monitoring/", import.meta.url);
mkdirSync(monitoring, { recursive: true });
writeFileSync(new URL("alerts.yaml", monitoring), alertFile());
writeFileSync(new URL("dashboard.json", monitoring), dashboardFile());
