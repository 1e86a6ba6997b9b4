// What is known of the device, and who draws which part of it.

import { $, html, say, share } from "./dom.js";
import { Bars } from "./bars.js";
import { Field } from "./field.js";
import { Days } from "./days.js";
import { expire } from "./freshness.js";
import { drawHealth } from "./health.js";
import { Hour } from "./hour.js";
import { listen } from "./live.js";
import { Rest } from "./rest.js";
import { Thresholds } from "./thresholds.js";
import { because, clock, happened, headline, people, present, sureness, t, title } from "./words.js";

const SPEAK_MS = 5_000; // at most so often something is read out
const LOG = 40;
const KEPT = 1_200; // points of the curve

const model = {
  labels: {}, state: null, reading: null, privacy: null, sources: {}, spans: [], events: [], curve: [], config: {}, health: null, broker: null,
  service: "waiting", link: "waiting", linkedAt: 0, stateValid: 27, token: "", offset: 0,
  now: () => performance.now() / 1000 + model.offset,
  announce: (words) => speak(words),
};

const field = new Field($("field"), $("field-words"));
const bars = new Bars($("bars"), { face: $("face-weight"), speech: $("speech-weight"), text: $("text-weight") }, $("bars-note"));
const hour = new Hour($("hour"), $("hour-words"), $("hour-title"));
const days = new Days(post, model);
const thresholds = new Thresholds(post, model);
const rest = new Rest(post, model);
let aimUntil = 0, spoken = "", spokenAt = -SPEAK_MS, speaking;

async function post(path, content) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": model.token }, body: JSON.stringify(content) });
    const text = await answer.text();
    if (answer.status === 401) location.assign("login");
    const json = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    return { ok: answer.ok, data: json ? JSON.parse(text) : { error: text.trim() } };
  } catch {
    return { ok: false, data: { error: t("unreachable") } };
  }
}

/** Read out politely: the newest words only, and not all the time. */
function speak(words) {
  if (words === spoken) return;
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    spoken = words;
    spokenAt = performance.now();
    $("spoken").textContent = words;
  }, Math.max(0, spokenAt + SPEAK_MS - performance.now()));
}

// What the service sends, by name

const takers = {
  snapshot(all) {
    Object.assign(model, { labels: all.labels, state: all.state, reading: all.reading, privacy: all.privacy, sources: all.sources, spans: all.spans,
      events: all.events, curve: all.curve, config: all.config, health: all.health, broker: all.broker, service: all.service,
      stateValid: all.state_valid_s, token: all.token, offset: all.now - performance.now() / 1000 });
    field.build(all.labels);
    field.trail = all.trail;
    bars.build(all.labels);
    thresholds.adopt(all.config);
    takers.info(all.info);
    takers.aim(all.aim);
    $("aim").hidden = !all.can_aim;
    $("logout").hidden = !all.signed_in;
    thresholds.ask();
    days.adopt(all.keep_days);
  },
  info({ device }) {
    say($("device"), device);
    document.title = `${device} · Emotion Edge`;
  },
  reading(reading) {
    if (model.privacy === "ON") return; // was on its way when the switch was turned
    model.reading = reading;
    field.add(reading.at, reading.valence, reading.arousal);
    model.curve = [...model.curve, [reading.at, Math.max(...reading.smoothed)]].slice(-KEPT);
  },
  state(state) {
    if (model.privacy === "ON") return;
    const before = model.state;
    model.state = state;
    begin(state.label, state.since);
    if (before?.label !== state.label) speak(`${title(state.label)}. ${present(model, model.now())}`);
  },
  event(event) {
    model.events = [...model.events, event].filter(({ at }) => model.now() - at < 3600).slice(-1000);
    log();
    slow();
  },
  source({ name, ...source }) {
    model.sources[name] = source;
  },
  health(health) {
    model.health = health;
  },
  broker(broker) {
    model.broker = broker;
  },
  privacy({ privacy, at }) {
    model.privacy = privacy;
    if (privacy === "ON") {
      Object.assign(model, { spans: [], events: [], reading: null, state: null, health: null, curve: [] });
      field.hide();
      thresholds.forget();
      days.forget();
      aimUntil = 0;
      aim();
      begin("privacy", at);
      log();
    } else days.load();
    speak(t(privacy === "ON" ? "privacy.is_on" : "privacy.is_off"));
    now();
    slow();
  },
  config(values) {
    Object.assign(model.config, values);
    thresholds.adopt(values);
    rest.buttons();
  },
  service({ state, at }) {
    model.service = state;
    if (state !== "silent" && state !== "offline") return;
    Object.assign(model, { state: null, reading: null, health: null });
    if (model.privacy !== "ON") begin("offline", at);
    speak(t(`link.${state}`));
  },
  aim({ left }) {
    aimUntil = left > 0 ? performance.now() + left * 1000 : 0;
    aim();
  },
};

function begin(label, at) {
  const last = model.spans.at(-1);
  if (last?.[1] === label) return;
  model.spans.push([last ? Math.max(at, last[0]) : at, label]);
}

/** "live" only while page, service and broker are all there. */
function link() {
  const { link, service, broker, privacy } = model;
  if (link !== "live") return link;
  if (service === "offline" || service === "silent") return service;
  if (broker?.state !== "connected") return "broker";
  return service === "waiting" && privacy === null ? "waiting" : "live";
}

/** What changes all the time. */
function now() {
  const at = model.now();
  expire(model, at);
  const linked = link(), label = headline(model), isPrivate = model.privacy === "ON";
  $("link").dataset.state = linked;
  say($("link"), t(`link.${linked}`));
  document.body.classList.toggle("away", label === "offline");
  document.body.classList.toggle("private", isPrivate);
  document.body.classList.toggle("unknown", label === null && !model.spans.length);
  const word = label ? title(label) : "…";
  say($("state"), word);
  $("state").style.setProperty("--letters", word.length);
  $("now").dataset.label = label ?? "";
  share($("sure-bar"), model.state && label in model.labels ? sureness(model) : 0);
  say($("sentence"), present(model, at));
  say($("because"), because(model));
  company(isPrivate || !model.state ? 0 : model.state.people);
  rest.draw();
  $("sample").hidden = isPrivate || !Object.values(model.sources).some(({ state, reason }) => state === "online" && /\bsample\b/i.test(reason));
  if (!field.parts) return;
  field.draw(model.reading, model.labels, at);
  bars.draw(model.reading, model.config);
}

function company(count) {
  if ($("company").dataset.count === String(count)) return;
  $("company").dataset.count = count;
  $("company").replaceChildren(...Array.from({ length: Math.min(count, 8) }, () => html("i", { "aria-hidden": "true" })), count ? people(count) : "");
}

/** What changes slowly. */
function slow() {
  if (!field.parts) return;
  hour.draw(model.spans, model.events, model.labels, model.now());
  thresholds.draw();
  rest.buttons();
  drawHealth(model);
  const on = model.privacy === "ON";
  $("privacy").disabled = model.privacy === null;
  $("privacy").setAttribute("aria-checked", String(on));
  say($("privacy-word"), model.privacy === null ? "" : t(on ? "on" : "off"));
  $("aim-start").disabled = on;
}

function log() {
  const entries = model.events.filter(happened).slice(-LOG).reverse();
  $("no-events").hidden = entries.length > 0;
  $("events").replaceChildren(...entries.map((event) => {
    const date = new Date(Date.now() - (model.now() - event.at) * 1000);
    return html("li", {}, html("time", { datetime: date.toISOString() }, clock(date, true)), html("span", {}, happened(event)));
  }));
}

function aim() {
  const left = Math.ceil((aimUntil - performance.now()) / 1000);
  const on = left > 0;
  $("aim-banner").hidden = !on;
  $("aim-figure").hidden = !on || $("aim").hidden;
  if (!on) return $("aim-picture").removeAttribute("src");
  say($("aim-left"), t("aim.left", { seconds: left }));
  if (!$("aim").hidden) $("aim-picture").src = `aim.jpg?${Date.now()}`;
}

async function act(path, content, message) {
  const { ok, data } = await post(path, content);
  say(message, ok ? "" : data.error);
  message.hidden = message === $("notice") && ok;
}

listen((name, content) => { takers[name](content); now(); if (name === "snapshot") { log(); slow(); } }, (state) => {
  model.link = state;
  if (state !== "live") speak(t("link.lost"));
  now();
});
$("privacy").addEventListener("click", () => act("privacy", { on: model.privacy !== "ON" }, $("notice")));
$("aim-start").addEventListener("click", () => act("aim", { on: true }, $("aim-message")));
$("aim-stop").addEventListener("click", () => act("aim", { on: false }, $("notice")));
$("logout").addEventListener("click", async () => { await post("logout", {}); location.assign("login"); });
new ResizeObserver(slow).observe($("hour"));
new ResizeObserver(() => thresholds.draw()).observe($("trial"));
setInterval(now, 1_000);
setInterval(slow, 3_000);
setInterval(aim, 500);
