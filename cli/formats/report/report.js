// SPDX-License-Identifier: Apache-2.0
// What moves in the report. Everything it shows is in the page without it, too.
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  // Dark, light, or as the system has it.
  const themes = ["system", "dark", "light"];
  let theme = 0;
  $("theme").addEventListener("click", () => {
    theme = (theme + 1) % themes.length;
    if (theme === 0) delete root.dataset.theme; else root.dataset.theme = themes[theme];
    $("theme").textContent = "Theme: " + themes[theme];
  });

  // One search over every table row, card and finding that has words.
  const items = [...document.querySelectorAll("[data-find] tbody tr, .card, .finding")];
  const words = items.map((item) => item.textContent.toLowerCase());
  let wanted = "";
  let verdict = "";
  const filter = () => {
    let shown = 0;
    items.forEach((item, i) => {
      const off = !words[i].includes(wanted) || (verdict !== "" && item.dataset.verdict !== undefined && item.dataset.verdict !== verdict);
      item.classList.toggle("hidden", off);
      if (!off) shown++;
    });
    $("found").textContent = wanted === "" && verdict === "" ? "" : shown + " of " + items.length + " entries";
  };
  $("search").addEventListener("input", () => { wanted = $("search").value.trim().toLowerCase(); filter(); });
  document.querySelectorAll("[data-only]").forEach((button) => button.addEventListener("click", () => {
    verdict = button.dataset.only;
    document.querySelectorAll("[data-only]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    filter();
  }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== $("search")) { event.preventDefault(); $("search").focus(); }
  });

  // Printing opens every detail.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

  // The flow graph: who is pointed at keeps its flows, the others fade.
  const graph = document.querySelector(".graph svg");
  if (graph !== null) {
    const parts = [...graph.querySelectorAll("[data-nodes]")];
    const show = (node) => parts.forEach((part) => part.classList.toggle("faded", node !== null && !part.dataset.nodes.split(" ").includes(node)));
    graph.querySelectorAll(".node").forEach((node) => {
      const name = node.dataset.node;
      const near = new Set([name]);
      parts.forEach((part) => { const ends = part.dataset.nodes.split(" "); if (part.classList.contains("edge") && ends.includes(name)) ends.forEach((end) => near.add(end)); });
      const enter = () => parts.forEach((part) => part.classList.toggle("faded", part.classList.contains("edge") ? !part.dataset.nodes.split(" ").includes(name) : !near.has(part.dataset.node)));
      node.addEventListener("pointerenter", enter);
      node.addEventListener("pointerleave", () => show(null));
    });
  }

  // The memory map. Positions are in [0, 1] of the whole board, by bytes or so that every stretch can be seen.
  const map = $("map");
  if (map === null) return;
  const data = JSON.parse($("map-data").textContent);
  const hex = (n) => "0x" + BigInt(n).toString(16).replace(/\B(?=(....)+$)/g, "_"); // as the tables have it
  const size = (n) => {
    for (const [unit, bytes] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 1024]])
      if (n >= bytes) return +(n / bytes).toFixed(2) + " " + unit;
    return n + " bytes";
  };
  const cuts = [...new Set(data.lanes.flatMap((lane) => lane.segments.flatMap((s) => [s.base, s.base + s.size])))].sort((a, b) => a - b);
  const first = cuts[0], last = cuts[cuts.length - 1];
  const used = (a) => data.lanes.some((lane, i) => i > 0 && lane.segments.some((s) => s.base <= a && a < s.base + s.size));
  const weights = cuts.slice(1).map((end, i) => (used(cuts[i]) ? 4 + Math.log2((end - cuts[i]) / 4096 + 1) : 1.5));
  const sums = [0];
  weights.forEach((w) => sums.push(sums[sums.length - 1] + w));
  const even = (a) => {
    let low = 0, high = cuts.length - 1;
    while (high - low > 1) { const mid = (low + high) >> 1; if (cuts[mid] <= a) low = mid; else high = mid; }
    return (sums[low] + weights[low] * (a - cuts[low]) / (cuts[low + 1] - cuts[low])) / sums[sums.length - 1];
  };
  const scale = (a) => (a - first) / (last - first);
  let place = even;
  let from = 0, to = 1;
  const finest = () => (place === scale ? 4096 * 16 / (last - first) : 1e-3);
  const tracks = [...map.querySelectorAll(".track[data-lane]")];
  const ruler = map.querySelector(".ruler .track");
  const readout = $("map-readout");
  const tell = (s) => { readout.textContent = `${hex(s.base)} to ${hex(s.base + s.size)}, ${size(s.size)}: ${s.what}. ${s.seen}`; };
  const shown = [];
  tracks.forEach((track) => data.lanes[track.dataset.lane].segments.forEach((s) => {
    const box = document.createElement("div");
    box.className = "seg " + s.kind;
    if (s.color) box.style.background = s.color;
    box.addEventListener("pointerenter", () => tell(s));
    box.addEventListener("click", () => tell(s));
    track.append(box);
    shown.push({ box, s });
  }));
  const draw = () => {
    const width = tracks[0].clientWidth;
    for (const { box, s } of shown) {
      const left = (place(s.base) - from) / (to - from), right = (place(s.base + s.size) - from) / (to - from);
      const seen = right > 0 && left < 1;
      box.style.display = seen ? "" : "none";
      if (!seen) continue;
      const l = Math.max(left, -.01), r = Math.min(right, 1.01);
      box.style.left = 100 * l + "%";
      box.style.width = 100 * (r - l) + "%";
      const wide = (r - l) * width > 44;
      box.classList.toggle("narrow", !wide);
      box.textContent = wide ? s.label : "";
    }
    ruler.textContent = "";
    let right = -1e9;
    const at = cuts.map((a) => [a, (place(a) - from) / (to - from) * width]).filter(([, x]) => x >= 0 && x <= width);
    at.forEach(([a, x], i) => {
      const text = hex(a), need = text.length * 7 + 10;
      const begin = i === 0 ? x : x - need / 2;
      if (begin < right || (i > 0 && x + need / 2 > width && i < at.length - 1)) return;
      const tick = document.createElement("span");
      tick.className = "tick" + (x < need / 2 ? " first" : x + need / 2 > width ? " last" : "");
      if (x + need / 2 > width && x - need < right) return;
      tick.style.left = x + "px";
      tick.textContent = text;
      ruler.append(tick);
      right = x < need / 2 ? x + need : x + need / 2;
    });
  };
  const look = (a, b) => {
    const width = Math.min(1, Math.max(b - a, finest()));
    from = Math.max(0, Math.min(a, 1 - width));
    to = from + width;
    draw();
  };
  const zoom = (factor, at = (from + to) / 2) => look(at - (at - from) * factor, at + (to - at) * factor);
  const shift = (part) => look(from + part * (to - from), to + part * (to - from));
  $("zoom-in").addEventListener("click", () => zoom(.5));
  $("zoom-out").addEventListener("click", () => zoom(2));
  $("zoom-all").addEventListener("click", () => look(0, 1));
  $("to-scale").addEventListener("click", () => {
    place = place === even ? scale : even;
    $("to-scale").setAttribute("aria-pressed", String(place === scale));
    look(0, 1);
  });
  const box = map.querySelector(".window");
  const where = (event) => from + (to - from) * (event.clientX - tracks[0].getBoundingClientRect().left) / tracks[0].clientWidth;
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY) && !box.contains(document.activeElement)) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift(event.deltaX / 600);
    else zoom(Math.exp(event.deltaY / 400), where(event));
  }, { passive: false });
  let drag = null;
  box.addEventListener("pointerdown", (event) => { drag = event.clientX; box.classList.add("drag"); });
  window.addEventListener("pointerup", () => { drag = null; box.classList.remove("drag"); });
  window.addEventListener("pointermove", (event) => {
    if (drag === null || from === 0 && to === 1) return;
    shift((drag - event.clientX) / tracks[0].clientWidth);
    drag = event.clientX;
  });
  box.addEventListener("keydown", (event) => {
    const keys = { ArrowLeft: () => shift(-.2), ArrowRight: () => shift(.2), "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), 0: () => look(0, 1), Home: () => look(0, to - from), End: () => look(1 - to + from, 1) };
    if (keys[event.key] === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  // A row of the table shows its stretch on the map.
  document.querySelectorAll("[data-show]").forEach((button) => button.addEventListener("click", () => {
    const s = data.lanes.flatMap((lane) => lane.segments).find((entry) => String(entry.base) === button.dataset.show && entry.kind !== "usable");
    if (s === undefined) return;
    const a = place(s.base), b = place(s.base + s.size), room = Math.max(b - a, finest()) * .6;
    look(a - room, b + room);
    shown.forEach((entry) => entry.box.classList.toggle("on", entry.s.base === s.base && entry.s.kind !== "usable"));
    tell(s);
    map.scrollIntoView({ block: "nearest" });
  }));
  new ResizeObserver(draw).observe(box);
  draw();
})();
