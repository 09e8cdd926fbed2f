import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "test/soak/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // The stories mostly wait for processes to start: two at a time fill two cores.
    maxWorkers: 2,
    // Two hundred processes that each load the kernels anew took half of the time.
    isolate: false,
  },
});
