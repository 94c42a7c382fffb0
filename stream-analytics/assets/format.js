// Numbers are written as in Russian shops in both languages: `1 234,50 ₽`. A number too large for a double comes as text
// (see `parse`), and Intl writes such a text exactly.

import { language, t } from "./texts.js";

const RUBLE = new Intl.NumberFormat("ru-RU", { style: "currency", currency: "RUB", minimumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("ru-RU", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("ru-RU", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat("ru-RU", { style: "percent", maximumFractionDigits: 1, signDisplay: "never" });
const CLOCK = new Intl.DateTimeFormat("ru-RU", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat("ru-RU", { hour: "2-digit", minute: "2-digit" });

// Reads JSON; a number that a double would round stays as the text that it is.
export function parse(json) {
  return JSON.parse(json, (_, value, context) =>
    typeof value === "number" && Math.abs(value) > 2 ** 46 && context?.source ? context.source : value);
}

export const money = (amount) => RUBLE.format(amount);
export const whole = (number) => WHOLE.format(number);
export const rate = (number) => (number < 10 ? TENTH : WHOLE).format(number);
export const percent = (share) => PERCENT.format(share);
export const shortTime = (ms) => SHORT.format(ms);
export const shortDay = (ms) => day(new Date(ms));

export function compact(number) {
  const written = new Intl.NumberFormat(language(), { notation: "compact", maximumFractionDigits: 1 }).format(number);
  return written.replace(/(\d)\.(\d)/, "$1,$2");
}

export function time(iso) {
  const at = new Date(iso);
  const today = new Date().toDateString() === at.toDateString();
  return today ? CLOCK.format(at) : `${day(at)}, ${CLOCK.format(at)}`;
}

export function windowTime({ start, end }) {
  return `${time(start)} – ${CLOCK.format(new Date(end))}`;
}

function day(at) {
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", year }).format(at);
}

export const dayTime = (iso) => `${day(new Date(iso))}, ${CLOCK.format(new Date(iso))}`;

// A length that somebody has set: `10 s`, where one that ticks is `10,0 s`.
export const length = (ms) => (ms % 1000 === 0 && ms < 100_000 ? `${WHOLE.format(ms / 1000)} ${t("s")}` : duration(ms));

export function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 0) return `−${duration(-ms)}`;
  if (seconds < 99.95) return `${TENTH.format(seconds)} ${t("s")}`;
  if (seconds < 5400) return `${WHOLE.format(seconds / 60)} ${t("min")}`;
  if (seconds < 172800) return `${WHOLE.format(seconds / 3600)} ${t("h")}`;
  return `${WHOLE.format(seconds / 86400)} ${t("d")}`;
}
