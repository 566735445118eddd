// Pictures of the page for people to look at: `node screenshots.js FOLDER`.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openBrowser, openDemo } from "./browser.js";

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const SCENES = {
  traffic: { start: [], say: [] },
  empty: { start: ["empty"], say: ["flow off"] },
  fault: { start: [], say: ["gate shut", "still 2", "store full"] },
};

const folder = process.argv[2] ?? "screenshots";
await mkdir(folder, { recursive: true });
const browser = await openBrowser();
for (const [scene, { start, say }] of Object.entries(SCENES)) {
  const demo = await openDemo(...start);
  say.forEach(demo.say);
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.newPage({ ...viewport, colorScheme });
      await page.goto(demo.url);
      await page.waitForSelector("main:not([aria-busy])");
      if (scene === "fault") await page.getByText("Worker 2 has not moved").first().waitFor();
      await page.screenshot({ path: join(folder, `${scene}-${size}-${colorScheme}.png`), fullPage: true });
      await page.close();
    }
  }
  await demo.end();
}
await browser.end();
