/** Whose task firmware a provider runs: `serve()` asks for it, `hirewire firmware trust` edits the file. */
export { readTrust, type Trust } from "../../src/firmware/trust.ts";
