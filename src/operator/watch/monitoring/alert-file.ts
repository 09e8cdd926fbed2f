/** The rules of the alerts as documents: a file for Prometheus, and a table for README. */
import { stringify } from "yaml";
import type { Rule } from "../alert/rule.ts";
import { RULE_NAMES, RULES, type RuleName } from "../alert/rules.ts";

const HEAD = `# Alerts of a hirewire gateway for Prometheus: the same rules as on its page and in "hirewire status".
# Written by "npm run docs" from src/operator/watch/alert.
`;

/** What an alert is called in Prometheus: `HirewireGasLow`. */
export function alertName(rule: RuleName): string {
  return `Hirewire${rule.charAt(0).toUpperCase()}${rule.slice(1)}`;
}

/** The text of `docker/monitoring/alerts.yaml`. */
export function alertFile(): string {
  const rules = RULE_NAMES.map((name) => {
    const { severity, when, costs, mend, expression }: Rule = RULES[name];
    return {
      alert: alertName(name),
      expr: expression,
      labels: { severity },
      annotations: { summary: `${when.charAt(0).toUpperCase()}${when.slice(1)}.`, costs, mend },
    };
  });
  return HEAD + stringify({ groups: [{ name: "hirewire", rules }] }, { lineWidth: 0 });
}

/** The table of README: name, severity, condition, what it costs, what mends it. */
export function alertTable(): string {
  const rows = RULE_NAMES.map((name) => {
    const { severity, when, costs, mend }: Rule = RULES[name];
    return `| \`${name}\` | ${severity} | ${when} | ${costs} | ${mend} |`;
  });
  return ["| alert | severity | when | costs | mends it |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}
