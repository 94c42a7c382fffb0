// Sales history: the summary that batch-cleaner publishes with its latest run. Members that a summary lacks are left out.

import { $, el, list, text } from "./dom.js";
import { dayTime, money, whole } from "./format.js";
import { state } from "./state.js";
import { said, t } from "./texts.js";

const UNREADABLE = ["too_few_fields", "too_many_fields", "not_utf8", "quotes_or_size"];

const count = (number) => Number(number ?? 0);
const entries = (members) => Object.entries(members ?? {});

// A column or several of them: `quantity & total_spent`.
const columns = (names) => names.split(" & ").map((name) => t(`column_${name}`)).join(", ");

function repairs(steps) {
  const of = (step, member) => count(steps?.[step]?.[member]);
  return [
    [t("column_item"), of("2.1_item", "restored") + of("2.3b_item_again", "restored")],
    [t("column_total_spent"), of("2.2_total", "restored")],
    [t("column_quantity"), of("2.3_quantity_price", "quantity_restored")],
    [t("column_price_per_unit"), of("2.3_quantity_price", "price_restored")],
  ].filter(([, filled]) => filled > 0);
}

function rejects(summary) {
  const missing = entries(summary.steps?.["2.4_drop"]?.dropped_by_missing)
    .map(([names, rows]) => [t("missing", { columns: columns(names) }), count(rows)]);
  const unreadable = UNREADABLE.map((reason) => [t(reason), count(summary.rejected_unreadable?.[reason])]);
  return [...missing, ...unreadable].filter(([, rows]) => rows > 0).sort((a, b) => b[1] - a[1]);
}

function means(groups) {
  return entries(groups).map(([name, { mean }]) => [name === "null" ? t("unknown") : said(name), mean]);
}

export function drawHistory() {
  const history = state.salesHistory;
  $("history").hidden = !history;
  $("history-none").hidden = Boolean(history);
  text($("history-when"), history ? t("history_when", { time: dayTime(history.published_at) }) : "");
  if (!history) return;
  const { summary } = history;
  const aggregates = summary.aggregates ?? {};
  const repaired = repairs(summary.steps);
  const facts = [
    ["rows_read", summary.rows_read],
    ["rows_kept", summary.rows_out],
    ["rows_rejected", summary.rows_rejected],
    ["values_filled", repaired.reduce((sum, [, filled]) => sum + filled, 0)],
  ].filter(([, value]) => value !== undefined);
  const blocks = [
    ["units_per_category", entries(aggregates.units_by_category), whole, true],
    ["mean_by_method", means(aggregates.mean_total_by_payment_method), money, true],
    ["mean_by_location", means(aggregates.mean_total_by_location), money, true],
    ["repairs", repaired, whole, false],
    ["rejects", rejects(summary), whole, false],
  ];
  const place = $("history");
  if (!place.firstElementChild) place.append(el("dl", { class: "facts" }), el("div", { class: "blocks" }));
  const fact = () => el("div", {}, el("dt"), el("dd"));
  list(place.firstElementChild, facts, ([name]) => name, fact, (node, [name, value]) => {
    text(node.firstElementChild, t(name));
    text(node.lastElementChild, whole(value));
  });
  const block = () => el("section", {}, el("h3"), el("ul", { class: "rows" }), el("p", { class: "hint" }));
  list(place.lastElementChild, blocks, ([name]) => name, block, (node, [name, rows, write, bars]) => {
    const [title, lines, none] = node.children;
    text(title, t(name));
    none.hidden = rows.length > 0;
    text(none, t("none_at_all"));
    const most = Math.max(...rows.map(([, value]) => Number(value)));
    list(lines, rows, ([key]) => key, line, (row, [key, value]) => {
      const [label, figure, bar] = row.children;
      text(label.firstElementChild, key);
      text(figure, write(value));
      bar.hidden = !bars;
      bar.firstElementChild.style.transform = `scaleX(${Number(value) / most || 0})`;
    });
  });
}

function line() {
  return el("li", {}, el("span", { class: "name" }, el("span")), el("span", { class: "num strong" }), el("span", { class: "bar", "aria-hidden": "true" }, el("i")));
}
