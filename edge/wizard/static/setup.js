// The steps, and what each test says.

import { $, html, say, share, svg } from "./dom.js";
import { number, t } from "./words.js";

const STEPS = ["aim", "hear", "broker", "home", "privacy", "finish"];
const NAMES = { aim: "setup.aim", hear: "setup.hear", broker: "setup.broker", home: "", privacy: "privacy", finish: "setup.finish" };
const SIGNS = { good: "✔", bad: "✘", "": "" };
const FIELDS = ["name", "host", "username", "password", "ca_file", "area", "language", "quiet_from", "quiet_to"];
const CHECKS = ["tls", "announce", "remote_off", "page"];
const QUIETEST_DB = -80, LOOK_MS = 300, LISTEN_MS = 150;
const OTHER = "\n"; // no source is called so

let token = "", step = "aim", isPrivate = null;
const results = {};

// Talking to the device

async function ask(path, content) {
  const options = content === undefined ? {}
    : { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": token }, body: JSON.stringify(content) };
  try {
    const answer = await fetch(path, options);
    if (answer.status === 401) location.assign("login");
    const json = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    const data = json ? await answer.json() : { error: (await answer.text()).trim() };
    notice("");
    return answer.ok ? data : { error: t("unreachable"), ...data };
  } catch {
    notice(t("setup.gone"));
    return { error: t("setup.gone") };
  }
}

function notice(text) {
  $("notice").hidden = !text;
  say($("notice"), text);
}

/** What a test came to: "good", "bad", or "note" while it goes on. */
function result(name, kind, text) {
  const shown = $(`${name}-result`);
  shown.dataset.result = text ? kind : "";
  say(shown, text);
  if (kind === "note") return;
  results[name] = text ? kind : "";
  steps();
}

/** Run a test once; its button waits meanwhile. */
async function test(button, name, work) {
  button.disabled = true;
  result(name, "note", t("setup.wait"));
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}

// The form

const chosen = (name) => ($(name).value === OTHER ? $(`${name}-other`).value.trim() || "none" : $(name).value);

function wanted() {
  const values = { camera: chosen("camera"), microphone: chosen("microphone") };
  for (const name of FIELDS) values[name] = name === "password" ? $(name).value : $(name).value.trim();
  for (const name of CHECKS) values[name] = $(name).checked;
  const port = $("port").value.trim();
  values.port = /^\d+$/.test(port) ? Number(port) : null;
  return values;
}

function fill({ values, cameras, microphones, privacy, password_known, token: given }) {
  token = given;
  for (const name of FIELDS) if (name !== "password") $(name).value = values[name];
  for (const name of CHECKS) $(name).checked = values[name];
  $("port").value = values.port ?? "";
  $("password-hint").hidden = !password_known;
  sources("camera", cameras, values.camera, []);
  sources("microphone", microphones, values.microphone, [["camera", t("setup.of_camera")]]);
  secure();
  setPrivate(privacy);
}

function sources(name, found, value, more) {
  const listed = [["auto", t("setup.auto")], ...found.map((each) => [each.source, each.name]), ...more, ["none", t("setup.none")], [OTHER, t("setup.other")]];
  $(name).replaceChildren(...listed.map(([source, words]) => html("option", { value: source }, words)));
  const known = listed.some(([source]) => source === value);
  $(name).value = known ? value : OTHER;
  $(`${name}-other`).value = known ? "" : value;
  other(name);
}

function other(name) {
  $(`${name}-other-row`).hidden = $(name).value !== OTHER;
}

function secure() {
  $("ca-row").hidden = !$("tls").checked;
  $("port").placeholder = $("tls").checked ? "8883" : "1883";
}

// The steps

function steps() {
  const made = STEPS.map((name, index) => {
    const kind = results[name] ?? "";
    const sign = html("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind] || String(index + 1));
    const spoken = kind ? html("span", { class: "unseen" }, ` (${t(`setup.is_${kind}`)})`) : "";
    const button = html("button", { type: "button", "data-result": kind, "aria-current": name === step ? "step" : undefined },
      sign, html("span", { class: "what" }, NAMES[name] ? t(NAMES[name]) : "Home Assistant", spoken));
    button.addEventListener("click", () => go(name));
    return html("li", {}, button);
  });
  const focused = [...$("steps").querySelectorAll("button")].indexOf(document.activeElement);
  $("steps").replaceChildren(...made);
  if (focused >= 0) $("steps").querySelectorAll("button")[focused].focus();
}

function go(name, focus = true) {
  if (step === "aim" && name !== "aim") stop(aim);
  if (step === "hear" && name !== "hear") stop(hear);
  step = name;
  for (const each of STEPS) $(`step-${each}`).hidden = each !== name;
  $("back").disabled = name === STEPS[0];
  $("next").hidden = name === STEPS.at(-1);
  if (name === "finish") summary();
  steps();
  history.replaceState(null, "", `#${name}`);
  if (focus) {
    $(`step-${name}`).querySelector("h1").focus();
    scrollTo(0, 0);
  }
}

function summary() {
  const said = wanted(), none = "–";
  const rows = [[t("health.camera"), $("camera").value === OTHER ? said.camera : $("camera").selectedOptions[0].textContent],
    [t("health.microphone"), $("microphone").value === OTHER ? said.microphone : $("microphone").selectedOptions[0].textContent],
    [t("health.broker"), said.host ? `${said.tls ? "mqtts" : "mqtt"}://${said.host}${said.port ? `:${said.port}` : ""}` : none],
    ["Home Assistant", t(said.announce ? "on" : "off")],
    [t("setup.quiet"), said.quiet_from && said.quiet_to ? `${said.quiet_from} – ${said.quiet_to}` : none]];
  $("summary").replaceChildren(...rows.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
}

// Camera and microphone: tried for a minute

const aim = { path: "camera", name: "aim", button: "look", every: LOOK_MS, timer: 0, running: false, draw: drawAim, words: ["setup.look", "setup.stop"] };
const hear = { path: "microphone", name: "hear", button: "listen", every: LISTEN_MS, timer: 0, running: false, draw: drawHear, words: ["setup.listen", "setup.stop"] };

async function begin(trial) {
  if (chosen(trial.path) === "none") return result(trial.name, "good", t("setup.not_used"));
  result(trial.name, "note", t("setup.wait"));
  const told = await ask(trial.path, { on: true, ...wanted() });
  if (told.error) return told.privacy ? setPrivate(told.privacy) : result(trial.name, "bad", told.error);
  trial.running = true;
  say($(trial.button), t(trial.words[1]));
  follow(trial);
}

async function stop(trial) {
  if (!trial.running) return;
  ended(trial);
  await ask(trial.path, { on: false });
}

function ended(trial) {
  trial.running = false;
  clearTimeout(trial.timer);
  say($(trial.button), t(trial.words[0]));
  $("view").hidden = trial === aim ? true : $("view").hidden;
  $("meter-row").hidden = trial === hear ? true : $("meter-row").hidden;
  if (trial === aim) $("picture").removeAttribute("src");
  if ($(`${trial.name}-result`).dataset.result === "note") result(trial.name, "", "");
}

async function follow(trial) {
  const told = await ask(trial.path);
  if (!trial.running) return;
  if (told.privacy) return setPrivate(told.privacy); // switched on elsewhere
  if (told.error || !told.running) return ended(trial);
  if (told.state === "offline" && told.reason) result(trial.name, "bad", told.reason);
  else trial.draw(told);
  trial.timer = setTimeout(() => follow(trial), trial.every);
}

function drawAim({ look, shows, left }) {
  $("view").hidden = !look || !shows;
  if (!look) return;
  const { verdict, box, size, wanted: least } = look;
  result("aim", verdict === "good" ? "good" : "bad", t(`setup.aim_${verdict}`, { size, wanted: least }));
  say($("view-left"), t("aim.left", { seconds: Math.ceil(left) }));
  if (!shows) return;
  $("picture").src = `aim.jpg?${Date.now()}`;
  const [x, y, width, height] = (box ?? []).map((share) => 100 * share);
  $("box").replaceChildren(...(box ? [svg("g", { "data-verdict": verdict }, svg("rect", { class: "under", x, y, width, height }), svg("rect", { class: "over", x, y, width, height }))] : []));
}

function drawHear({ level_db, verdict }) {
  $("meter-row").hidden = level_db === null;
  if (level_db === null) return;
  const shown = Math.min(Math.max(level_db, QUIETEST_DB), 0);
  share($("meter").firstElementChild, (shown - QUIETEST_DB) / -QUIETEST_DB);
  $("meter").setAttribute("aria-valuenow", shown.toFixed(0));
  $("meter").setAttribute("aria-valuetext", `${number(shown)} dB`);
  say($("level"), t("setup.level_is", { level: number(shown) }));
  if (results.hear === "good" && verdict === "no_voice") return; // a voice was heard before
  result("hear", verdict === "good" ? "good" : verdict === "no_voice" ? "note" : "bad", t(`setup.hear_${verdict}`));
}

// Privacy

function setPrivate(reason) {
  isPrivate = reason;
  const on = Boolean(reason);
  $("privacy").disabled = false;
  $("privacy").setAttribute("aria-checked", String(on));
  say($("privacy-word"), t(on ? "on" : "off"));
  $("look").disabled = $("listen").disabled = on;
  if (on) for (const trial of [aim, hear]) {
    if (trial.running) ended(trial);
    result(trial.name, "note", t("setup.private"));
  } else for (const trial of [aim, hear]) if ($(`${trial.name}-result`).dataset.result === "note" && !trial.running) result(trial.name, "", "");
}

$("privacy").addEventListener("click", async () => {
  const told = await ask("privacy", { on: !isPrivate });
  if (told.error) notice(told.error);
  else setPrivate(told.privacy);
});

// The tests

$("look").addEventListener("click", () => (aim.running ? stop(aim) : begin(aim)));
$("listen").addEventListener("click", () => (hear.running ? stop(hear) : begin(hear)));
for (const name of ["camera", "microphone"]) $(name).addEventListener("change", () => {
  const trial = name === "camera" ? aim : hear;
  stop(trial);
  if (!isPrivate) result(trial.name, "", "");
  other(name);
});
$("tls").addEventListener("change", secure);
$("connect").addEventListener("click", (event) => test(event.currentTarget, "broker", async () => {
  const told = await ask("broker", wanted());
  if (told.error || told.verdict !== "good") result("broker", "bad", told.error ?? `${t("setup.broker_bad")}\n${told.reason}`);
  else result("broker", "good", t("setup.broker_good"));
}));
$("find").addEventListener("click", (event) => test(event.currentTarget, "home", async () => {
  if (!$("announce").checked) return result("home", "good", t("setup.not_used"));
  const told = await ask("home-assistant", wanted());
  if (told.error || told.verdict === "bad") result("home", "bad", told.error ?? `${t("setup.broker_bad")}\n${told.reason}`);
  else result("home", told.verdict === "silent" ? "bad" : "good", t(`setup.home_${told.verdict}`, { count: told.count ?? 0 }));
}));
$("close").addEventListener("click", (event) => test(event.currentTarget, "privacy", async () => {
  const told = await ask("privacy/test", {});
  if (told.error) return result("privacy", "bad", told.error);
  setPrivate(told.privacy);
  if (told.verdict === "good") result("privacy", "good", t(told.was ? "setup.closed_already" : "setup.closed"));
  else result("privacy", "bad", t("setup.still_open", { devices: told.open.join(", ") }));
}));
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (step !== "finish") return;
  test($("save"), "finish", async () => {
    const told = await ask("save", wanted());
    $("written").hidden = Boolean(told.error);
    if (told.error) return result("finish", "bad", told.error);
    say($("lines"), told.lines.join("\n"));
    $("password").value = "";
    $("check").disabled = false;
    result("finish", "good", t("setup.saved"));
  });
});
$("check").addEventListener("click", (event) => test(event.currentTarget, "finish", async () => {
  const told = await ask("check", {});
  if (told.error) return result("finish", "bad", told.error);
  const worst = told.findings.some(({ level }) => level === "red");
  $("findings").replaceChildren(...told.findings.map(({ name, level, says, remedy }) =>
    html("li", { "data-result": { green: "good", red: "bad" }[level] ?? "" },
      html("span", { class: "sign" }, { green: "✔", yellow: "!", red: "✘" }[level]),
      html("span", {}, html("b", {}, name), ` ${says}`, remedy ? html("small", {}, `→ ${remedy}`) : ""))));
  result("finish", worst ? "bad" : "good", t(worst ? "setup.checked_bad" : "setup.checked_good"));
}));
$("back").addEventListener("click", () => go(STEPS[STEPS.indexOf(step) - 1]));
$("next").addEventListener("click", () => go(STEPS[STEPS.indexOf(step) + 1]));
addEventListener("pagehide", () => { stop(aim); stop(hear); });

const values = await ask("values");
if (values.error) notice(values.error);
else fill(values);
go(STEPS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "aim", false);
