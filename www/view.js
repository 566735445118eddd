// Puts a summary (documented in proxy/summary.h) onto the page. Everything is set as text, never as markup: the names of
// hosts are chosen by whoever sends requests.

import { count, duration, many, pace, percent, rate, size, sizeParts } from "./format.js";

const at = (id) => document.getElementById(id);

function set(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
}

/** An element with attributes, and children that are text or elements. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Figure and unit in two sizes. */
function setFigure(id, [number, unit]) {
  at(id).replaceChildren(number, make("small", {}, unit));
}

/** Children of a list are made once and then filled anew, so that bars can move and nothing flickers. */
function fill(list, items, create, update) {
  while (list.children.length > items.length) list.lastElementChild.remove();
  while (list.children.length < items.length) list.append(create());
  items.forEach((item, i) => update(list.children[i], item));
}

function part(element, share) {
  element.style.setProperty("--part", `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(2)}%`);
}

// ---- head ----

const STATES = { ok: "All is well", warning: "Attention", error: "Fault" };

function showFaults(faults) {
  const list = at("faults");
  fill(list, faults, () => make("li", { class: "fault" }), (item, fault) => {
    item.dataset.level = fault.level;
    if (item.textContent !== fault.text) item.textContent = fault.text;
  });
  list.hidden = faults.length === 0;
  announce(faults);
}

let announced = "";

/** To screen readers: when a fault comes or goes, not when the seconds in it count up. */
function announce(faults) {
  const text = faults.map((fault) => fault.text).join(" ");
  const kind = text.replace(/\d+/g, "");
  if (kind === announced) return;
  at("announcement").textContent = text || "All is well again.";
  announced = kind;
}

function showHead(s) {
  const pill = at("state");
  pill.dataset.level = s.state;
  set("state", STATES[s.state] ?? s.state);
  set("uptime", `up ${duration(s.uptime)}`);
  set("version", `version ${s.version}`);
  document.title = s.state === "ok" ? `${percent(s.recent.hit_ratio)} hits · Limpid` : `${STATES[s.state]} · Limpid`;
}

/** What is shown is old: for how many seconds, or null if it is not. */
export function showStale(seconds, everSeen) {
  at("main").toggleAttribute("data-stale", seconds !== null && everSeen);
  if (seconds === null) return;
  at("state").dataset.level = "error";
  set("state", everSeen ? `No answer for ${duration(seconds)}` : "Limpid does not answer");
  document.title = "No answer · Limpid";
}

// ---- figures ----

function showFigures(s) {
  const open = s.counters.connections_open;
  setFigure("hit-ratio", percent(s.recent.hit_ratio).split("\u00a0").concat("").slice(0, 2));
  set("hit-ratio-total", percent(s.total.hit_ratio));
  setFigure("saved", sizeParts(s.total.bytes_saved));
  set("byte-ratio", percent(s.total.byte_hit_ratio));
  const [traffic, unit] = sizeParts(s.rates.bytes_clients);
  setFigure("traffic", [traffic, unit + "/s"]);
  set("traffic-origins", rate(s.rates.bytes_origins));
  setFigure("requests", [pace(s.rates.requests), "/s"]);
  set("connections", many(open, "connection"));
}

/** The values beside the chart's colours: of the newest sample, or of the one under the pointer. */
export function showLegend(history, index, time) {
  const i = index ?? history.time.length - 1;
  if (i < 0 || i >= history.time.length) return;
  set("legend-store", rate(history.store[i]));
  set("legend-origin", rate(history.origin[i]));
  set("legend-time", time);
}

/** The chart, or, before anything has come through, a sentence in its place. */
export function showChartState({ history, counters }) {
  const most = Math.max(0, ...history.store.map((bytes, i) => bytes + history.origin[i]));
  const average = (list) => (list.length ? list.reduce((sum, n) => sum + n, 0) / list.length : 0);
  at("chart").hidden = counters.bytes_clients === 0;
  at("chart-empty").hidden = counters.bytes_clients !== 0;
  at("chart").setAttribute("aria-label", `Traffic to clients over the last five minutes: on average
    ${rate(average(history.store))} from the store and ${rate(average(history.origin))} from origins; at most ${rate(most)}
    together.`.replace(/\s+/g, " "));
}

export function showNoChart() {
  at("chart").hidden = true;
  at("chart-empty").hidden = false;
  set("chart-empty", "The chart's library (uPlot) is not installed. The numbers above and below are complete.");
}

// ---- hosts ----

const HOSTS = 10;

function makeHost() {
  return make("tr", {},
    make("th", { scope: "row" }),
    make("td", { class: "number" }),
    make("td", { class: "share" }, make("span", { class: "bar", "aria-hidden": "true" }, make("i")), make("span")),
    make("td", { class: "number wide" }));
}

function updateHost(row, host) {
  const [name, bytes, share, requests] = row.children;
  const stored = host.bytes ? host.bytes_stored / host.bytes : 0;
  name.textContent = host.name;
  name.title = host.name;
  bytes.textContent = size(host.bytes);
  part(share.firstChild.firstChild, stored);
  share.lastChild.textContent = percent(stored);
  requests.textContent = count(host.requests);
}

function showHosts(hosts) {
  at("hosts").hidden = hosts.length === 0;
  at("hosts-empty").hidden = hosts.length !== 0;
  fill(at("hosts").tBodies[0], hosts.slice(0, HOSTS), makeHost, updateHost);
}

// ---- health ----

const GATES = {
  open: ["ok", "open"],
  shut: ["warning", "shut"],
  manual: ["ok", "your own rules"],
  unknown: ["unknown", "not known yet"],
};

function showGate(s) {
  const [level, text] = GATES[s.gate] ?? ["unknown", s.gate];
  at("gate-dot").dataset.level = level;
  set("gate", s.draining ? "ending" : text);
}

function showWorkers(workers) {
  const moving = workers.filter((worker) => worker.moving).length;
  fill(at("workers-dots"), workers.slice(0, 16), () => make("span", { class: "dot" }), (dot, worker) => {
    dot.dataset.level = worker.moving ? "ok" : "error";
  });
  set("workers", moving === workers.length ? `${moving} at work` : `${moving} of ${workers.length} at work`);
}

const STORES = {
  ok: [undefined, () => null],
  suspended: ["warning", (store) => `stores nothing new: ${store.error}`],
  set_aside: ["error", () => "could not be read, out of use until a restart"],
  not_open: ["error", () => "could not be opened"],
};

function makeStore() {
  return make("li", {},
    make("div", { class: "name" }, make("span"), make("span")),
    make("div", { class: "bar", "aria-hidden": "true" }, make("i")),
    make("p", { class: "note" }));
}

function updateStore(item, store) {
  const [head, bar, note] = item.children;
  const [level, trouble] = STORES[store.state] ?? ["warning", () => store.state];
  head.firstChild.textContent = `Store ${store.name}`;
  head.lastChild.textContent = store.size ? `${size(store.used)} of ${size(store.size)}` : "";
  part(bar.firstChild, store.size ? store.used / store.size : 0);
  if (level) note.dataset.level = level;
  else delete note.dataset.level;
  note.textContent = trouble(store) ?? [
    many(store.responses, "response"),
    store.evicted ? `${count(store.evicted)} evicted` : "",
    store.damaged ? `${count(store.damaged)} damaged` : "",
  ].filter(Boolean).join(", ");
}

// ---- answers ----

const ANSWERS = [
  ["hits", "From the store", (c) => c.hits],
  ["revalidated", "Revalidated", (c) => c.revalidated],
  ["misses", "From the origin", (c) => c.misses],
  ["passed", "Passed through", (c) => c.passed],
  ["failed", "Refused or failed", (c) => c.refused + c.errors],
];

function makeAnswer() {
  return make("div", {}, make("dt", { class: "key" }), make("dd"), make("dd"));
}

function showAnswers(counters) {
  const answers = ANSWERS.map(([id, label, of]) => ({ id, label, n: of(counters) }));
  const all = answers.reduce((sum, answer) => sum + answer.n, 0);
  fill(at("answers-bar"), answers, () => make("i"), (element, { id, n }) => {
    element.dataset.of = id;
    part(element, all ? n / all : 0);
  });
  fill(at("answers"), answers, makeAnswer, (row, { id, label, n }) => {
    const [name, total, share] = row.children;
    name.dataset.of = id;
    name.textContent = label;
    total.textContent = count(n);
    share.textContent = percent(all ? n / all : null);
  });
}

function showCounters(counters) {
  const names = Object.entries(counters);
  fill(at("counters"), names, () => make("div", {}, make("dt"), make("dd")), (row, [name, value]) => {
    row.firstChild.textContent = name.replaceAll("_", " ");
    row.lastChild.textContent = name.startsWith("bytes_") ? size(value) : count(value);
  });
}

export function show(s) {
  at("main").removeAttribute("aria-busy");
  showHead(s);
  showFaults(s.faults);
  showFigures(s);
  showHosts(s.hosts);
  showGate(s);
  showWorkers(s.workers);
  fill(at("stores"), s.stores, makeStore, updateStore);
  showAnswers(s.counters);
  showCounters(s.counters);
}
