// Revenue as a line, receipts as bars under it, over the windows that are kept. One of them can be chosen.

import { $, attribute, el, svg } from "./dom.js";
import { compact, money, shortDay, shortTime, whole, windowTime } from "./format.js";
import { keyOf, state, visiblePoints } from "./state.js";
import { t } from "./texts.js";
import { selectedKey } from "./window.js";

const LEFT = 72, RIGHT = 10, TOP = 10, BOTTOM = 24, BARS = 46, GAP = 12;
const LEAST_SPAN_MS = 5 * 60_000;
const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 180, 720, 1440, 10_080, 43_200];

let choose = () => {};
let cursor = null; // index of the point under the pointer or the keys
let places = []; // x of each point

export function startChart(onChoose) {
  choose = onChoose;
  const plot = $("chart");
  new ResizeObserver(drawChart).observe(plot);
  plot.addEventListener("pointermove", (event) => point(nearest(event.clientX - plot.getBoundingClientRect().left)));
  plot.addEventListener("pointerleave", () => point(null));
  plot.addEventListener("click", (event) => pick(nearest(event.clientX - plot.getBoundingClientRect().left)));
  plot.addEventListener("blur", () => point(null));
  plot.addEventListener("keydown", (event) => {
    const last = visiblePoints().length - 1;
    if (last < 0) return;
    const at = cursor ?? chosen() ?? last;
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 0, End: last };
    if (event.key in moves) point(Math.min(Math.max(moves[event.key], 0), last));
    else if (event.key === "Enter" || event.key === " ") pick(at);
    else return;
    event.preventDefault();
  });
}

function nearest(x) {
  if (!places.length) return null;
  let best = 0;
  places.forEach((place, index) => { if (Math.abs(place - x) < Math.abs(places[best] - x)) best = index; });
  return best;
}

function pick(index) {
  const found = index === null ? null : visiblePoints()[index];
  if (found) choose(found.window);
}

function point(index) {
  if (index === cursor) return;
  cursor = index;
  drawCursor();
}

function chosen() {
  const key = selectedKey();
  const at = visiblePoints().findIndex((entry) => keyOf(entry.window) === key);
  return at < 0 ? null : at;
}

// A round number at or above the largest value.
function roof(values) {
  const most = Math.max(...values, 1);
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].map((step) => step * unit).find((step) => step >= most) ?? most;
}

export function drawChart() {
  const plot = $("chart");
  const points = visiblePoints();
  const { width, height } = { width: plot.clientWidth, height: plot.clientHeight };
  $("legend-early").hidden = !points.some((entry) => !entry.final);
  if (!width || !points.length) {
    places = [];
    plot.replaceChildren();
    return;
  }
  const starts = points.map((entry) => Date.parse(entry.window.start));
  const last = starts.at(-1);
  const first = Math.min(starts[0], last - LEAST_SPAN_MS);
  const floor = height - BOTTOM - BARS - GAP;
  const x = (ms) => LEFT + ((ms - first) / (last - first)) * (width - LEFT - RIGHT);
  places = starts.map(x);
  const revenues = points.map((entry) => Number(entry.revenue));
  const counts = points.map((entry) => Number(entry.receipts));
  const [topRevenue, topCount] = [roof(revenues), roof(counts)];
  const y = (value) => floor - (value / topRevenue) * (floor - TOP);

  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const value of [0, topRevenue / 2, topRevenue]) {
    root.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    root.append(label(LEFT - 8, y(value) + 4, "end", `${compact(value)} ₽`));
  }
  root.append(label(LEFT - 8, height - BOTTOM - BARS + 8, "end", compact(topCount)));
  ticks(root, first, last, x, width, height);

  const slide = state.timing?.slide_ms ?? 10_000;
  const breaks = (index) => index > 0 && (starts[index] - starts[index - 1] > 1.5 * slide);
  let line = "", early = "", area = "", opened = null;
  const close = (index) => { if (opened !== null) area += `L${places[index]},${floor}L${places[opened]},${floor}Z`; opened = null; };
  points.forEach((entry, index) => {
    const at = `${places[index].toFixed(1)},${y(revenues[index]).toFixed(1)}`;
    if (!entry.final) {
      if (index > 0 && points[index - 1].final && !breaks(index)) early += `M${places[index - 1].toFixed(1)},${y(revenues[index - 1]).toFixed(1)}`;
      early += `${early && !breaks(index) ? "L" : "M"}${at}`;
      return;
    }
    const begins = opened === null || breaks(index);
    if (begins) { close(index - 1); opened = index; }
    line += `${begins ? "M" : "L"}${at}`;
    area += `${begins ? "M" : "L"}${at}`;
    if (index === points.length - 1 || !points[index + 1].final) close(index);
  });
  root.append(svg("path", { class: "area", d: area }), svg("path", { class: "line", d: line }), svg("path", { class: "line early", d: early }));

  const step = Math.max(1, Math.min(14, ((width - LEFT - RIGHT) * slide) / (last - first)));
  const base = height - BOTTOM;
  const bars = counts.map((count, index) => `M${places[index].toFixed(1)},${base}v${(-(count / topCount) * BARS).toFixed(1)}`).join("");
  root.append(svg("path", { class: "count", d: bars, "stroke-width": Math.max(1, step * 0.7).toFixed(1) }));
  if (points.length === 1) root.append(svg("circle", { class: "point", r: 5, cx: places[0], cy: y(revenues[0]) }));

  plot.replaceChildren(root, el("div", { class: "tip", hidden: "" }));
  plot.scale = { y, revenues, base };
  if (cursor !== null && cursor >= points.length) cursor = null;
  drawCursor();
}

function label(x, y, anchor, content) {
  const node = svg("text", { x, y, "text-anchor": anchor });
  node.textContent = content;
  return node;
}

function ticks(root, first, last, x, width, height) {
  const fitting = Math.max(2, Math.floor((width - LEFT) / 90));
  const step = (STEPS_MIN.find((minutes) => (last - first) / (minutes * 60_000) <= fitting) ?? 525_600) * 60_000;
  const zone = new Date(last).getTimezoneOffset() * 60_000;
  for (let at = Math.ceil((first - zone) / step) * step + zone; at <= last; at += step) {
    if (x(at) < LEFT + 14 || x(at) > width - 22) continue;
    const text = step < 86_400_000 ? shortTime(at) : shortDay(at);
    root.append(label(x(at), height - 6, "middle", text));
  }
}

// What follows the pointer is drawn apart from the rest, which is drawn once a window.
function drawCursor() {
  const plot = $("chart");
  const root = plot.firstElementChild;
  if (!root || !plot.scale) return;
  root.querySelectorAll(".cursor, .chosen, .point.moving").forEach((node) => node.remove());
  const points = visiblePoints();
  const { y, revenues, base } = plot.scale;
  const upright = (name, index) => svg("line", { class: name, x1: places[index], x2: places[index], y1: TOP - 4, y2: base });
  const at = chosen();
  if (state.selected && at !== null && at < places.length) root.append(upright("chosen", at));
  const tip = plot.lastElementChild;
  tip.hidden = cursor === null;
  const spoken = cursor ?? at;
  if (spoken !== null && points[spoken]) {
    const { window, revenue, receipts } = points[spoken];
    attribute(plot, "aria-valuemax", points.length - 1);
    attribute(plot, "aria-valuenow", spoken);
    attribute(plot, "aria-valuetext", t("point", { time: windowTime(window), revenue: money(revenue), receipts: whole(receipts) }));
  }
  if (cursor === null || !points[cursor]) return;
  const { window, revenue, receipts, final } = points[cursor];
  root.append(upright("cursor", cursor), svg("circle", { class: "point moving", r: 5, cx: places[cursor], cy: y(revenues[cursor]) }));
  tip.replaceChildren(windowTime(window), el("b", {}, money(revenue)), `${t("receipts")}: ${whole(receipts)}${final ? "" : ` · ${t("early")}`}`);
  const left = places[cursor] + 14 + tip.offsetWidth > plot.clientWidth ? places[cursor] - 14 - tip.offsetWidth : places[cursor] + 14;
  tip.style.left = `${Math.max(0, left)}px`;
}
