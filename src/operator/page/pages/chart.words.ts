/** Words of the chart and of its table. */
import { words } from "../language.ts";

export const chartWords = words(
  {
    asTable: "Show as table",
    asChart: "Show as chart",
    from: "From",
    earned: "Earned",
    spent: "Spent",
    nothing: "No money has moved in this period",
    nothingWhat: "Bars appear here with the first paid task.",
    label: (earned: string, spent: string) =>
      `Bars of what was earned and spent over time. Most earned in one bar: ${earned}; most spent: ${spent}. The button above shows the same as a table.`,
    loading: "Drawing…",
    failed: "The chart could not be loaded; the table can be shown.",
  },
  {
    asTable: "以表格显示",
    asChart: "以图表显示",
    from: "起始时间",
    earned: "收入",
    spent: "支出",
    nothing: "该时段内没有资金变动",
    nothingWhat: "第一个任务付款后，这里会出现柱状图。",
    label: (earned, spent) =>
      `按时间显示收入与支出的柱状图。单柱最高收入 ${earned}，最高支出 ${spent}。上方按钮可切换为表格。`,
    loading: "绘制中…",
    failed: "图表无法加载，可改为查看表格。",
  },
);
