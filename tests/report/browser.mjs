// SPDX-License-Identifier: Apache-2.0
// Opens every report: no console error, no network, no violation of axe's rules in light, dark and on a phone; searches,
// filters, zooms, hovers; compares pictures.
import { readFileSync, readdirSync, writeFileSync, mkdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , folder, pictures, mode] = process.argv;
const modules = process.env.NODE_FOLDER;
const { chromium } = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
const axe = readFileSync(join(modules, "axe-core/axe.min.js"), "utf8");

const failed = [];
const check = (what, good, detail = "") => { if (!good) failed.push(`${what} ${detail}`.trim()); };

// Only what hangs takes so long, on whatever machine.
const patience = 300_000; // milliseconds
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--font-render-hinting=none"], timeout: patience });
const newContext = async (options) => {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patience);
  return context;
};

const open = async (name, options) => {
  const context = await newContext({ reducedMotion: "reduce", bypassCSP: true, ...options });
  const page = await context.newPage();
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) failed.push(`${name}: console: ${message.text()}`); });
  page.on("pageerror", (error) => failed.push(`${name}: ${error.message}`));
  page.on("request", (request) => check(`${name}: asks the network for`, /^(file|data):/.test(request.url()), request.url()));
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  return page;
};

const judge = async (page, what) => {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of result.violations)
    failed.push(`${what}: axe ${violation.id}: ${violation.help}\n  ${violation.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.failureSummary.replace(/\s+/g, " ")).join("\n  ")}`);
};

const screens = { light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" }, dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 800 }, colorScheme: "light", isMobile: true, hasTouch: true } };

const names = readdirSync(folder).filter((f) => f.endsWith(".html") && f !== "again.html").map((f) => f.slice(0, -5)).sort();
for (const name of names) {
  for (const [screen, options] of Object.entries(screens)) {
    if (name === "log" && screen !== "light") continue; // as `two`, but for a stretch of the map
    const page = await open(name, options);
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    await judge(page, `${name} (${screen})`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`${name} (${screen}): the page is wider than the screen by`, wide <= 0, `${wide} px`);
    await page.context().close();
  }
}

// What one can do with it, on the report of an image.
{
  const page = await open("two", screens.light);
  check("title", (await page.title()).startsWith("two – septum proved"), await page.title());
  const rows = () => page.locator(".matrix tbody tr:visible").count();
  const all = await rows();
  check("rows of the matrix", all >= 70, String(all));
  await page.keyboard.press("/");
  await page.keyboard.type("mem.disjoint");
  check("search: rows left", await rows() >= 1 && await rows() < 5, String(await rows()));
  check("search: count", /of/.test(await page.locator("#found").textContent()));
  await page.locator("#search").fill("");
  check("search cleared", await rows() === all);
  await page.locator("[data-only=checked-at-boot]").click();
  check("filter", await rows() > 0 && await rows() < all && await page.locator(".matrix tbody tr:visible .badge.proved").count() === 0);
  await page.locator('[data-only=""]').click();

  const seg = page.locator(".seg").filter({ hasText: /^RAM rwx/ }).first();
  await seg.hover();
  check("hover on the map", /RAM of (left|right)\. Seen by (left|right) rwx at guest-physical 0x0/.test(await page.locator("#map-readout").textContent()), await page.locator("#map-readout").textContent());
  const width = async () => (await page.locator(".seg.channel").first().boundingBox()).width;
  const before = await width();
  await page.locator("[data-show]").filter({ hasText: "Show" }).nth(3).click();
  check("show zooms", await width() !== before || await page.locator(".seg.on").count() > 0);
  check("shown stretch is marked", await page.locator(".seg.on").count() >= 1);
  await page.locator("#zoom-all").click();
  check("all again", Math.abs(await width() - before) < 1);
  await page.locator(".map .window").focus();
  await page.keyboard.press("+");
  check("keyboard zooms", await page.evaluate(() => [...document.querySelectorAll(".tick")].length) > 0);
  await page.keyboard.press("0");
  await page.locator("#to-scale").click();
  const ram = await page.locator(".seg").filter({ hasText: "usable RAM" }).last().boundingBox();
  check("to scale: RAM is wide", ram.width > 300, String(ram.width));
  await page.locator("#to-scale").click();

  await page.locator(".node[data-node='0']").hover();
  check("hover on the graph keeps", await page.locator(".edge:not(.faded)").count() >= 1);
  await page.mouse.move(1, 1);
  check("and gives back", await page.locator(".faded").count() === 0);
  await page.locator("#theme").click();
  check("dark by hand", await page.evaluate(() => getComputedStyle(document.body).backgroundColor) === "rgb(17, 21, 27)");
  await page.locator("#theme").click();
  await page.locator(".card a").first().click();
  check("a line's link", (await page.evaluate(() => document.querySelector(":target")?.textContent ?? "")).includes("left"));
  await page.emulateMedia({ media: "print" });
  check("print hides the bar", !(await page.locator(".bar").isVisible()));
  // Paper is white, however dark the screen, and as wide as A4 less its margins.
  await page.setViewportSize({ width: 718, height: 1000 });
  for (const theme of ["system", "dark"]) {
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.evaluate((t) => { if (t === "dark") document.documentElement.dataset.theme = "dark"; else delete document.documentElement.dataset.theme; }, theme);
    check(`print (${theme}): white`, await page.evaluate(() => getComputedStyle(document.body).backgroundColor) === "rgb(255, 255, 255)");
  }
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  check("print opens every detail", await page.evaluate(() => [...document.querySelectorAll("details")].every((d) => d.open)));
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check("print: wider than the paper by", over <= 0, `${over} px`);
  await page.context().close();

  // All of it is there without scripts.
  const context = await newContext({ javaScriptEnabled: false });
  const plain = await context.newPage();
  await plain.goto(pathToFileURL(join(folder, "two.html")).href);
  check("without scripts: memory", await plain.getByText("RAM of left").count() >= 1 || await plain.locator("th:has-text('RAM of')").count() >= 2);
  check("without scripts: matrix", await plain.locator(".matrix tbody tr").count() === all);
  await context.close();
}

// Pictures: a pixel may differ a little and a few of them much (fonts), no more.
const compare = async (page, a, b) => page.evaluate(async ([x, y]) => {
  const load = async (data) => { const image = new Image(); image.src = "data:image/png;base64," + data; await image.decode(); return image; };
  const pixels = (image) => { const c = document.createElement("canvas"); c.width = image.width; c.height = image.height; const g = c.getContext("2d"); g.drawImage(image, 0, 0); return g.getImageData(0, 0, image.width, image.height).data; };
  const [p, q] = [await load(x), await load(y)];
  if (p.width !== q.width || p.height !== q.height) return 1;
  const [u, v] = [pixels(p), pixels(q)];
  let off = 0;
  for (let i = 0; i < u.length; i += 4)
    if (Math.max(Math.abs(u[i] - v[i]), Math.abs(u[i + 1] - v[i + 1]), Math.abs(u[i + 2] - v[i + 2])) > 48) off++;
  return off / (u.length / 4);
}, [a.toString("base64"), b.toString("base64")]);

const blank = await (await newContext()).newPage();
for (const [name, screen, what] of [["two", "light", "#map"], ["two", "dark", "#map"], ["chain", "light", ".graph"], ["two", "phone", "header"]]) {
  const page = await open(name, screens[screen]);
  // The map is compared without its words: which fonts a machine has is not septum's.
  await page.addStyleTag({ content: "* { color: transparent !important; caret-color: transparent !important } text { fill: transparent !important }" });
  const shot = await page.locator(what).first().screenshot();
  const file = join(pictures, `${name}-${screen}.png`);
  if (mode === "bless") {
    mkdirSync(pictures, { recursive: true });
    writeFileSync(file, shot);
  } else {
    check(`no picture ${file}`, existsSync(file));
    if (existsSync(file)) {
      const part = await compare(blank, shot, readFileSync(file));
      if (part > 0.06) { // the kernel grows, and every stretch behind it moves by a pixel or two
        writeFileSync(join(folder, `${name}-${screen}.png`), shot);
        failed.push(`${name} (${screen}): ${(100 * part).toFixed(1)} % of the picture differ; what was seen is in ${folder}`);
      }
    }
  }
  await page.context().close();
}
await browser.close();
console.log(failed.length === 0 ? `${names.length} reports opened in ${Object.keys(screens).length} screens, nothing found` : failed.join("\n"));
process.exit(failed.length === 0 ? 0 : 1);
