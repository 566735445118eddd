// Traffic over time, stacked: what came from the store below, what came from origins above it. Drawn by uPlot; without it
// (it is an optional part of an installation) the page says so and is otherwise whole.

import { rate, timeOfDay } from "./format.js";

const SPAN = 300; // seconds shown
const INCREMENTS = Array.from({ length: 50 }, (_, power) => 2 ** power); // KiB and MiB have round numbers of their own

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(width, height, onCursor) {
  const axis = { stroke: () => colour("--soft"), font: "13px system-ui, sans-serif" };
  const grid = { stroke: () => colour("--line"), width: 1 };
  const area = (line, fill) => ({
    stroke: () => colour(line),
    fill: () => colour(fill),
    width: 1.5,
    points: { show: false },
  });
  return {
    width,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    select: { show: false },
    cursor: { y: false, drag: { setScale: false }, points: { size: 7 } },
    scales: {
      x: { time: true },
      y: { range: (_, __, most) => [0, Math.max(most * 1.08, 1024)] },
    },
    axes: [
      { ...axis, grid: { show: false }, ticks: { ...grid, size: 5 }, size: 30, space: 70, incrs: [60, 120, 300],
        values: (_, splits) => splits.map((at) => timeOfDay(at, false)) },
      { ...axis, grid, ticks: { show: false }, size: 78, gap: 8, space: 36, incrs: INCREMENTS,
        values: (_, splits) => splits.map((n) => (n ? rate(n).replace(/[.,]0(?=\s)/, "") : "0")) },
    ],
    series: [{}, area("--origin-line", "--origin"), area("--store", "--store")],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx)] },
  };
}

/** Shows the chart in `box`. `onPoint(index)` is told which sample the pointer is at; null: at none. */
export async function openChart(box, onPoint) {
  const { default: uPlot } = await import("./uplot/uPlot.esm.js");
  const make = () => new uPlot(options(box.clientWidth, box.clientHeight, onPoint), [[], [], []], box);
  let plot = make();

  new ResizeObserver(() => {
    if (box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw(false));

  return function draw(history, now) {
    const all = history.store.map((bytes, i) => bytes + history.origin[i]);
    plot.batch(() => {
      plot.setData([history.time, all, history.store], false);
      plot.setScale("x", { min: now - SPAN, max: now });
    });
  };
}
