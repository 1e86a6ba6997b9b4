// What is shown, as sentences, in the language of the page.

import catalogue from "./catalogue.js";

const LANGUAGE = document.documentElement.lang || "en";
const all = new Intl.ListFormat(LANGUAGE, { type: "conjunction" });
const whole = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 0 });

/** A message of the catalogue with `values` put in. */
export const t = (key, values = {}) => (catalogue[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

export const title = (label) => t(`state.${label}`);
export const percent = (fraction) => whole.format(fraction);
export const number = (value, digits = 0) =>
  value.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits });

const counted = (unit, count) => (count === 1 ? t(`time.${unit}`) : t(`time.${unit}s`, { count }));

export function duration(seconds) {
  if (seconds < 59.5) return counted("second", Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? counted("minute", minutes) : counted("hour", Math.round(minutes / 60));
}

export const clock = (date, seconds = false) =>
  date.toLocaleTimeString(LANGUAGE, { hour: "numeric", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });

/** A day of the calendar; `year` where it stands alone. */
export const date = (day, year = false) =>
  day.toLocaleDateString(LANGUAGE, { weekday: "short", day: "numeric", month: "long", ...(year ? { year: "numeric" } : {}) });

export const weekday = (day, short = false) => day.toLocaleDateString(LANGUAGE, { weekday: short ? "narrow" : "short" });

export function people(count) {
  return count === 1 ? t("people.one") : count > 1 ? t("people.many", { count }) : t("people.none");
}

// Why a state is uncertain, as the service says it; "no clear winner" is told by the numbers.
const REASONS = { "face too small": "reason.too_small", "too dark": "reason.too_dark", "face covered": "reason.covered",
  "face and voice disagree": "reason.disagree", "still learning": "reason.learning" };

/** Why a camera, a microphone or the broker is as it is, in the page's language where the service's words are known. */
export const reasonOf = ({ reason, said }) => said?.[LANGUAGE] ?? reason;

/** The same as the end of a sentence. */
const ended = (about) => reasonOf(about).replace(/\.$/, "");

/** What the headline says: a state, or what there is instead of one. */
export function headline(model) {
  if (model.privacy === "ON") return "privacy";
  if (!model.state) return ["lost", "full"].includes(model.link) || ["silent", "offline"].includes(model.service) ? "offline" : null;
  return model.state.label === "absent" && model.reading ? "deciding" : model.state.label;
}

/** The present in a sentence or two. */
export function present(model, now) {
  const { state, reading, sources } = model;
  const names = Object.keys(model.labels);
  switch (headline(model)) {
    case "privacy": return t("present.private");
    case null: return t("present.waiting");
    case "offline": return absence(model);
    case "deciding": return t("present.deciding");
    case "absent": {
      const away = Object.entries(sources).filter(([, source]) => source.state === "offline");
      if (away.length) return away.map(([name, source]) => offline(t(`health.${name}`), ended(source))).join(" ");
      return t("present.absent", { time: duration(Math.max(now - state.since, 0)) });
    }
    case "uncertain": {
      if (REASONS[state.reason]) return `${t("present.uncertain")} ${t(REASONS[state.reason])}`;
      if (!reading) return t("present.uncertain");
      const [first, second] = names.map((label, i) => [reading.smoothed[i], label]).sort((a, b) => b[0] - a[0]);
      const enter = model.config["decision.enter"], margin = model.config["decision.margin"] ?? 0;
      const why = first[0] < enter ? t("present.closest", { label: title(first[1]), percent: percent(first[0]), enter: percent(enter) })
        : first[0] - second[0] >= margin ? t("present.turning", { label: title(first[1]) }) // clear, and not for long enough
        : t("present.too_close", { label: title(first[1]), second: title(second[1]) });
      return `${t("present.uncertain")} ${upper(why)}`;
    }
    default: { // while there are readings, `because` says what it is from
      const sure = percent(sureness(model));
      const time = duration(Math.max(now - state.since, 0));
      const senses = reading ? "" : all.format(state.modalities.map((name) => t(`sense.${name}`)));
      const said = senses ? t("present.sure_by", { percent: sure, time, senses }) : t("present.sure", { percent: sure, time });
      const top = reading && names[reading.smoothed.indexOf(Math.max(...reading.smoothed))];
      return top && top !== state.label ? `${said} ${t("present.turning", { label: title(top) })}` : said;
    }
  }
}

/** Why the newest reading is as it is, and what comes second; nothing where there is no reading of now. */
export function because(model) {
  const { state, reading } = model, names = Object.keys(model.labels);
  if (!reading || !state || ["privacy", "offline", "absent", null].includes(headline(model))) return "";
  const why = reasoned(reading, names);
  if (!names.includes(state.label)) return why;
  const [share, second] = names.map((label, i) => [reading.smoothed[i], label]).filter(([, label]) => label !== state.label).sort((a, b) => b[0] - a[0])[0];
  return `${why} ${t("because.second", { label: title(second), percent: percent(share) })}`;
}

function reasoned({ face, speech, text, label }, names) {
  const topOf = (values) => names[values.indexOf(Math.max(...values))];
  const perceived = sensed({ face, speech, label }, (part) => topOf(part.values));
  if (!text) return perceived;
  const said = topOf(text.values);
  const words = said === label ? t("because.words_agree") : t("because.words_differ", { label: title(said) });
  return face || speech ? `${perceived} ${words}` : t("because.words");
}

function sensed({ face, speech, label }, top) {
  if (face && speech) {
    const seen = top(face), heard = top(speech);
    if (seen === heard) return t("because.agree", { percent: percent(Math.max(...face.values)) });
    if (label === seen) return t("because.face_wins", { label: title(heard) });
    if (label === heard) return t("because.voice_wins", { label: title(seen) });
    return t("because.neither", { face: title(seen), voice: title(heard) });
  }
  if (!face) return t("because.voice");
  if (face.rest_known === null) return t("because.face");
  return t(face.rest_known ? "because.face_rest" : "because.face_learning");
}

/** How sure the state is: as the bars show it, or as it was last published. */
export function sureness({ state, reading, labels }) {
  const index = Object.keys(labels).indexOf(state.label);
  return reading && index >= 0 ? reading.smoothed[index] : state.confidence;
}

/** Which device is away and why; many reasons name it themselves. */
function offline(source, reason) {
  const named = reason.toLocaleLowerCase(LANGUAGE).startsWith(source.toLocaleLowerCase(LANGUAGE));
  return named ? t("present.offline_because", { reason: upper(reason) }) : t("present.source_offline", { source, reason });
}

/** Why there is nothing to show. */
function absence({ link, service, broker }) {
  if (link === "lost" || link === "full") return t("present.lost");
  if (service === "silent") return t("present.silent");
  return broker?.reason ? t("present.offline_because", { reason: upper(ended(broker)) }) : t("present.offline");
}

const upper = (text) => text.charAt(0).toLocaleUpperCase(LANGUAGE) + text.slice(1);

/** One line of the log. */
export function happened(event) {
  switch (event.event) {
    case "state_entered": return ["absent", "uncertain"].includes(event.label) ? t(`log.${event.label}`) : t("log.entered", { label: title(event.label) });
    case "person_appeared": return t("log.appeared", { people: people(event.people) });
    case "person_gone": return t("log.gone", { people: people(event.people) });
    default: return "";
  }
}

/** How long each state lasted, the longest first. */
export function totals(spans, most = spans.length) {
  const found = new Map();
  for (const [from, to, label] of spans) found.set(label, (found.get(label) ?? 0) + to - from);
  return [...found].sort((a, b) => b[1] - a[1]).slice(0, most)
    .map(([label, seconds]) => t("hour.part", { label: title(label), time: duration(seconds) })).join(", ");
}
