import { defineConfig } from "vitest/config";

const limits = { testTimeout: 400_000, hookTimeout: 60_000 };

/** They compute, or wait for the processes that they start, and look at no clock: three at a time fill two cores. */
const patient = [
  "test/slow/kernels/**/*.test.ts",
  "test/slow/settlement/**/*.test.ts",
  "test/slow/firmware/{determinism,differential,mutation}.test.ts",
  "test/slow/exchange/**/*.test.ts",
  "test/slow/links/{puback-kill,hostile-packets,hostile-messages}.test.ts",
  "test/slow/stories/{sigkill,restart,interrupt,by-hand,restore,on-result,rotation,maps,fuel}.test.ts",
  "test/slow/stories/{board,departure,doors,kept-wallet,one-key,operator-run,tower}.test.ts",
  "test/slow/board/{client,digest,false-gateway,fuzz,json,link,mqtt,pairing,seal,size}.test.ts",
  "test/slow/operator/*/**/*.test.ts",
  "test/slow/arm64/kernels.test.ts",
  "test/slow/docker/**/*.test.ts",
  "test/slow/package.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...limits,
          name: "patient",
          include: patient,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          // They measure, or their faults last for a time: one at a time.
          ...{ name: "measuring", include: ["test/slow/**/*.test.ts"], exclude: patient },
          ...{ maxWorkers: 1, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
