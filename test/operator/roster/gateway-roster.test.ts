import { readFileSync } from "node:fs";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { type Fault, isFault } from "../../../src/base/fault.ts";
import { readConfig } from "../../../src/config.ts";
import { Gateway } from "../../../src/gateway.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Bank, openBank } from "../money/bank.ts";

/** A gateway on the bank's folder; who is enrolled, and which files it complains of, in order. */
function openGateway({ stand, gateway }: Bank) {
  const complaints: Fault[] = [];
  const names = new Set<string>();
  let wake = () => {};
  const started = Gateway.start({
    config: readConfig(stand.config),
    signer: keySigner(fromHex(gateway.privateKey)),
    transactionSigner: privateKeyToAccount(toHex(fromHex(gateway.privateKey))),
    clock: systemClock,
    draw: Math.random,
    salt: () => `0x${"5a".repeat(32)}`,
    readSecret: () => "",
    onFault: (fault) => {
      if (isFault(fault, "file_format")) complaints.push(fault);
      wake();
    },
    onEntries: (entries) => {
      for (const fact of entries.flatMap(({ facts }) => facts)) {
        if (fact.kind === "deviceEnrolled") names.add(fact.name);
      }
      wake();
    },
    onBroken: (fault) => {
      throw fault;
    },
  });
  const until = async (claim: () => boolean) => {
    while (!claim()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { complaints, names, started, until };
}

it("starts with bad files in the roster, enrols the others, and names each bad file once", async () => {
  const bank = await openBank();
  bank.stand.configure("127.0.0.1:0");
  const [first, second] = ["0-first.json", "1-second.json"].map((name) => `data/devices/${name}`);
  if (!first || !second) throw new Error("two names");
  bank.stand.put(first, "{}");
  const robot = readFileSync(join(bank.stand.data, "devices/robot-1.json"), "utf8");
  const { complaints, names, started, until } = openGateway(bank);
  const gateway = await started;
  try {
    expect(names).toEqual(new Set(["arm-2", "robot-1"]));
    const files = () => complaints.map(({ facts }) => facts["file"]);
    expect(files()).toEqual([join(bank.stand.folder, first)]);
    bank.stand.put(second, robot);
    await until(() => complaints.length > 1);
    const leg = { ...JSON.parse(robot), name: "leg", serialNumber: "leg", device: `0x${"5".repeat(40)}` };
    bank.stand.put("data/devices/leg.json", JSON.stringify(leg));
    await until(() => names.has("leg"));
    expect(new Set(files())).toEqual(new Set([first, second].map((name) => join(bank.stand.folder, name))));
    expect(complaints).toHaveLength(2);
  } finally {
    await gateway.stop();
    await bank.stop();
  }
});
