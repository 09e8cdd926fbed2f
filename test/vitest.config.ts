import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "test/soak/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Half of the time they wait for the processes that they started: three at a time fill two cores.
    maxWorkers: 3,
    // Two hundred processes that each load the kernels anew took half of the time.
    isolate: false,
  },
});
