// The window on show: its figures, its best stores, its popular items.

import { $, attribute, el, list, text } from "./dom.js";
import { money, percent, whole, windowTime } from "./format.js";
import { keepInLink } from "./link.js";
import { categories, keyOf, neighbour, shown, state } from "./state.js";
import { t } from "./texts.js";

const LEADERS = "";
let category = LEADERS;

export function setCategory(name) {
  category = name;
  keepInLink({ category });
}

export function drawWindow() {
  const window = shown();
  drawHead(window);
  drawKpis(window);
  drawStores(window);
  drawItems(window);
}

function drawHead(window) {
  const past = state.selected !== null;
  text($("window-mode"), t(past ? "past_window" : window && !window.final ? "early_window" : "last_window"));
  text($("window-time"), window ? windowTime(window.window) : "–");
  const badge = $("window-badge");
  badge.hidden = !window;
  text(badge, window ? t(window.final ? "final" : "early") : "");
  badge.classList.toggle("early", Boolean(window) && !window.final);
  $("older").disabled = !neighbour(-1);
  $("newer").disabled = !past;
  attribute($("live"), "aria-pressed", !past);
  attribute(document.documentElement, "data-view", past ? "past" : "live");
  $("early-choice").hidden = !state.points.some((point) => !point.final) && state.showEarly;
}

function drawKpis(window) {
  const now = window?.totals;
  const before = now ? neighbour(-1) : null;
  const average = (totals) => (totals ? Number(totals.revenue) / Number(totals.receipts) : undefined);
  const kpis = [
    ["revenue", now?.revenue, before?.revenue, money],
    ["receipts", now?.receipts, before?.receipts, whole],
    ["average", average(now), average(before), money],
    ["units", now?.units, before?.units, whole],
    ["stores", now?.stores, before?.stores, whole],
  ];
  const create = () => el("div", {}, el("dt"), el("dd", {}, el("span", { class: "figure" }), el("span", { class: "delta" })));
  list($("kpis"), kpis, ([name]) => name, create, (node, [name, value, previous, write]) => {
    text(node.firstElementChild, t(name));
    const [figure, delta] = node.lastElementChild.children;
    figure.id = `kpi-${name}`;
    text(figure, value === undefined ? "–" : write(value));
    // The sums of an open window say nothing beside those of a whole one.
    const comparable = value !== undefined && Number(previous) > 0 && window.final && before.final;
    const change = comparable ? Number(value) / Number(previous) - 1 : null;
    const shown = change === null ? "" : Math.abs(change) < 0.0005 ? "=" : `${change > 0 ? "▲" : "▼"} ${percent(change)}`;
    text(delta, shown);
    attribute(delta, "title", shown ? t("against_before") : null);
    attribute(delta, "class", change > 0.0005 ? "delta up" : change < -0.0005 ? "delta down" : "delta");
  });
}

function line() {
  const name = el("span", { class: "name" }, el("span", { class: "rank" }), el("b"), el("span", { class: "move" }));
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("i"));
  return el("li", {}, name, el("span", { class: "num" }), el("span", { class: "num strong" }), bar);
}

function fill(node, { rank, name, count, revenue, share }) {
  const [label, number, amount, bar] = node.children;
  text(label.children[0], String(rank));
  text(label.children[1], name);
  attribute(label.children[1], "title", name);
  text(number, whole(count));
  text(amount, money(revenue));
  bar.firstElementChild.style.transform = `scaleX(${share || 0})`;
}

function drawStores(window) {
  const stores = window?.top_stores ?? [];
  const most = Math.max(...stores.map((store) => Number(store.revenue)));
  // A line is a rank: its figures change in place.
  list($("stores"), stores, (store) => store.rank, line, (node, store) => {
    const name = store.store_name || t("unnamed_store", { id: store.store_id });
    fill(node, { rank: store.rank, name, count: store.receipts, revenue: store.revenue, share: Number(store.revenue) / most });
    // Ranks in an open window are still anyone's.
    drawMove(node.firstElementChild.children[2], store, window.final ? window.previous : null);
  });
  $("stores-none").hidden = !window || stores.length > 0;
}

function drawMove(node, store, previous) {
  const by = store.previous_rank === null ? null : store.previous_rank - store.rank;
  const [kind, sign, said] = !previous ? ["", "", ""]
    : by === null ? ["new", t("new"), t("new")]
    : by > 0 ? ["up", `▲${by}`, t("up", { n: by })]
    : by < 0 ? ["down", `▼${-by}`, t("down", { n: -by })]
    : ["", "", t("same")];
  attribute(node, "class", `move ${kind}`);
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  node.replaceChildren(el("span", { "aria-hidden": "true" }, sign), el("span", { class: "unseen" }, said));
}

function drawItems(window) {
  const parts = window?.popular_items ?? [];
  drawCategories();
  const rows = $("items");
  rows.classList.toggle("leaders", category === LEADERS);
  if (category === LEADERS) {
    const byName = [...parts].filter((part) => part.items.length).sort((a, b) => a.category.localeCompare(b.category));
    list(rows, byName, (part) => `leader/${part.category}`, leader, (node, part) => fillLeader(node, part));
    $("items-none").hidden = true;
    return;
  }
  const items = parts.find((part) => part.category === category)?.items ?? [];
  const most = Math.max(...items.map((item) => Number(item.quantity)));
  list(rows, items, (item) => `rank/${item.rank}`, line, (node, item) => {
    const share = Number(item.quantity) / most;
    fill(node, { rank: item.rank, name: item.name || t("unnamed"), count: item.quantity, revenue: item.revenue, share });
  });
  $("items-none").hidden = !window || items.length > 0;
}

function leader() {
  const name = el("span", { class: "two" }, el("span", { class: "name" }, el("b")), el("span", { class: "sub" }));
  return el("li", {}, name, el("span", { class: "num" }), el("span", { class: "num strong" }));
}

function fillLeader(node, { category: name, items: [best] }) {
  const [label, number, amount] = node.children;
  text(label.firstElementChild.firstElementChild, best.name || t("unnamed"));
  text(label.lastElementChild, name || t("unnamed"));
  text(number, whole(best.quantity));
  text(amount, money(best.revenue));
}

function drawCategories() {
  const select = $("category");
  const names = categories();
  if (category !== LEADERS && !names.includes(category)) names.push(category);
  const options = [{ value: LEADERS, label: t("leaders") }, ...names.map((name) => ({ value: name, label: name || t("unnamed") }))];
  list(select, options, ({ value }) => `c/${value}`, ({ value }) => el("option", { value }), (node, { label }) => text(node, label));
  if (select.value !== category) select.value = category;
}

export const selectedKey = () => state.selected ?? (shown() ? keyOf(shown().window) : null);
