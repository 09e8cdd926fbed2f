import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "test/soak/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
