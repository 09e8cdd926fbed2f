import { words } from "../language.ts";

export const alertsWords = words(
  {
    title: "Alerts",
    what: "What needs somebody now, the gravest first. An alert goes away by itself once its cause is mended. The same rules are in docker/monitoring/alerts.yaml for Prometheus.",
    none: "Nothing needs you",
    noneWhat: "Devices answer, lanes are funded, claims go through, and the journal holds.",
    at: "As of",
  },
  {
    title: "告警",
    what: "当前需要处理的事项，最严重的在前。原因消除后告警会自动消失。相同的规则也在 docker/monitoring/alerts.yaml 中，供 Prometheus 使用。",
    none: "没有需要处理的事项",
    noneWhat: "设备响应正常，通道资金充足，兑付顺利，账本完整。",
    at: "更新于",
  },
);
