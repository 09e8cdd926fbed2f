/** One board's life with a wallet that the gateway keeps: paired over a serial line, funded, owned, spent and replaced. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, expect, it } from "vitest";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { readConfig } from "../../../src/config.ts";
import { Gateway } from "../../../src/gateway.ts";
import { openSerialLine } from "../../../src/link/serial/line.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { fundCommand } from "../../../src/operator/money/fund.ts";
import { withdrawCommand } from "../../../src/operator/money/withdraw.ts";
import { recoverCommand } from "../../../src/operator/recovery/recover.ts";
import { readRoster } from "../../../src/operator/roster-folder.ts";
import { walletFile } from "../../../src/operator/wallet-folder.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { KeptBoard } from "../../link/broker/kept-board.ts";
import { parsePairing, plugIn } from "../../link/broker/pairing-board.ts";
import { rawClient } from "../../link/broker/raw-client.ts";
import { tcpCable } from "../../link/serial/cable.ts";
import { openBank } from "../../operator/money/bank.ts";

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function openMarket() {
  const bank = await openBank();
  closing.push(() => bank.stop());
  const cable = await tcpCable();
  closing.push(() => cable.dispose());
  bank.stand.configure("127.0.0.1:0", undefined, `[[serial]]\npath = "${cable.gatewayPath}"\nbaud = 921600`);
  await cable.plug();
  const key = fromHex(bank.gateway.privateKey);
  const refused: string[] = [];
  const gateway = await Gateway.start({
    ...{
      config: readConfig(bank.stand.config),
      signer: keySigner(key),
      clock: systemClock,
      draw: Math.random,
    },
    transactionSigner: privateKeyToAccount(toHex(key)),
    salt: () => `0x${"5a".repeat(32)}`,
    readSecret: (path) => readFileSync(path, "utf8"),
    onRefused: ({ refused: code }) => refused.push(code),
    onBroken: (fault) => {
      throw fault;
    },
  });
  closing.push(() => gateway.stop());
  return { bank, cable, gateway, refused };
}

/** The board's end of a line: the stream of its newest session. */
function openBoardLine(path: string) {
  const streams: Duplex[] = [];
  let wake = () => {};
  const onSession = (stream: Duplex) => {
    streams.push(stream);
    wake();
  };
  const line = openSerialLine({ path, baud: 921_600, role: "board", clock: systemClock, onSession });
  closing.push(() => line.close());
  return async () => {
    for (;;) {
      const stream = streams.shift();
      if (stream && !stream.destroyed) return stream;
      if (!stream)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  };
}

it("is paired over a serial line, and every command that moves money knows its wallet", async () => {
  const { bank, cable, refused } = await openMarket();
  const { stand, world, rich } = bank;
  const device = (...args: string[]) => stand.run(deviceCommand, ...args);
  const nextSession = openBoardLine(cable.boardPath);
  const stream = await nextSession();
  const board = await plugIn(stream);
  await board.wait();
  expect((await device("list")).written).toMatch(/acme\/b-1, cortex-m3, waits on tcp:/);
  const paired = device("pair", "board-7", "--cap", "5", "--owner", rich.address, "--over-network", "--json");
  const file = await board.given();
  board.prove(file);
  expect(await board.hear()).toEqual({ topic: null, message: {} });
  const { written } = await paired;
  expect(JSON.parse(written)).toMatchObject({ device: file.device, cap: "5", line: cable.gatewayPath });
  await board.leave();

  const { gateway, device: address, manufacturer, serialNumber } = file;
  const pairing = {
    gateway,
    device: address,
    name: { manufacturer, serialNumber },
    secret: fromHex(file.secret),
  };
  const online = await KeptBoard.login(rawClient(await nextSession()), pairing);
  const terms = async () => (await online.until("ack"))["terms"] as { lane: { deposit: string } };
  expect((await terms()).lane.deposit).toBe("0");

  await bank.mint(rich, 50_000_000n);
  await bank.allow(rich, 50_000_000n);
  await stand.run(fundCommand, "board-7", "4", "--from", bank.from);
  let seen = (await terms()).lane.deposit;
  while (seen !== "4000000") seen = (await terms()).lane.deposit;

  await device("owner", "board-7", "--relay-key", bank.from);
  await device("allowance", "board-7", "1", "--owner-key", bank.from);
  await device("budget", "board-7", "0.50");
  await stand.run(fundCommand, "board-7", "3", "--vault", "--from", bank.from);
  const wallet = walletFile(stand.data, address);
  const to = `0x${"9".repeat(40)}` as Hex;
  const move = ["--to", to, "--device", "board-7", "--key", wallet, "--relay-key", bank.from];
  await expect(stand.run(withdrawCommand, "2", ...move)).rejects.toMatchObject({ code: "funds_short" });
  await stand.run(withdrawCommand, "1", ...move);
  expect(await world.tokensOf(to)).toBe(1_000_000n);

  const out = join(stand.folder, "new.json");
  await device("replace", "board-7", "--owner-key", bank.from, "--out", out);
  const [entry] = readRoster(stand.data).entries.filter(({ name }) => name === "board-7");
  expect(entry).toMatchObject({ owner: rich.address.toLowerCase(), perDay: "0.50" });
  expect(entry?.device).not.toBe(address);
  if (!online.line.stream.destroyed) await once(online.line.stream, "close");
  const late = await KeptBoard.login(rawClient(await nextSession()), pairing);
  while ((await late.line.next()) !== null);
  expect(refused.at(-1)).toBe("unknown_device");
  expect((await device("list")).warned).toContain(`${address}.json, made for board-7`);

  const renewed = parsePairing(readFileSync(out, "utf8"));
  expect(renewed).toMatchObject({ device: entry?.device, serialNumber, name: "board-7" });
  const again = { ...pairing, device: renewed.device, secret: fromHex(renewed.secret) };
  const back = await KeptBoard.login(rawClient(await nextSession()), again);
  expect(await back.until("ack")).toMatchObject({ terms: { lane: { deposit: "0" } } });
  expect((await device("list")).written).toContain("wallet kept here, at most 5 in all");

  const recovered = join(stand.folder, "recovered");
  await stand.run(
    (args, io, ports) => recoverCommand(args, io, { ...ports, readConfig }),
    ...["--data", recovered],
  );
  const found = stand.ports.keys.wallet(walletFile(recovered, renewed.device));
  expect(found).toMatchObject({ secret: renewed.secret, cap: "5" });
});
