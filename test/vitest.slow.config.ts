import { defineConfig } from "vitest/config";

const limits = { testTimeout: 300_000, hookTimeout: 60_000 };

/** They only compute: two at a time fill two cores. */
const computing = [
  "test/slow/kernels/**/*.test.ts",
  "test/slow/settlement/**/*.test.ts",
  "test/slow/firmware/{determinism,differential,mutation}.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...limits,
          name: "computing",
          include: computing,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          // Many of them measure, and start processes of their own: one at a time.
          ...{ name: "living", include: ["test/slow/**/*.test.ts"], exclude: computing },
          ...{ maxWorkers: 1, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
