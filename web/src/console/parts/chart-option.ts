/** How figures over days are drawn: little ink, one axis for each unit, and exact values on hover. */
import type { EChartsCoreOption } from "echarts/core";

export type Series = {
  name: string;
  values: (number | null)[];
  kind: "bar" | "line";
  unit: string;
  color: string;
  stack?: string;
};

export const CHART_COLORS = { blue: "#2b54c4", amber: "#d9952b", green: "#2f9e68", grey: "#c7ccd3" };
const MUTED = "#646c76";
const LINE = "#ecedf0";

export function chartOption(days: readonly string[], series: readonly Series[]): EChartsCoreOption {
  const units = [...new Set(series.map((one) => one.unit))];
  return {
    animationDuration: 300,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 4, right: 4, top: 34, bottom: 0, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: {
      top: 0,
      left: 0,
      icon: "roundRect",
      itemWidth: 9,
      itemHeight: 9,
      itemGap: 18,
      textStyle: { color: MUTED },
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      borderColor: LINE,
      textStyle: { color: "#1b1f24", fontSize: 13 },
    },
    xAxis: {
      type: "category",
      data: days.map((day) => day.slice(5)),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: LINE } },
      axisLabel: { color: MUTED, fontSize: 11, hideOverlap: true },
    },
    yAxis: units.map((unit, index) => ({
      type: "value",
      minInterval: unit === "%" ? 0 : 1,
      ...(unit === "%" && { min: 0, max: 100 }),
      axisLabel: { color: MUTED, fontSize: 11, formatter: unit === "%" ? "{value}%" : shortened },
      splitLine: { show: index === 0, lineStyle: { color: LINE } },
    })),
    series: series.map((one) => ({
      name: one.name,
      type: one.kind,
      data: one.values,
      yAxisIndex: units.indexOf(one.unit),
      stack: one.stack,
      color: one.color,
      barMaxWidth: 18,
      itemStyle: one.kind === "bar" ? { borderRadius: 2 } : {},
      lineStyle: { width: 2 },
      symbol: "circle",
      symbolSize: 5,
      connectNulls: true,
      tooltip: { valueFormatter: (value: unknown) => `${value ?? "—"} ${one.unit}` },
    })),
  };
}

function shortened(value: number): string {
  return value >= 10_000 ? `${value / 10_000}w` : `${value}`;
}
