/** Builds the operator's page into `build/page`: `vite build --config src/operator/page/vite.config.ts`. */
import { join, resolve } from "node:path";
import { defineConfig } from "vite";

const ROOT = resolve(import.meta.dirname, "../../..");

const config = defineConfig({
  root: import.meta.dirname,
  base: "/",
  publicDir: false,
  build: {
    outDir: join(ROOT, "build/page"),
    emptyOutDir: true,
    target: "es2024",
    // The page's policy allows nothing inline, so nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

export { config as default };
