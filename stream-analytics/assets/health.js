// The health strip, and whether what the page shows is fresh.

import { $, attribute, el, list, text } from "./dom.js";
import { duration, length, rate, time, whole } from "./format.js";
import { serverNow, state } from "./state.js";
import { language, said, t } from "./texts.js";

// Name, figure of the health, how its value is written.
const FIGURES = [
  ["rate", "receipts_per_second", (value) => rate(value)],
  ["delay", "window_delay_ms", () => duration(serverNow() - Date.parse(state.health.newest_final_end))],
  ["lag", "lag", (value) => whole(value)],
  ["late", "late", (value) => whole(value)],
  ["dead", "dead_letters", (value) => whole(value)],
  ["replicas", "replicas", (value) => `${whole(value)} ${t("workers", { n: state.health.workers })}`],
  ["brokers", "brokers", ({ reachable, count, under_replicated: under }) =>
    !reachable ? t("brokers_down") : under ? t("under_replicated", { n: under }) : t("brokers_up", { n: count })],
];

function item([name]) {
  const value = el("span", { class: "value" }, el("span", { class: "dot", "aria-hidden": "true" }), el("span"), el("span", { class: "unseen" }));
  return el("li", {}, el("a", { href: `#about-${name}` }, el("span", { class: "label" }), value));
}

export function drawHealth() {
  const { health } = state;
  list($("health"), FIGURES, ([name]) => name, item, (node, [name, member, write]) => {
    const figure = health?.[member];
    const known = figure && figure.value !== null;
    const [label, value] = node.firstElementChild.children;
    value.children[1].id = `health-${name}`;
    text(label, t(name));
    text(value.children[1], known ? write(figure.value) : "–");
    text(value.children[2], `, ${t(`status_${figure?.status ?? "unknown"}`)}`);
    attribute(node.firstElementChild, "data-status", figure?.status ?? "unknown");
    const error = figure?.value?.error;
    attribute(node.firstElementChild, "title", error ? t("client_says", { error }) : null);
  });
}

const isStale = () => {
  const end = state.health?.newest_final_end;
  return Boolean(end && state.timing) && serverNow() - Date.parse(end) > state.timing.stale_after_ms;
};

let lastHeard = new Date();
export const heard = () => { lastHeard = new Date(); };

const SAID = { connecting: "connecting", live: "live_now", stale: "stale_now", lost: "lost", broker: "broker_now" };

// One word for all of it: the worst of what is the case.
export function drawFreshness() {
  const brokerDown = state.health && !state.health.brokers.value.reachable;
  const mode = state.connection === "lost" ? "lost"
    : state.connection === "connecting" ? "connecting"
    : brokerDown ? "broker"
    : isStale() ? "stale" : "live";
  attribute(document.documentElement, "data-state", mode);
  text($("connection-text"), t(SAID[mode]));
  const end = state.health?.newest_final_end;
  const notices = {
    lost: () => t("lost_notice", { time: time(lastHeard) }),
    broker: () => t("broker_notice"),
    // By the minute: the notice is a live region and must not speak each second.
    stale: () => t("stale_notice", { ago: duration(Math.max(60_000, Math.floor((serverNow() - Date.parse(end)) / 60_000) * 60_000) || 60_000), time: time(end) }),
  };
  const notice = notices[mode]?.() ?? "";
  $("notice").hidden = notice === "";
  text($("notice"), notice);
}

// Times in an explanation are the analytics' own, unless they stand in quotes.
const ITS_TIMES = /(?<![\w"`])\d{4}-\d\d-\d\dT[\d:.]+Z/g;

export function drawDeadLetters() {
  $("dead-panel").hidden = state.deadLetters.length === 0;
  const create = () => el("tr", {}, el("td", { class: "time" }), el("td"), el("td"), el("td"));
  list($("dead"), state.deadLetters, (letter, index) => index, create, (node, letter) => {
    const [when, reason, message, source] = node.children;
    text(when, time(letter.published_at));
    text(reason, t(`reason_${letter.reason}`));
    const explained = said(letter.message);
    text(message, explained.replace(ITS_TIMES, time) || "–");
    attribute(message, "lang", explained && explained === letter.message && language() !== "en" ? "en" : null);
    text(source, letter.source || "–");
  });
}

export function drawAbout() {
  const { timing } = state;
  const terms = [["window", t("term_window")], ...FIGURES.map(([name]) => [name, t(name)])];
  const create = ([name]) => el("div", { id: `about-${name}` }, el("dt"), el("dd"));
  list($("about"), terms, ([name]) => name, create, (node, [name, term]) => {
    text(node.firstElementChild, term);
    text(node.lastElementChild, t(`about_${name}`, { stale: timing ? length(timing.stale_after_ms) : "–" }));
  });
}
