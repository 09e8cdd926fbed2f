import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const TEXT = readFileSync("docker/compose.yaml", "utf8");
const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }),
  init: z.literal(true),
  restart: z.literal("unless-stopped"),
  stop_grace_period: z.string(),
  network_mode: z.literal("host"),
  read_only: z.literal(true),
  tmpfs: z.array(z.string()),
  cap_drop: z.tuple([z.literal("ALL")]),
  security_opt: z.array(z.string()),
  mem_limit: z.string(),
  pids_limit: z.number(),
  ulimits: z.strictObject({ core: z.literal(0) }),
  volumes: z.array(z.string()),
  devices: z.array(z.string()),
  group_add: z.array(z.string()),
  logging: z.strictObject({
    driver: z.literal("local"),
    options: z.strictObject({ "max-size": z.string(), "max-file": z.string() }),
  }),
});

const compose = z.strictObject({
  name: z.string(),
  services: z.strictObject({ gateway: service }),
  volumes: z.record(z.string(), z.null()),
});

/** With the line for backups on another disk, which is a comment until somebody has one. */
const WITH_BACKUPS = TEXT.replace(/^ {6}# (- \/mnt\/usb)/m, "      $1");

/** What an engine reads: variables by their values, or else by what stands behind `:-`. */
function substituted(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, or: string) => variables[name] ?? or);
}

describe("the compose file", () => {
  const read = compose.parse(parse(TEXT));
  const { gateway } = read.services;

  it("runs this version, without rights, with one place to write", () => {
    expect(gateway.image).toBe(`hirewire:${version}`);
    expect(gateway.build).toEqual({ context: "..", dockerfile: "docker/Dockerfile" });
    expect(gateway.security_opt).toEqual(["no-new-privileges:true"]);
    expect(gateway.tmpfs).toEqual([expect.stringMatching(/^\/tmp:/)]);
    const writable = gateway.volumes.filter((one) => !one.endsWith(":ro"));
    expect(writable).toEqual(["data:/data"]);
    expect(Object.keys(read.volumes)).toEqual(["data"]);
  });

  it("has a line for backups on another disk, where the unit lets them be written too", () => {
    const added = compose.parse(parse(WITH_BACKUPS)).services.gateway.volumes;
    const [line, ...others] = added.filter((one) => !gateway.volumes.includes(one));
    expect([line, others]).toEqual(["/mnt/usb/hirewire:/mnt/usb/hirewire", []]);
    expect(readFileSync("docker/hirewire.service", "utf8")).toContain("ReadWritePaths=-/mnt/usb/hirewire\n");
  });

  it("bounds its logs and gives it time to stop", () => {
    const { options } = gateway.logging;
    expect(options).toEqual({ "max-size": "10m", "max-file": "3" });
    expect(Number.parseInt(gateway.stop_grace_period, 10)).toBeGreaterThanOrEqual(30);
  });

  it("lets it into the group of serial lines by number, and gives it the board that a variable names", () => {
    expect(gateway.group_add).toEqual(["20"]);
    const devices = (variables: Readonly<Record<string, string>>) =>
      compose.parse(parse(substituted(TEXT, variables))).services.gateway.devices;
    expect(devices({})).toEqual(["/dev/null:/dev/board:rw"]);
    const [, example = ""] = /^ *# +HIREWIRE_SERIAL=(\S+)$/m.exec(TEXT) ?? [];
    expect(example).toMatch(/^\/dev\/serial\/by-id\/usb-[^:]+$/);
    expect(devices({ HIREWIRE_SERIAL: example })).toEqual([`${example}:/dev/board:rw`]);
  });
});
