// Asks Limpid for its summary once a second, less often while it does not answer, and not at all while nobody looks.

import { openChart } from "./chart.js";
import { timeOfDay } from "./format.js";
import { show, showChartState, showLegend, showNoChart, showStale } from "./view.js";

const EVERY_MS = 1000;
const PATIENCE_MS = 5000;
const SELDOM_MS = 15000;

let summary = null; // the last one
let answeredAt = performance.now();
let failures = 0;
let draw = null;
let pointer = null; // the sample that the pointer is at
let timer = 0;

function legend() {
  if (!summary) return;
  const { history } = summary;
  showLegend(history, pointer, pointer === null ? "now" : timeOfDay(history.time[pointer]));
}

function onPoint(index) {
  pointer = index ?? null;
  legend();
}

function present() {
  show(summary);
  showStale(null, true);
  if (!draw) return;
  showChartState(summary);
  draw(summary.history, summary.time);
  legend();
}

async function fetchSummary() {
  const reply = await fetch("/api/v1/summary", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  return reply.json();
}

async function turn() {
  clearTimeout(timer);
  try {
    summary = await fetchSummary();
    answeredAt = performance.now();
    failures = 0;
    present();
  } catch (error) {
    failures++;
    console.warn("no summary:", error.message);
    stale();
  }
  clearTimeout(timer);
  timer = document.hidden ? 0 : setTimeout(turn, Math.min(EVERY_MS * 2 ** failures, SELDOM_MS));
}

/** One failure may be a hiccup; a second one is shown, and then counts up. */
function stale() {
  if (failures > 1 || (failures && !summary)) showStale((performance.now() - answeredAt) / 1000, summary !== null);
}

setInterval(stale, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !timer) turn();
});

openChart(document.getElementById("chart"), onPoint).then(
  (chart) => {
    draw = chart;
    if (summary) present();
  },
  () => showNoChart(),
);
turn();
