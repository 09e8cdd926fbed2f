/** The files for Prometheus and Grafana are what the tables make, and name only metrics that there are. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { RULE_NAMES, RULES } from "../../../src/operator/watch/alert/rules.ts";
import { METRIC_NAMES, METRICS } from "../../../src/operator/watch/metrics/table.ts";
import { alertFile, alertTable } from "../../../src/operator/watch/monitoring/alert-file.ts";
import { dashboardFile } from "../../../src/operator/watch/monitoring/dashboard.ts";

type Target = { refId: string; expr: string; datasource: { type: string; uid: string } };
type Panel = {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource: { type: string; uid: string };
  targets: Target[];
};
type Dashboard = {
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
};

const DASHBOARD = JSON.parse(dashboardFile()) as Dashboard;

/** Names of metrics in an expression, a histogram's without its ending. */
function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/\b(hirewire|process|nodejs)_\w+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ""),
  );
}

describe("the files in docker/monitoring", () => {
  it("are those that npm run docs writes", () => {
    expect(readFileSync("docker/monitoring/alerts.yaml", "utf8")).toBe(alertFile());
    expect(readFileSync("docker/monitoring/dashboard.json", "utf8")).toBe(dashboardFile());
  });

  it("and README's table of alerts, where it has one, are of the same rules", () => {
    const section = readFileSync("README.md", "utf8").split("\n### Alerts\n")[1]?.split(/\n#/)[0];
    if (section !== undefined) expect(section).toContain(alertTable().trim());
    expect(alertTable()).toContain("| `gasLow` | warning |");
  });

  it("ask only for metrics that the gateway shows", () => {
    const asked = DASHBOARD.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const rules = RULE_NAMES.map((name) => RULES[name].expression);
    const names = [...asked, ...rules].flatMap(metricsIn);
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !METRIC_NAMES.some((known) => known === name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  it("is of a schema that Grafana 11 takes, and takes its source from a variable", () => {
    expect(DASHBOARD.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(DASHBOARD.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ["datasource", "datasource"],
      ["instance", "query"],
    ]);
    const sources = DASHBOARD.panels.flatMap(({ datasource, targets }) => [
      datasource,
      ...targets.map((target) => target.datasource),
    ]);
    for (const source of sources) expect(source).toEqual({ type: "prometheus", uid: "$datasource" });
  });

  it("has panels that lie beside each other within 24 columns, each with an id and a title of its own", () => {
    const { panels } = DASHBOARD;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (const { targets } of panels)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  it("takes rates of counters and of nothing else", () => {
    const all = DASHBOARD.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    for (const expr of all) {
      const counted = [...expr.matchAll(/(?:rate|increase)\((\w+)/g)].map(([, name = ""]) =>
        name.replace(/_bucket$/, ""),
      );
      for (const name of metricsIn(expr)) {
        const { type } = METRICS[name as keyof typeof METRICS];
        expect(counted.includes(name), expr).toBe(type !== "gauge");
      }
    }
  });
});
