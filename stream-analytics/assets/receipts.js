// Expensive receipts: a live list, its filter, and the lines of a receipt on a click.

import { $, el, list, text } from "./dom.js";
import { money, parse, time, whole } from "./format.js";
import { later, state } from "./state.js";
import { language, said, t } from "./texts.js";

const FRESH_MS = 2_500;
const filter = { store: "", number: null, amount: "", bad: false };
let found = null; // what the server found for the filter; null without one
let asked = 0;
let drawnOnce = false;

const isSet = () => filter.store !== "" || filter.amount !== "";

// As the server compares: whatever the case, and who types `е` means `ё` too.
const folded = (name) => name.toLowerCase().replaceAll("ё", "е");

// A store is its number or a part of its name. Amounts are typed as they are written here: `1 234,50`.
export async function setFilter(store, amount) {
  filter.store = store.trim();
  filter.number = /^\d+$/.test(filter.store) ? BigInt(filter.store) : null;
  filter.amount = amount.replace(/[\s₽]/g, "").replace(",", ".");
  filter.bad = !/^(\d{1,15}(\.\d{0,2})?)?$/.test(filter.amount);
  filter.amount = filter.amount.replace(/\.$/, "");
  found = null;
  drawnOnce = false;
  drawReceipts();
  await ask();
}

// The page keeps the latest receipts only; the server looks through all that it keeps.
export async function ask() {
  asked += 1;
  const mine = asked;
  if (!isSet() || filter.bad) return;
  const query = new URLSearchParams();
  if (filter.store) query.set("store", filter.store);
  if (filter.amount) query.set("min_total", filter.amount);
  try {
    const answer = await fetch(`/api/expensive-receipts?${query}`);
    if (mine !== asked || !answer.ok) return;
    found = parse(await answer.text());
    drawnOnce = false;
    drawReceipts();
  } catch { /* the connection's own notice says it */ }
}

function admits(receipt) {
  const fits = filter.number === null ? folded(receipt.store_name).includes(folded(filter.store)) : BigInt(receipt.store_id) === filter.number;
  return fits
    && (!filter.amount || Number(receipt.total) >= Number(filter.amount));
}

function rows() {
  if (filter.bad) return [];
  if (!isSet()) return state.receipts.slice(0, 100);
  const byPosition = new Map([...(found ?? []), ...state.receipts.filter(admits)].map((receipt) => [receipt.position, receipt]));
  return [...byPosition.values()].sort(later).slice(0, 100);
}

export function drawReceipts() {
  const receipts = rows();
  list($("receipts"), receipts, (receipt) => receipt.position, create, update);
  drawnOnce = drawnOnce || receipts.length > 0;
  const none = $("receipts-none");
  none.hidden = receipts.length > 0;
  $("receipts-scroll").hidden = receipts.length === 0;
  text(none, t(filter.bad ? "bad_filter" : isSet() ? "receipts_filtered" : "receipts_none"));
}

function create(receipt) {
  const summary = el("summary", {}, el("span", { class: "time" }), el("span", { class: "where" }, el("span"), el("small")), el("span", { class: "total" }));
  const details = el("details", {}, summary, el("div", { class: "detail" }));
  details.addEventListener("toggle", () => { if (details.open) open(details, receipt); });
  const node = el("li", {}, details);
  // Only what comes while one looks on is new.
  if (drawnOnce) {
    node.classList.add("fresh");
    setTimeout(() => node.classList.remove("fresh"), FRESH_MS);
  }
  return node;
}

function update(node, receipt) {
  const [when, where, total] = node.firstElementChild.firstElementChild.children;
  text(when, time(receipt.timestamp));
  text(where.firstElementChild, receipt.store_name || t("unnamed_store", { id: receipt.store_id }));
  text(where.lastElementChild, t("lines", { n: receipt.lines }));
  text(total, money(receipt.total));
  const details = node.firstElementChild;
  if (details.content && details.lastElementChild.lang !== language()) drawDetail(details);
}

async function open(details, receipt) {
  details.content = await detail(receipt.position);
  drawDetail(details);
}

function drawDetail(details) {
  const place = details.lastElementChild;
  place.replaceChildren(...details.content());
  place.lang = language();
}

// What to show of a receipt, in whichever language it is drawn.
async function detail(position) {
  try {
    const answer = await fetch(`/api/expensive-receipts/${position}`);
    if (answer.status === 404) return () => [t("detail_gone")];
    if (!answer.ok) return () => [t("detail_failed")];
    const receipt = parse(await answer.text());
    return () => lines(receipt);
  } catch {
    return () => [t("detail_failed")];
  }
}

function lines(receipt) {
  const head = ["item", "price", "quantity"].map((name, index) => el("th", { scope: "col", class: index ? "n" : null }, t(name)));
  const body = receipt.items.map((item) => el("tr", {},
    el("td", { title: item.category }, item.name || t("unnamed")),
    el("td", { class: "n" }, money(item.price)),
    el("td", { class: "n" }, whole(item.quantity))));
  const about = t("detail", { id: receipt.receipt_id, cashier: receipt.cashier_id, method: receipt.payment_method ? said(receipt.payment_method) : t("no_method") });
  return [el("p", {}, about), el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body))];
}
