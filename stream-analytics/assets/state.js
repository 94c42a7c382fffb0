// What the page knows. Events fold into it; the panels read it.

import { parse } from "./format.js";

const KEEP_RECEIPTS = 200;
const KEEP_WINDOWS = 240;

export const keyOf = (window) => `${window.start}/${window.end}`;

export const state = {
  connection: "connecting",
  caughtUp: false,
  timing: null,
  health: null,
  clockSkew: 0, // ours less the server's
  points: [], // the chart, in order
  windows: new Map(), // whole windows by key
  receipts: [], // the latest sold first
  salesHistory: null,
  deadLetters: [],
  selected: null, // a key, or null for live
  showEarly: true,
};

export const serverNow = () => Date.now() - state.clockSkew;

export function apply(name, json) {
  const data = parse(json);
  state.clockSkew = Date.now() - Date.parse(data.now);
  if (name === "health") {
    state.health = data;
    return;
  }
  if (name === "snapshot") {
    state.caughtUp = data.caught_up;
    state.timing = data.timing;
    state.points = data.series;
    state.windows.clear();
    state.receipts = data.expensive_receipts;
    state.salesHistory = data.sales_history;
    state.deadLetters = data.dead_letters;
    data.windows.forEach(putWindow);
    return;
  }
  for (const window of data.windows ?? []) {
    putWindow(window);
    if (window.totals) putPoint({ window: window.window, final: window.final, ...window.totals });
  }
  if (data.oldest) {
    const kept = state.points.findIndex((point) => point.window.start >= data.oldest);
    if (kept > 0) state.points.splice(0, kept);
  }
  for (const receipt of data.expensive_receipts ?? []) putReceipt(receipt);
  state.salesHistory = data.sales_history ?? state.salesHistory;
  state.deadLetters = data.dead_letters ?? state.deadLetters;
}

export function putWindow(window) {
  const key = keyOf(window.window);
  state.windows.delete(key);
  state.windows.set(key, window);
  for (const old of state.windows.keys()) {
    if (state.windows.size <= KEEP_WINDOWS) break;
    if (old !== state.selected) state.windows.delete(old);
  }
}

// Times of the API all have one form, so they compare as text.
const order = (a, b) => (a.window.start === b.window.start ? (a.window.end < b.window.end ? -1 : 1) : a.window.start < b.window.start ? -1 : 1);

function putPoint(point) {
  const { points } = state;
  const key = keyOf(point.window);
  let place = points.length;
  while (place > 0 && keyOf(points[place - 1].window) !== key && order(point, points[place - 1]) < 0) place -= 1;
  if (place > 0 && keyOf(points[place - 1].window) === key) points[place - 1] = point;
  else points.splice(place, 0, point);
}

// The latest sold first, as the server has them.
export const later = (a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0);

function putReceipt(receipt) {
  const { receipts } = state;
  if (receipts.some((known) => known.position === receipt.position)) return;
  const place = receipts.findIndex((known) => later(known, receipt) >= 0);
  receipts.splice(place < 0 ? receipts.length : place, 0, receipt);
  receipts.length = Math.min(receipts.length, KEEP_RECEIPTS);
}

export const visiblePoints = () => (state.showEarly ? state.points : state.points.filter((point) => point.final));

// The window on show: the selected one, or the newest all of whose parts have come (they are published apart).
export function shown() {
  if (state.selected) return state.windows.get(state.selected) ?? null;
  const newest = [...state.windows.values()].filter((window) => state.showEarly || window.final).sort(order);
  const whole = newest.findLast((window) => window.totals && window.top_stores.length && window.popular_items.length);
  return whole ?? newest.at(-1) ?? null;
}

export function neighbour(step) {
  const points = visiblePoints();
  const current = shown();
  const at = current ? points.findIndex((point) => keyOf(point.window) === keyOf(current.window)) : -1;
  return at < 0 ? null : points[at + step] ?? null;
}

export function categories() {
  const names = new Set();
  for (const window of state.windows.values()) window.popular_items.forEach((part) => names.add(part.category));
  return [...names].sort((a, b) => a.localeCompare(b));
}
