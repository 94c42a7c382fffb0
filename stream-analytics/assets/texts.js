// All texts, in one table. `{name}` is filled in; an object is chosen from by the plural rules of the language.

const TEXTS = {
  title: ["Live sales", "Продажи сейчас"],
  skip: ["Skip to the figures", "К показателям"],
  language: ["Language", "Язык"],
  windows: ["Windows", "Окна"],
  s: ["s", "с"], min: ["min", "мин"], h: ["h", "ч"], d: ["d", "сут"],

  connecting: ["Connecting…", "Подключение…"],
  live_now: ["Live", "Онлайн"],
  lost: ["Disconnected, reconnecting…", "Нет связи, подключаюсь…"],
  lost_notice: ["The connection to the server is lost. You see what was known at {time}; the page reconnects by itself and catches up on everything.", "Связь с сервером потеряна. Показано то, что было известно в {time}; страница переподключится сама и получит всё пропущенное."],
  stale_now: ["No new windows", "Новых окон нет"],
  stale_notice: ["No window has closed for {ago}. The last one ended at {time}: either nothing is sold or the pipeline stands still.", "Окна не закрываются уже {ago}. Последнее завершилось в {time}: либо нет продаж, либо конвейер стоит."],
  broker_now: ["Kafka does not answer", "Kafka не отвечает"],
  broker_notice: ["The server cannot reach Kafka. The figures below are the last known ones.", "Сервер не может связаться с Kafka. Ниже последние известные показатели."],

  health: ["Pipeline health", "Состояние конвейера"],
  rate: ["Receipts/s", "Чеков/с"],
  delay: ["Window delay", "Задержка окон"],
  lag: ["Lag", "Отставание"],
  late: ["Late, 1 h", "Опоздали за час"],
  dead: ["Dead letters, 1 h", "Отбраковано за час"],
  replicas: ["Replicas", "Реплики"],
  brokers: ["Kafka", "Kafka"],
  status_ok: ["normal", "норма"], status_warn: ["attention", "внимание"], status_bad: ["problem", "сбой"], status_unknown: ["unknown", "неизвестно"],
  brokers_up: [{ one: "{n} broker", other: "{n} brokers" }, { one: "{n} брокер", few: "{n} брокера", many: "{n} брокеров", other: "{n} брокера" }],
  brokers_down: ["unreachable", "недоступна"],
  client_says: ["The Kafka client says: {error}", "Клиент Kafka сообщает: {error}"],
  under_replicated: ["{n} under-replicated", "без реплик: {n}"],
  workers: [{ one: "· {n} worker", other: "· {n} workers" }, { one: "· {n} поток", few: "· {n} потока", many: "· {n} потоков", other: "· {n} потока" }],

  last_window: ["Last window", "Последнее окно"],
  early_window: ["Window still open", "Окно ещё открыто"],
  past_window: ["You are looking back", "Просмотр прошлого окна"],
  final: ["Final", "Итог"],
  early: ["Early", "Предварительно"],
  show_early: ["Early results", "Предварительные"],
  older: ["Earlier window", "Предыдущее окно"],
  newer: ["Later window", "Следующее окно"],
  live: ["Live", "Сейчас"],
  loading: ["Reading the last hour…", "Читаю последний час…"],
  empty: ["Waiting for the first window.\nA window of {window} is published about {delay} after its end, once receipts arrive.", "Жду первое окно.\nОкно длиной {window} публикуется примерно через {delay} после его конца, как только появятся чеки."],
  no_window: ["This window is no longer kept.", "Это окно больше не хранится."],
  revenue: ["Revenue", "Выручка"],
  receipts: ["Receipts", "Чеки"],
  units: ["Units", "Штук"],
  stores: ["Stores", "Магазины"],
  average: ["Average receipt", "Средний чек"],
  against_before: ["against the window before", "к предыдущему окну"],

  top_stores: ["Top stores", "Лучшие магазины"],
  store: ["Store", "Магазин"],
  unnamed_store: ["Store {id}", "Магазин {id}"],
  stores_none: ["No sales in this window.", "В этом окне продаж нет."],
  up: ["up {n}", "выше на {n}"], down: ["down {n}", "ниже на {n}"], same: ["same rank", "место то же"], new: ["new", "новый"],
  popular_items: ["Popular items", "Популярные товары"],
  category: ["Category", "Категория"],
  leaders: ["All categories", "Все категории"],
  item: ["Item", "Товар"],
  items_none: ["Nothing of this category was sold in this window.", "В этом окне из этой категории ничего не продано."],
  unnamed: ["(no name)", "(без названия)"],

  expensive_receipts: ["Expensive receipts", "Крупные чеки"],
  from_amount: ["from", "от"],
  receipts_none: ["No expensive receipt yet.", "Крупных чеков пока нет."],
  receipts_filtered: ["No expensive receipt fits this filter.", "Под фильтр не подходит ни один крупный чек."],
  bad_filter: ["The amount is not a number.", "Сумма в фильтре не число."],
  store_hint: ["№ or name", "№ или имя"],
  lines: [{ one: "{n} line", other: "{n} lines" }, { one: "{n} позиция", few: "{n} позиции", many: "{n} позиций", other: "{n} позиции" }],
  detail: ["Receipt {id} · cashier {cashier} · {method}", "Чек {id} · кассир {cashier} · {method}"],
  no_method: ["payment unknown", "оплата неизвестна"],
  price: ["Price", "Цена"],
  quantity: ["Qty", "Кол-во"],
  detail_gone: ["This receipt is no longer kept.", "Этот чек больше не хранится."],
  detail_failed: ["The lines cannot be loaded now; close and open to try again.", "Позиции сейчас не загрузить; закройте и откройте чек ещё раз."],

  over_time: ["Revenue and receipts over time", "Выручка и чеки по времени"],
  chart_label: ["Window on the chart", "Окно на графике"],
  chart_help: ["Click a point, or use the arrow keys and Enter, to look at its window. Esc returns to live.", "Щёлкните точку (или стрелки и Enter), чтобы открыть её окно. Esc возвращает к текущему."],
  point: ["{time}: {revenue}, receipts: {receipts}", "{time}: {revenue}, чеков: {receipts}"],
  announce: ["Window {time}: revenue {revenue}, receipts {receipts}", "Окно {time}: выручка {revenue}, чеков {receipts}"],

  history: ["Sales history", "История продаж"],
  history_when: ["cleaned {time}", "очищено {time}"],
  history_none: ["No cleaned sales history yet. Run batch-cleaner with --brokers on a CSV file to see it here.", "Истории продаж пока нет. Запустите batch-cleaner с --brokers на CSV-файле, и она появится здесь."],
  rows_read: ["Rows read", "Прочитано строк"],
  rows_kept: ["Kept", "Принято"],
  rows_rejected: ["Rejected", "Отклонено"],
  values_filled: ["Values filled", "Восстановлено значений"],
  units_per_category: ["Units per category", "Штук по категориям"],
  mean_by_method: ["Mean purchase by payment method", "Средняя покупка по способу оплаты"],
  mean_by_location: ["Mean purchase by location", "Средняя покупка по месту"],
  repairs: ["Values filled, by column", "Восстановлено по столбцам"],
  rejects: ["Why rows were rejected", "Почему отклонены строки"],
  unknown: ["unknown", "не указано"],
  missing: ["missing: {columns}", "нет: {columns}"],
  too_few_fields: ["too few fields", "мало полей"], too_many_fields: ["too many fields", "лишние поля"],
  not_utf8: ["not UTF-8", "не UTF-8"], quotes_or_size: ["stray quotes or too long", "кавычки или длина"],
  column_item: ["item", "товар"], column_category: ["category", "категория"], column_quantity: ["quantity", "количество"],
  column_price_per_unit: ["price", "цена"], column_total_spent: ["total", "сумма"],
  none_at_all: ["none", "нет"],

  dead_title: ["Latest dead letters", "Последние отбракованные записи"],
  when: ["When", "Когда"], reason: ["Reason", "Причина"], explained: ["Explanation", "Пояснение"], source: ["Source", "Источник"],
  reason_late: ["late", "опоздал"], reason_malformed: ["malformed", "не чек"], reason_late_sum: ["late in merge", "опоздал к слиянию"],

  about: ["What the figures mean", "Что значат показатели"],
  about_rate: ["How fast the receipts topic grows, over the last ten seconds.", "Как быстро растёт топик чеков, за последние десять секунд."],
  about_delay: ["Now less the end of the newest final window. It swings between the watermark delay and one slide more; beyond {stale} the page calls itself stale.", "Сейчас минус конец последнего итогового окна. Колеблется от задержки водяного знака до неё же плюс шаг окна; после {stale} страница считает себя устаревшей."],
  about_lag: ["Receipts in Kafka that the analytics has not yet committed. A batch on its way is normal; a lag that grows means: add replicas.", "Чеки в Kafka, которые аналитика ещё не зафиксировала. Пачка в пути нормальна; растущее отставание значит: добавьте реплик."],
  about_late: ["Receipts of the last hour that came after their windows had closed. They are in receipts.dead-letter, not in the sums. One in a hundred raises attention.", "Чеки за час, пришедшие после закрытия своих окон. Они в receipts.dead-letter, не в суммах. Каждый сотый вызывает внимание."],
  about_dead: ["Records of the last hour that are in a dead-letter topic: late, or not a receipt at all. Attention if there was one in the last five minutes.", "Записи за час в топиках отбраковки: опоздавшие или вовсе не чеки. Внимание, если такая была за последние пять минут."],
  about_replicas: ["Processes in the analytics' consumer group, and their worker threads. Any replica shows the same page.", "Процессы в группе потребителей аналитики и их рабочие потоки. Любая реплика показывает ту же страницу."],
  about_brokers: ["Kafka as this server sees it.", "Kafka глазами этого сервера."],
  term_window: ["Window", "Окно"],
  about_window: ["All receipts whose own time lies in the interval, its end excluded. Early results may still grow; a final one never changes.", "Все чеки, время которых попадает в интервал, не включая его конец. Предварительный итог ещё растёт; окончательный не меняется."],
  metrics: ["Metrics", "Метрики"],
  zone: ["Times: {zone}", "Время: {zone}"],
};

// What topics say in English, and the same in Russian. `{name}` is whatever stands there, itself said in Russian if it is
// in the table; what stands in quotes stays. The first that fits counts.
const FROM_TOPICS = [
  ["Cash", "наличные"], ["Credit Card", "банковская карта"], ["Digital Wallet", "электронный кошелёк"],
  ["Online", "через интернет"], ["In-store", "в магазине"],

  ["{what} at line {line} column {column}", "{what} (строка {line}, знак {column})"],
  ["all its windows were closed at watermark {time}", "все его окна уже закрыты, водяной знак {time}"],
  ["the timestamp is {n} ms ahead of the clock (--max-ahead)", "время чека впереди часов на {n} мс"],
  ["its windows have no four-digit year", "год его окон не из четырёх цифр"],
  ["the value is empty", "значение пустое"],
  ["not UTF-8 after byte {n}", "не UTF-8 после байта {n}"],
  ["a lone surrogate escape", "половина суррогатной пары в строке"],
  ["nested deeper than {n}", "вложено глубже {n}"],
  ["{member} is longer than {n} bytes", "`{member}` длиннее {n} байт"],
  ["{member} is empty", "`{member}` без содержимого"],
  ["quantity is below 1", "`quantity` меньше 1"],
  ["the total does not fit 64 bits", "сумма не помещается в 64 бита"],
  ["missing field {member}", "нет поля {member}"],
  ["duplicate field {member}", "поле {member} дважды"],
  ["invalid type: {found}, expected {wanted}", "стоит {found}, нужно: {wanted}"],
  ["invalid value: {found}, expected {wanted}", "стоит {found}, нужно: {wanted}"],
  ["{number} is not a whole number from 0 to 2^63-1", "`{number}` не целое от 0 до 2^63−1"],
  ["not an RFC 3339 time", "время записано не по RFC 3339"],
  ["outside the years 0000 to 9999", "год не от 0000 до 9999"],
  ["negative", "сумма меньше нуля"], ["more than two decimals", "больше двух знаков после запятой"],
  ["too large", "сумма слишком велика"], ["not a number", "не число"],
  ["string {value}", "строка {value}"], ["boolean {value}", "логическое {value}"], ["null", "пустое значение"],
  ["integer {value}", "целое {value}"], ["floating point {value}", "дробное {value}"],
  ["map", "объект"], ["sequence", "список"], ["an object", "объект"], ["a list", "список"], ["a list of items", "список товаров"],
  ["a string", "строка"], ["a borrowed string", "строка"], ["a value", "значение"], ["i64", "целое"], ["an RFC 3339 time", "время по RFC 3339"],
  ["EOF while parsing {what}", "оборвано, не дочитано: {what}"],
  ["expected value", "ожидалось значение"], ["expected ident", "ожидалось слово"],
  ["expected {sign} or {other}", "ожидалось {sign} или {other}"], ["expected {sign}", "ожидалось {sign}"],
  ["trailing characters", "лишнее после конца"], ["trailing comma", "лишняя запятая"], ["key must be a string", "имя поля не строка"],
  ["invalid escape", "неверная запись знака в строке"], ["unexpected end of hex escape", "неверная запись знака в строке"],
  ["invalid unicode code point", "неверный знак в строке"], ["control character {range} found while parsing a string", "управляющий знак в строке"],
  ["invalid number", "неверно записано число"], ["number out of range", "число слишком велико"],

  ["{result} of {time}", "{result}, окно с {time}"],
  ["top-stores", "лучшие магазины"], ["popular-items", "популярные товары"],
];

const COLUMN = { en: 0, ru: 1 };
let current = "en";

export const language = () => current;

function stored() {
  try { return localStorage.getItem("language"); } catch { return null; }
}

export function chooseLanguage(wanted) {
  const preferred = [stored(), ...navigator.languages].map((tag) => tag?.slice(0, 2)).find((tag) => tag in COLUMN);
  current = wanted ?? preferred ?? "en";
  if (wanted) {
    try { localStorage.setItem("language", wanted); } catch { /* private windows forget */ }
  }
}

export function t(key, values = {}) {
  let text = TEXTS[key]?.[COLUMN[current]] ?? key;
  if (typeof text === "object") text = text[new Intl.PluralRules(current).select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const escaped = (text) => text.replace(/[\\^$.*+?()[\]|]/g, "\\$&");
const fitting = FROM_TOPICS.map(([english, russian]) =>
  [new RegExp(`^${escaped(english).replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`, "s"), russian]);

// Says in the page's language what a topic says in English; what is not in the table stays as it is.
export function said(english) {
  if (current === "en" || /^(["`]).*\1$/s.test(english)) return english;
  for (const [pattern, russian] of fitting) {
    const found = pattern.exec(english);
    if (found) return russian.replace(/\{(\w+)\}/g, (_, name) => said(found.groups[name]));
  }
  return english;
}

// Fills the texts that stand in the page itself.
export function translate(root) {
  document.documentElement.lang = current;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = t(node.dataset.hint);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}
