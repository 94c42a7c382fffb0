// The page: what comes in, what is drawn when, and what the user may do.

import { drawChart, startChart } from "./chart.js";
import { connect } from "./connection.js";
import { $, attribute, text } from "./dom.js";
import { length, money, parse, whole, windowTime } from "./format.js";
import { drawAbout, drawDeadLetters, drawFreshness, drawHealth, heard } from "./health.js";
import { drawHistory } from "./history.js";
import { fromLink, keepInLink } from "./link.js";
import { ask, drawReceipts, setFilter } from "./receipts.js";
import { apply, keyOf, neighbour, putWindow, shown, state } from "./state.js";
import { chooseLanguage, language, t, translate } from "./texts.js";
import { drawWindow, setCategory } from "./window.js";

const ANNOUNCE_MS = 60_000;
const TYPING_MS = 250;

let announcedAt = 0;
let announced = null;
let scheduled = false;

// However many events come, the page is drawn once a frame. In a hidden tab frames stand still, and so does the work.
function draw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    drawWindow();
    drawReceipts();
    drawChart();
    drawHealth();
    drawFreshness();
    drawHistory();
    drawDeadLetters();
    drawAbout();
    drawEmpty();
    announce();
  });
}

function drawEmpty() {
  const { timing } = state;
  const missing = state.selected !== null && state.caughtUp && !shown() && !state.points.some((point) => keyOf(point.window) === state.selected);
  const empty = state.points.length === 0 && state.windows.size === 0;
  $("empty").hidden = !empty && !missing;
  const waiting = state.caughtUp && timing
    ? t("empty", { window: length(timing.window_ms), delay: length(timing.watermark_delay_ms) })
    : t("loading");
  text($("empty"), missing ? t("no_window") : waiting);
}

// A screen reader hears of a new window once a minute at most, and not while its user looks back.
function announce() {
  const window = state.selected ? null : shown();
  if (!window?.final || !window.totals || announced === keyOf(window.window) || Date.now() - announcedAt < ANNOUNCE_MS) return;
  if (announced !== null) {
    const { revenue, receipts } = window.totals;
    text($("announce"), t("announce", { time: windowTime(window.window), revenue: money(revenue), receipts: whole(receipts) }));
    announcedAt = Date.now();
  }
  announced = keyOf(window.window);
}

async function look(window) {
  state.selected = keyOf(window);
  keepInLink({ window: state.selected });
  draw();
  if (state.windows.has(state.selected)) return;
  try {
    const answer = await fetch(`/api/windows?${new URLSearchParams({ from: window.start, to: window.end, limit: "720" })}`);
    if (answer.ok) parse(await answer.text()).forEach(putWindow);
  } catch { /* the connection's own notice says it */ }
  draw();
}

function lookAt(key) {
  const [start, end] = key.split("/");
  if (end) look({ start, end });
}

// A snapshot brings the newest alone. What the user looks for beyond them has to be asked for.
function askAgain() {
  ask();
  if (state.selected && !state.windows.has(state.selected)) lookAt(state.selected);
}

function goLive() {
  state.selected = null;
  keepInLink({ window: "" });
  draw();
}

function setLanguage(wanted) {
  chooseLanguage(wanted);
  translate(document);
  document.title = t("title");
  attribute($("lang-en"), "aria-pressed", language() === "en");
  attribute($("lang-ru"), "aria-pressed", language() === "ru");
  text($("zone"), t("zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone }));
  draw();
}

$("lang-en").addEventListener("click", () => setLanguage("en"));
$("lang-ru").addEventListener("click", () => setLanguage("ru"));
$("live").addEventListener("click", goLive);
$("older").addEventListener("click", () => { const to = neighbour(-1); if (to) look(to.window); });
$("newer").addEventListener("click", () => { const to = neighbour(1); if (to) look(to.window); else goLive(); });
$("category").addEventListener("change", (event) => { setCategory(event.target.value); draw(); });
$("early").addEventListener("change", (event) => { state.showEarly = event.target.checked; draw(); });
addEventListener("keydown", (event) => { if (event.key === "Escape" && state.selected) goLive(); });

let typing;
function filterReceipts() {
  const [store, from] = [$("filter-store").value.trim(), $("filter-amount").value.trim()];
  keepInLink({ store, from });
  setFilter(store, from);
}
$("receipt-filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filterReceipts, TYPING_MS);
});
$("receipt-filter").addEventListener("submit", (event) => event.preventDefault());

function followLink() {
  const { store, from, category, window } = fromLink();
  $("filter-store").value = store;
  $("filter-amount").value = from;
  filterReceipts();
  setCategory(category);
  lookAt(window);
}

startChart(look);
setLanguage();
followLink();
connect({
  onEvent(name, json) {
    apply(name, json);
    heard();
    if (name === "snapshot") askAgain();
    draw();
  },
  onState(connection) {
    state.connection = connection;
    draw();
  },
});
setInterval(() => { drawHealth(); drawFreshness(); }, 1_000);
