import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  flagOf,
  type Instruction,
  jsonForm,
  pairsOf,
  parseDockerfile,
  substitute,
} from "../slow/docker/dockerfile.ts";

const STAGES = parseDockerfile(readFileSync("docker/Dockerfile", "utf8"));
const LAST = STAGES.at(-1)?.steps ?? [];
const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } };

function named(name: string, steps: readonly Instruction[] = LAST): readonly Instruction[] {
  return steps.filter((step) => step.name === name);
}

function only(name: string): string {
  const found = named(name);
  expect(found).toHaveLength(1);
  return found[0]?.rest ?? "";
}

describe("the reader of Dockerfiles", () => {
  it("joins lines, passes comments over and takes flags off", () => {
    const text =
      "FROM a AS b\n# c\nRUN --mount=type=bind,target=/x --network=none one \\\n  # two\n  && three\n";
    expect(parseDockerfile(text)).toEqual([
      {
        ...{ name: "b", base: "a", platform: null },
        steps: [
          {
            ...{ name: "RUN", rest: "one && three", line: 3 },
            flags: [
              ["mount", "type=bind,target=/x"],
              ["network", "none"],
            ],
          },
        ],
      },
    ]);
  });

  it.each([
    ["RUN x\n", /stands before FROM/],
    ["FROM a\nADD x y\n", /line 2: no instruction/],
    ["FROM a\nRUN x \\\n", /goes on after the end/],
    ["FROM\n", /names no image/],
  ])("says what is wrong with %j", (text, words) => expect(() => parseDockerfile(text)).toThrow(words));

  it("finds again what was written", () => {
    const word = fc.stringMatching(/^[a-z/.]{1,12}$/);
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 5 }),
        fc.array(word, { maxLength: 3 }),
        (args, from) => {
          const flags = from.map((value) => `--from=${value} `).join("");
          const [stage] = parseDockerfile(`FROM a\nCOPY ${flags}${args.join(" \\\n  ")}\n`);
          const [step] = stage?.steps ?? [];
          expect(step?.rest.split(" ")).toEqual(args);
          expect(step?.flags.map(([, value]) => value)).toEqual(from);
          const [run] = parseDockerfile(`FROM a\nCMD ${JSON.stringify(args)}\n`)[0]?.steps ?? [];
          expect(jsonForm(run?.rest ?? "")).toEqual(args);
        },
      ),
    );
  });

  it("puts values in the place of names, and knows no others", () => {
    expect(substitute(`a/$X/$${"{Y}"}`, { X: "1", Y: "2" })).toBe("a/1/2");
    expect(() => substitute("$Z", {})).toThrow("Z has no value");
    expect(pairsOf('A=1 B="two words"')).toEqual([
      ["A", "1"],
      ["B", "two words"],
    ]);
  });
});

describe("the image", () => {
  it("is based on one version of Node, which is new enough", () => {
    const names = new Set(STAGES.map(({ name }) => name));
    const bases = STAGES.map(({ base }) => base).filter((base) => !names.has(base));
    expect(new Set(bases)).toEqual(new Set(["node:24-trixie-slim"]));
    expect(engines.node).toMatch(/^>=24\./);
    expect(STAGES.at(-1)).toMatchObject({ base: "node:24-trixie-slim", platform: null, name: null });
  });

  it("is made for another processor without emulating it, but for what only that one can do", () => {
    const [first, ...rest] = STAGES;
    expect(first?.platform).toBe("$BUILDPLATFORM");
    for (const { base, platform } of rest.slice(0, -1)) expect([base, platform]).toEqual(["build", null]);
    expect(named("RUN").length).toBeLessThanOrEqual(2);
    expect(named("RUN").some(({ rest: command }) => /\bnpm\b|\btsc\b/.test(command))).toBe(false);
  });

  it("installs what the lock file says, and runs no script of a package", () => {
    const installs = STAGES.flatMap(({ steps }) => named("RUN", steps)).filter(({ rest }) =>
      /\bnpm (ci|i|install|prune)\b/.test(rest),
    );
    expect(installs).toHaveLength(2);
    for (const { rest } of installs) expect(rest).toContain("--ignore-scripts");
    expect(installs[0]?.rest).toMatch(/npm ci/);
    expect(installs[1]?.rest).toMatch(/npm prune --omit=dev --omit=optional/);
  });

  it("starts without a shell, as a user without rights, where its volume is", () => {
    const entrypoint = jsonForm(only("ENTRYPOINT"));
    expect(entrypoint).toEqual(["node", "/app/dist/src/hirewire.js"]);
    expect(jsonForm(only("CMD"))).toEqual(["run"]);
    expect(only("USER")).toBe("node");
    expect(LAST.findLastIndex(({ name }) => name === "COPY")).toBeLessThan(
      LAST.findIndex(({ name }) => name === "USER"),
    );
    expect(only("VOLUME")).toBe("/data");
    expect(named("WORKDIR").at(-1)?.rest).toBe("/data");
    const check = only("HEALTHCHECK").replace(/^CMD /, "");
    expect(jsonForm(check)).toEqual([...(entrypoint ?? []), "status", "--quiet"]);
  });

  it("takes modes from no machine that builds it", () => {
    for (const step of named("COPY")) expect(flagOf(step, "chmod"), `line ${step.line}`).toBe("u=rwX,go=rX");
  });

  it("holds no secret and fetches nothing but packages", () => {
    const all = STAGES.flatMap(({ steps }) => steps);
    expect(all.filter(({ name }) => name === "ADD")).toEqual([]);
    for (const { name, rest } of all) {
      expect(rest).not.toMatch(/\b(curl|wget|sudo|apt-get)\b|https?:/);
      if (name === "ENV" || name === "ARG") expect(rest).not.toMatch(/key|token|secret|password/i);
    }
  });
});

describe("its context", () => {
  it("is named file by file: nothing else comes near the image", () => {
    const lines = readFileSync(".dockerignore", "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines[0]).toBe("*");
    const wanted = STAGES.flatMap(({ steps }) => named("COPY", steps))
      .filter((step) => flagOf(step, "from") === null)
      .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
    const mounted = STAGES.flatMap(({ steps }) => steps)
      .flatMap(({ flags }) => flags)
      .flatMap(([, value]) => /type=bind,source=([^,]+)/.exec(value)?.[1] ?? []);
    const included = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    expect(included.toSorted()).toEqual([...new Set([...wanted, ...mounted])].toSorted());
  });
});
