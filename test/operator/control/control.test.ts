import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { askGateway } from "../../../src/operator/control/client.ts";
import { type Control, startControl, type Verb } from "../../../src/operator/control/server.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

const echo: Record<string, Verb> = {
  status: ({ do: _, ...rest }) => Promise.resolve({ halted: false, ...rest }),
  wei: () => Promise.resolve({ wei: 2n ** 70n }),
  refuse: () => Promise.reject(new Fault("lane_closing", "the lane closes")),
  break: () => Promise.reject(new TypeError("a bug")),
};

let folder = "";
const opened: Control[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "control-"));
  return async () => {
    for (const control of opened.splice(0)) await control.stop();
    rmSync(folder, { recursive: true });
  };
});

async function open(verbs: Record<string, Verb> = echo, where = folder): Promise<Control> {
  const control = await startControl(where, verbs);
  opened.push(control);
  return control;
}

const file = () => join(folder, "control.sock");
const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** Sends bytes as they are and gives all that comes back, until the other side ends. */
async function raw(bytes: string | Uint8Array, options: { halfClose: boolean } = { halfClose: false }) {
  const socket = connect({ path: file(), allowHalfOpen: true });
  socket.on("error", () => undefined);
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  if (options.halfClose) socket.end(bytes);
  else socket.write(bytes);
  await once(socket, "end");
  socket.destroy();
  return Buffer.concat(parts).toString("utf8");
}

describe("the control socket", () => {
  it("answers a verb with one line, its request's fields passed on, large numbers as decimal text", async () => {
    await open();
    expect(await askGateway(folder, { do: "status", device: "robot-1", amount: "1.50" })).toEqual({
      halted: false,
      device: "robot-1",
      amount: "1.50",
    });
    expect(await askGateway(folder, { do: "wei" })).toEqual({ wei: "1180591620717411303424" });
    expect(await raw('{"do":"status"}\n')).toBe('{"ok":true,"halted":false}\n');
    expect(await raw('{"do":"status"}', { halfClose: true })).toBe('{"ok":true,"halted":false}\n');
  });

  it("passes on the gateway's fault with its code, and a bug as impossible", async () => {
    await open();
    await expect(askGateway(folder, { do: "refuse" })).rejects.toThrow(fault("lane_closing", /closes/));
    await expect(askGateway(folder, { do: "break" })).rejects.toThrow(fault("impossible", /a bug/));
  });

  it.each([
    ["not JSON", /one line of JSON/],
    ["[1,2]", /expected an object/],
    ["null", /expected an object/],
    ["{}", /no verb/],
    ['{"do":7}', /no verb 7/],
    ['{"do":"toString"}', /no verb toString/],
    ['{"do":"__proto__"}', /no verb/],
    ["\u0000\u0001\ufffd", /one line of JSON/],
  ])("answers %j with usage, and goes on", async (line, message) => {
    await open();
    const answer = JSON.parse(await raw(`${line}\n`));
    expect(answer).toEqual({ ok: false, code: "usage", message: expect.stringMatching(message) });
    expect(await askGateway(folder, { do: "status" })).toEqual({ halted: false });
  });

  it("takes 65,536 bytes of a line and refuses one more, without waiting for its end", async () => {
    await open();
    const fits = `{"do":"status","x":"${"a".repeat(65_536 - 22)}"}`;
    expect(fits).toHaveLength(65_536);
    expect(JSON.parse(await raw(`${fits}\n`))).toMatchObject({ ok: true });
    expect(JSON.parse(await raw("b".repeat(65_537)))).toEqual({
      ok: false,
      code: "usage",
      message: expect.stringMatching(/longer than 65536/),
    });
    await expect(askGateway(folder, { do: "status", x: "c".repeat(70_000) })).rejects.toThrow(
      fault("usage", /longer than 65536/),
    );
    expect(await askGateway(folder, { do: "status" })).toEqual({ halted: false });
  });

  it("says nothing to one who says nothing", async () => {
    await open();
    expect(await raw("", { halfClose: true })).toBe("");
  });

  it("is readable and writable by its owner alone, and leaves nothing behind", async () => {
    const control = await open();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["control.sock"]);
    await control.stop();
    expect(readdirSync(folder)).toEqual([]);
    expect(await askGateway(folder, { do: "status" })).toBeNull();
  });

  it("answers what was asked before it stops, and nothing after", async () => {
    const gate = Promise.withResolvers<object>();
    const asked = Promise.withResolvers<void>();
    const control = await open({
      slow: () => {
        asked.resolve();
        return gate.promise;
      },
    });
    const waiting = askGateway(folder, { do: "slow" });
    const idle = connect(file());
    await once(idle, "connect");
    await asked.promise;
    const stopped = control.stop();
    expect(await askGateway(folder, { do: "slow" })).toBeNull();
    gate.resolve({ late: true });
    expect(await waiting).toEqual({ late: true });
    await stopped;
    await once(idle, "close");
  });

  it("is not there where no gateway runs, nor where there is no folder", async () => {
    expect(await askGateway(folder, { do: "status" })).toBeNull();
    expect(await askGateway(join(folder, "none"), { do: "status" })).toBeNull();
    expect(await askGateway(join(folder, "x".repeat(120)), { do: "status" })).toBeNull();
  });
});

describe("a second gateway in the folder", () => {
  it("is refused while the first one lives, which goes on", async () => {
    await open();
    await expect(startControl(folder, {})).rejects.toThrow(fault("port_busy", /a gateway runs/));
    expect(await askGateway(folder, { do: "status" })).toEqual({ halted: false });
  });

  it("does not remove what is no socket", async () => {
    writeFileSync(file(), "mine");
    await expect(startControl(folder, echo)).rejects.toThrow(fault("port_busy", /no socket/));
    expect(await askGateway(folder, { do: "status" })).toBeNull();
    expect(statSync(file()).size).toBe(4);
  });

  it("replaces the file and the leavings of one that was killed", async () => {
    const server = join(ROOT, "src/operator/control/server.ts");
    const code = `
      import { startControl } from ${JSON.stringify(server)};
      await startControl(${JSON.stringify(folder)}, { status: async () => ({ pid: process.pid }) });
      console.log("ready");
      setInterval(() => {}, 1e6);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(await askGateway(folder, { do: "status" })).toEqual({ pid: child.pid });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(file())).toBe(true);
    expect(await askGateway(folder, { do: "status" })).toBeNull();
    mkdirSync(join(folder, ".control-abcdef"));
    await open();
    expect(await askGateway(folder, { do: "status" })).toEqual({ halted: false });
    expect(readdirSync(folder)).toEqual(["control.sock"]);
  });

  it("tells who asks when it dies before its answer", async () => {
    const server = join(ROOT, "src/operator/control/server.ts");
    const code = `
      import { startControl } from ${JSON.stringify(server)};
      await startControl(${JSON.stringify(folder)}, { die: () => process.kill(process.pid, "SIGKILL") });
      console.log("ready");
      setInterval(() => {}, 1e6);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await expect(askGateway(folder, { do: "die" })).rejects.toThrow(fault("link_lost", /has not answered/));
  });
});

describe("a path longer than a socket's address", () => {
  it.each([101, 180, 250])("of %d bytes works all the same", async (length) => {
    const long = join(folder, "y".repeat(length - Buffer.byteLength(file()) - 1));
    mkdirSync(long);
    expect(Buffer.byteLength(join(long, "control.sock"))).toBe(length);
    const control = await open(echo, long);
    expect(await askGateway(long, { do: "status" })).toEqual({ halted: false });
    await expect(startControl(long, {})).rejects.toThrow(fault("port_busy", /a gateway runs/));
    expect(readdirSync(long)).toEqual(["control.sock"]);
    await control.stop();
    expect(readdirSync(long)).toEqual([]);
    expect(await askGateway(long, { do: "status" })).toBeNull();
  });

  it("may be relative", async () => {
    await open();
    expect(await askGateway(relative(process.cwd(), folder), { do: "status" })).toEqual({ halted: false });
  });
});

describe("a folder that cannot be written", () => {
  it.skipIf(process.getuid?.() === 0)("is a fault of the disk", async () => {
    chmodSync(folder, 0o500);
    await expect(startControl(folder, echo)).rejects.toThrow(fault("disk_failed", /cannot open/));
    chmodSync(folder, 0o700);
  });

  it("is one that is not there", async () => {
    await expect(startControl(join(folder, "none"), echo)).rejects.toThrow(
      fault("disk_failed", /cannot open/),
    );
  });
});
