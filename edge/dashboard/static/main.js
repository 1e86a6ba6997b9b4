// What is known of the device, and who draws which part of it.

import { $, html, say, share } from "./dom.js";
import { Bars } from "./bars.js";
import { Field } from "./field.js";
import { Hour } from "./hour.js";
import { listen } from "./live.js";
import { Thresholds } from "./thresholds.js";
import { clock, happened, percent, people, present, title } from "./words.js";

const FRESH_S = 4; // an older reading is not of now
const SPEAK_MS = 5_000; // at most so often something is read out
const LOG = 40;

const model = {
  labels: {}, state: null, reading: null, privacy: null, service: "waiting", linked: false, sources: {}, spans: [], events: [], config: {}, health: null, broker: null,
  token: "", curvePoints: [], offset: 0, link: "waiting", linkedAt: 0, stateValid: 27,
  now: () => performance.now() / 1000 + model.offset,
  curve: (start) => model.curvePoints.filter(([at]) => at >= start),
  announce: (words) => speak(words),
};

const field = new Field($("field"), $("field-words"));
const bars = new Bars($("bars"), { face: $("face-weight"), speech: $("speech-weight") });
const hour = new Hour($("hour"), $("hour-words"));
const thresholds = new Thresholds(post, model);
let aimUntil = 0, spoken = "", spokenAt = -SPEAK_MS, speaking;

async function post(path, content) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": model.token }, body: JSON.stringify(content) });
    const text = await answer.text();
    if (answer.status === 401) location.assign("/login");
    const json = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    return { ok: answer.ok, data: json ? JSON.parse(text) : { error: text.trim() } };
  } catch {
    return { ok: false, data: { error: "the service cannot be reached now" } };
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

const takers = {
  snapshot(all) {
    Object.assign(model, { labels: all.labels, state: all.state, reading: all.reading, privacy: all.privacy, sources: all.sources, spans: all.spans,
      events: all.events, config: all.config, health: all.health, broker: all.broker, token: all.token, service: all.service, stateValid: all.state_valid_s,
      curvePoints: all.curve, offset: all.now - performance.now() / 1000 });
    field.build(all.labels);
    field.trail = all.trail;
    bars.build(all.labels);
    thresholds.adopt(all.config);
    takers.info(all.info);
    takers.aim(all.aim);
    $("aim").hidden = !all.can_aim;
    $("logout").hidden = !all.signed_in;
    thresholds.ask();
  },
  info({ device }) {
    say($("device"), device);
    document.title = `${device} · Emotion Edge`;
  },
  reading(reading) {
    if (model.privacy === "ON") return; // was on its way when the switch was turned
    model.reading = reading;
    const top = Math.max(...reading.fused);
    field.add(reading.at, reading.valence, reading.arousal);
    model.curvePoints.push([reading.at, top, reading.fused.indexOf(top)]);
    model.curvePoints = model.curvePoints.slice(-1200);
  },
  state(state) {
    const before = model.state;
    model.state = state;
    if (model.privacy !== "ON") begin(state.label, state.since);
    if (before?.label !== state.label) speak(`${title(state.label)}. ${present(model, model.now())}`);
  },
  event(event) {
    model.events.push(event);
    model.events = model.events.filter(({ at }) => model.now() - at < 3600).slice(-1000);
    log();
    hour.draw(model.spans, model.events, model.labels, model.now());
  },
  source({ name, state, reason }) {
    model.sources[name] = { state, reason };
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
      Object.assign(model, { spans: [], events: [], reading: null, state: null, health: null, curvePoints: [] });
      field.hide();
      thresholds.forget();
      aimUntil = 0;
      aim();
      begin("privacy", at);
      log();
      now();
    }
    speak(privacy === "ON" ? "Privacy is on." : "Privacy is off.");
    slow();
  },
  config(values) {
    Object.assign(model.config, values);
    thresholds.adopt(values);
  },
  service({ state, at }) {
    model.service = state;
    if (state !== "silent" && state !== "offline") return;
    Object.assign(model, { state: null, reading: null, health: null });
    if (model.privacy !== "ON") begin("offline", at);
    speak("The service is not there.");
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

/** What is older than this says nothing about now: it goes, whatever became of the line, the broker and the service. */
function expire(at) {
  if (model.linked) model.linkedAt = at;
  const cutOff = at - model.linkedAt > FRESH_S;
  if (model.state && (cutOff || at - model.state.at > model.stateValid)) model.state = null;
  if (cutOff || at - (model.reading?.at ?? 0) > FRESH_S) model.reading = null;
  if (cutOff) model.health = null;
}

/** "live" only while page, service and broker are all there. */
function link() {
  const state = model.link !== "live" ? model.link : model.service === "offline" || model.service === "silent" ? model.service
    : model.broker?.state !== "connected" ? "broker" : model.service === "waiting" && model.privacy === null ? "waiting" : "live";
  $("link").dataset.state = state;
  say($("link"), LINKS[state]);
  document.body.classList.toggle("away", !["live", "broker"].includes(state));
}

function now() {
  const at = model.now();
  expire(at);
  link();
  const { reading } = model;
  const label = model.privacy === "ON" ? "privacy" : model.state ? model.state.label : model.link === "waiting" || model.service === "waiting" ? "" : "offline";
  say($("state"), label ? title(label) : "…");
  $("now").dataset.label = label ?? "";
  share($("sure-bar"), label && label in model.labels ? model.state.confidence : 0);
  say($("sentence"), present(model, at));
  const count = model.privacy === "ON" || !model.state ? 0 : model.state.people;
  if ($("company").dataset.count !== String(count)) {
    $("company").dataset.count = count;
    $("company").replaceChildren(...Array.from({ length: Math.min(count, 8) }, () => html("i", { "aria-hidden": "true" })),
      count ? people(count) : "");
  }
  if (!field.parts) return;
  field.draw(reading, model.labels, at);
  bars.draw(reading);
}

/** What changes slowly. */
function slow() {
  if (!field.parts) return;
  hour.draw(model.spans, model.events, model.labels, model.now());
  thresholds.draw();
  health();
  const on = model.privacy === "ON";
  $("privacy").disabled = model.privacy === null;
  $("privacy").setAttribute("aria-checked", String(on));
  say($("privacy-word"), model.privacy === null ? "" : on ? "on" : "off");
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

function health() {
  const { health, broker, sources } = model;
  const rows = [];
  for (const [name, source] of Object.entries(sources)) {
    const words = source.state === "disabled" ? source.reason || "off" : source.state === "online" ? "on" : source.reason || "away";
    rows.push([name[0].toUpperCase() + name.slice(1), words, source.state === "offline"]);
  }
  if (broker) rows.push(["Broker", broker.state === "connected" ? "connected" : `${broker.state}${broker.outbox ? `, ${broker.outbox} waiting` : ""}`, broker.state !== "connected"]);
  if (health) {
    rows.push(["Pictures", `${health.fps.toFixed(1)} per second`]);
    if (health.latency_ms) rows.push(["From light to word", `${Math.round(health.latency_ms.median)} ms`]);
    if (health.temperature_c !== null) rows.push(["Temperature", `${Math.round(health.temperature_c)} °C${health.throttled ? ", throttled" : ""}`, health.throttled]);
    rows.push(["Work", `${Math.round(health.cpu_percent)} % of a core`], ["Memory", `${Math.round(health.rss_mb)} MB`]);
  }
  const key = JSON.stringify(rows);
  if ($("health").dataset.key === key) return;
  $("health").dataset.key = key;
  $("health").replaceChildren(...rows.map(([name, value, bad]) => html("div", {}, html("dt", {}, name), html("dd", { class: bad ? "bad" : undefined }, value))));
}

function aim() {
  const left = Math.ceil((aimUntil - performance.now()) / 1000);
  const on = left > 0;
  if ($("aim-banner").hidden === on) $("aim-banner").hidden = !on;
  $("aim-figure").hidden = !on || $("aim").hidden;
  if (!on) return $("aim-picture").removeAttribute("src");
  say($("aim-left"), String(left));
  if (!$("aim").hidden) $("aim-picture").src = `/aim.jpg?${Date.now()}`;
}

async function act(path, content, message) {
  const { ok, data } = await post(path, content);
  say(message, ok ? "" : data.error);
  message.hidden = message === $("notice") && ok;
  return ok;
}

const LINKS = { waiting: "connecting …", live: "live", lost: "no connection; trying again", full: "too many viewers; trying again",
  broker: "broker not connected", silent: "the service does not respond", offline: "the device is offline" };

listen((name, content) => { takers[name](content); now(); if (name === "snapshot") { log(); slow(); } }, (state) => {
  model.link = state;
  model.linked = state === "live";
  if (!model.linked) speak("The connection to the service is lost.");
  now();
});
$("privacy").addEventListener("click", () => act("/privacy", { on: model.privacy !== "ON" }, $("notice")));
$("aim-start").addEventListener("click", () => act("/aim", { on: true }, $("aim-message")));
$("aim-stop").addEventListener("click", () => act("/aim", { on: false }, $("notice")));
$("logout").addEventListener("click", async () => { await post("/logout", {}); location.assign("/login"); });
new ResizeObserver(() => slow()).observe($("hour"));
setInterval(now, 1_000);
setInterval(slow, 3_000);
setInterval(aim, 500);
