// Chromium of the distribution with a profile of its own, and the page's demo server: both end with the test.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const ROOT = new URL("../..", import.meta.url).pathname;
const BUILD = process.env.LIMPID_BUILD ?? join(ROOT, "build/release");
const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The demo server (demo.c): `url`, `say(command)` and `end()`. */
export async function openDemo(...scene) {
  const program = spawn(join(BUILD, "tests/page/page_demo"), scene, {
    env: { ...process.env, LIMPID_WWW: process.env.LIMPID_WWW ?? join(BUILD, "www") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => program.once("exit", resolve));
  const [url] = await Promise.race([
    new Promise((resolve) => createInterface(program.stdout).once("line", (line) => resolve([line]))),
    ended.then((status) => { throw new Error(`page_demo ended with ${status}`); }),
  ]);
  return {
    url,
    program,
    say: (command) => program.stdin.write(command + "\n"),
    async end() {
      program.stdin.end();
      program.kill("SIGCONT");
      return ended;
    },
  };
}

/** `newPage(options)` and `end()`. */
export async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), "limpid-page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: OPTIONS,
    locale: "en-GB",
    timezoneId: "UTC",
  });
  return {
    async newPage({ width = 1280, height = 900, colorScheme = "light" } = {}) {
      const page = await context.newPage();
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      page.setDefaultTimeout(20000);
      return page;
    },
    async end() {
      await context.close();
      // A process of Chromium's that is still ending may write there meanwhile.
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
