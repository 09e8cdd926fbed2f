import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/soak/**/*.test.ts"],
    testTimeout: 7_200_000,
    hookTimeout: 60_000,
    // Each of them measures: what runs beside it would be in its figures.
    maxWorkers: 1,
  },
});
