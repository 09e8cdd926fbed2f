import { describe, expect, it } from "vitest";
import { matched } from "../../../src/operator/page/path.ts";

describe("an address of the page", () => {
  it.each([
    ["/", "/", {}],
    ["/devices", "/devices", {}],
    ["/devices", "/devices/", {}],
    ["/devices/:device", "/devices/robot-1", { device: "robot-1" }],
    ["/devices/:device", "/devices/%E5%B7%A1%E6%A3%80%2F07", { device: "巡检/07" }],
    ["/devices/:device", "/devices/%E5%B7", { device: "%E5%B7" }],
    ["/devices/:device", "/devices", null],
    ["/devices/:device", "/devices//", null],
    ["/devices", "/devices/robot-1", null],
    ["/", "/nowhere", null],
  ])("%s meets %s", (pattern, path, params) => {
    expect(matched(pattern, path)).toEqual(params);
  });
});
