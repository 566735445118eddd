// The page in a real browser, over the demo's made-up numbers. Nothing here waits for a length of time: a test waits for
// what it wants to see, or fails when the page's patience (20 s) is over.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, openDemo } from "./browser.js";

let browser;
before(async () => { browser = await openBrowser(); });
after(async () => { await browser?.end(); });

/** Opens the page over a demo, runs `body`, and holds the page to what is never allowed: errors, violations of the content
 * security policy, and requests to anybody else. */
async function onPage({ scene = [], expectErrors = false, prepare, ...options }, body) {
  const demo = await openDemo(...scene);
  const page = await browser.newPage(options);
  const errors = [], strangers = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => request.url().startsWith(demo.url) || strangers.push(request.url()));
  try {
    await prepare?.(page);
    await page.goto(demo.url);
    await page.waitForSelector("main:not([aria-busy])");
    await body(page, demo);
    assert.deepEqual(strangers, []);
    if (!expectErrors) assert.deepEqual(errors, []);
  } finally {
    await page.close();
    await demo.end();
  }
}

const text = (page, id) => page.locator(`#${id}`).innerText();

/** Waits until the element says something that `matches` (a pattern). */
async function says(page, id, pattern) {
  await page.waitForFunction(([id, source]) => new RegExp(source).test(document.getElementById(id).innerText),
    [id, pattern.source]);
}

test("key figures are there and move", () => onPage({}, async (page) => {
  await says(page, "hit-ratio", /^\d+\s*%$/);
  assert.match(await text(page, "saved"), /^[\d.,]+\s*GiB$/);
  assert.match(await text(page, "traffic"), /^[\d.,]+\s*MiB\/s$/);
  assert.match(await page.title(), /% hits · Limpid/);
  assert.equal(await page.locator("#state").getAttribute("data-level"), "ok");
  const before = await page.locator("#answers dd").first().innerText();
  await page.waitForFunction((old) => document.querySelector("#answers dd").innerText !== old, before);
}));

/** How many pixels of the chart have about this custom property's colour. */
function pixels(page, property) {
  return page.evaluate((name) => {
    const canvas = document.querySelector("#chart canvas");
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) {
      n += data[i + 3] > 150 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40;
    }
    return n;
  }, property);
}

for (const colorScheme of ["light", "dark"]) {
  test(`the chart shows both kinds of traffic, ${colorScheme}`, () => onPage({ colorScheme }, async (page) => {
    await page.waitForSelector("#chart canvas");
    await says(page, "legend-store", /MiB\/s/);
    const size = await page.evaluate(() => {
      const { width, height } = document.querySelector("#chart canvas");
      return width * height;
    });
    assert.ok(await pixels(page, "--store") > size / 5);
    assert.ok(await pixels(page, "--origin") > size / 30);
    assert.match(await page.locator("#chart").getAttribute("aria-label"), /on average [\d.]+.MiB\/s from the store/);
  }));
}

test("the legend follows the pointer", () => onPage({}, async (page) => {
  await page.waitForSelector("#chart canvas");
  await page.locator("#chart .u-over").hover();
  await says(page, "legend-time", /^\d\d:\d\d:\d\d$/);
  await page.mouse.move(0, 0);
  await says(page, "legend-time", /^now$/);
}));

test("the first request ends the emptiness", () => onPage({ scene: ["empty"] }, async (page, demo) => {
  await page.getByText("Nothing has come through yet").waitFor();
  await page.getByText("No host has been asked for yet").waitFor();
  assert.equal(await page.locator("#chart").isVisible(), false);
  assert.match(await text(page, "hit-ratio"), /–/);
  demo.say("flow on");
  await page.waitForSelector("#chart canvas", { state: "visible" });
  await page.getByRole("row", { name: "deb.debian.org" }).waitFor();
  await page.locator("#chart-empty").waitFor({ state: "hidden" });
}));

test("a gate that is shut is said and taken back", () => onPage({}, async (page, demo) => {
  demo.say("gate shut");
  await says(page, "faults", /The gate is shut/);
  await says(page, "gate", /shut/);
  assert.equal(await page.locator("#state").getAttribute("data-level"), "warning");
  assert.match(await text(page, "announcement"), /The gate is shut/);
  demo.say("gate open");
  await page.locator("#faults").waitFor({ state: "hidden" });
  await says(page, "state", /All is well/);
}));

test("a worker that hangs is said", () => onPage({}, async (page, demo) => {
  demo.say("still 1");
  await says(page, "faults", /Worker 1 has not moved for \d+ s/);
  await says(page, "workers", /3 of 4/);
  assert.equal(await page.locator("#state").getAttribute("data-level"), "error");
  assert.equal(await page.locator('#workers-dots [data-level="error"]').count(), 1);
  demo.say("move 1");
  await page.locator("#faults").waitFor({ state: "hidden" });
}));

test("stores that are full or gone are said", () => onPage({}, async (page, demo) => {
  demo.say("store full");
  await page.getByText("stores nothing new: No space left on device").waitFor();
  demo.say("store gone");
  await page.locator("#stores").getByText("could not be opened").waitFor();
  demo.say("store ok");
  await page.locator("#stores").getByText("3,107 responses").waitFor();
}));

test("a host's name is text, whatever it says", () => onPage({}, async (page, demo) => {
  const name = '<img/src=x/onerror="document.title=1">'; // hosts.c lets no blank and no control byte through
  demo.say(`host ${name}`);
  const cell = page.locator("#hosts tbody th").first();
  await page.waitForFunction((name) => document.querySelector("#hosts tbody th").textContent === name, name);
  assert.equal(await cell.locator("*").count(), 0);
  assert.equal(await page.locator("main img").count(), 0);
}));

test("silence is shown, and its end", () => onPage({ expectErrors: true }, async (page) => {
  const gone = (route) => route.abort();
  await page.route("**/api/v1/summary", gone);
  await says(page, "state", /No answer for \d+ s/);
  assert.equal(await page.locator("main[data-stale]").count(), 1);
  await page.unroute("**/api/v1/summary", gone);
  await says(page, "state", /All is well/);
  assert.equal(await page.locator("main[data-stale]").count(), 0);
}));

test("an answer that is none is silence", () => onPage({ expectErrors: true }, async (page) => {
  const broken = (route) => route.fulfill({ status: 500, body: "out of memory" });
  await page.route("**/api/v1/summary", broken);
  await says(page, "state", /No answer/);
  await page.unroute("**/api/v1/summary", broken);
  await says(page, "state", /All is well/);
}));

test("without uPlot the rest is whole", () => onPage({
  expectErrors: true,
  prepare: (page) => page.route("**/uPlot.esm.js", (route) => route.abort()),
}, async (page) => {
  await page.getByText("chart's library (uPlot) is not installed").waitFor();
  await says(page, "hit-ratio", /%/);
  await page.getByRole("row", { name: "deb.debian.org" }).waitFor();
}));

for (const width of [320, 390, 768, 1280]) {
  test(`nothing sticks out at ${width} pixels`, () => onPage({ width, height: 800 }, async (page, demo) => {
    demo.say("host " + "a-name-without-end.".repeat(12));
    await page.getByText("a-name-without-end").first().waitFor();
    const over = await page.evaluate(() => [...document.querySelectorAll("body *")]
      .filter((e) => !e.closest(".unseen, .u-over, .u-under") && e.getBoundingClientRect().right > innerWidth + 0.5)
      .map((e) => e.outerHTML.slice(0, 80)));
    assert.deepEqual(over, []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  }));
}

/** Texts whose contrast with what is behind them is less than WCAG 2.1 AA asks for (4.5, large ones 3). */
function faintTexts(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (channels) => {
      const [r, g, b] = channels.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let e = element; e; e = e.parentElement) {
        const colour = rgba(getComputedStyle(e).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
      if (!own || !element.checkVisibility() || element.closest("noscript, .unseen")) continue;
      const style = getComputedStyle(element);
      const [a, b] = [luminance(rgba(style.color)), luminance(behind(element))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) faint.push([element.textContent, contrast.toFixed(2)]);
    }
    return faint;
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`every text can be read, ${colorScheme}`, () => onPage({ colorScheme }, async (page, demo) => {
    demo.say("gate shut");
    demo.say("still 1");
    demo.say("store full");
    await says(page, "faults", /Worker 1/);
    await page.locator("summary").press("Enter");
    await page.locator("#counters").waitFor();
    assert.deepEqual(await faintTexts(page), []);
  }));
}

test("headings, landmarks and names are in order", () => onPage({}, async (page) => {
  const levels = await page.locator("h1, h2, h3").evaluateAll((all) => all.map((h) => Number(h.tagName[1])));
  assert.equal(levels[0], 1);
  assert.ok(levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1));
  const ids = await page.locator("[id]").evaluateAll((all) => all.map((e) => e.id));
  assert.equal(new Set(ids).size, ids.length);
  for (const role of ["banner", "main", "contentinfo"]) assert.equal(await page.getByRole(role).count(), 1);
  for (const name of ["Busiest hosts", "Health", "How requests were answered"]) {
    assert.equal(await page.getByRole("region", { name }).count(), 1);
  }
}));

test("links lead to JSON and metrics", () => onPage({}, async (page, demo) => {
  const summary = await (await page.request.get(demo.url + "api/v1/summary")).json();
  assert.equal(summary.workers.length, 4);
  assert.equal(summary.history.time.length, summary.history.store.length);
  const metrics = await (await page.request.get(demo.url + "metrics")).text();
  assert.match(metrics, /^limpid_requests_total \d+$/m);
  for (const link of ["/api/v1/summary", "/metrics"]) assert.equal(await page.locator(`a[href="${link}"]`).count() > 0, true);
}));
