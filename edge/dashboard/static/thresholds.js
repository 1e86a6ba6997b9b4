// The thresholds: tried on the last five minutes, decided on the device, saved when the owner says so.

import { $, html, say } from "./dom.js";
import { Trial } from "./trial.js";
import { number, percent, t } from "./words.js";

const ENTER = "decision.enter", EXIT = "decision.exit";
const SLIDERS = [
  ["decision.expressiveness", 1, 0.05, "%"],
  [ENTER, 1, 0.01, "%"],
  [EXIT, 1, 0.01, "%"],
  ["decision.margin", 0.6, 0.01, "%"],
  ["decision.smoothing_s", 10, 0.1, "s"],
  ["decision.dwell_s", 20, 0.5, "s"],
  ["decision.hold_s", 30, 0.5, "s"],
];
const WAIT_MS = 200;

const shown = (value, unit) => (unit === "%" ? percent(value) : `${number(value, 1)} s`);

/** An error of the service in the words of the page. */
const readable = (error) => SLIDERS.reduce((text, [key]) => text.replaceAll(key, `“${t(`key.${key}`)}”`), error);

export class Thresholds {
  /** `post(path, document)` sends to the service; `model` is what is known. */
  constructor(post, model) {
    this.post = post;
    this.model = model;
    this.inputs = new Map();
    this.inEffect = {};
    this.trial = new Trial($("trial"), $("trial-words"));
    this.found = null; // what the service made of the present choice
    this.busy = this.again = false;
    $("sliders").append(...SLIDERS.map((slider) => this.slider(...slider)));
    $("thresholds").addEventListener("submit", (event) => { event.preventDefault(); this.save(); });
    $("discard").addEventListener("click", () => this.discard());
    $("reset").addEventListener("click", () => this.reset());
    $("settings").addEventListener("toggle", () => this.draw());
  }

  slider(key, max, step, unit) {
    const id = key.replace(".", "-");
    const input = html("input", { type: "range", id, min: 0, max, step, value: 0, disabled: "", "aria-describedby": `${id}-hint` });
    const output = html("output", { for: id }, "–");
    const box = html("div", { class: "slider unset" }, html("label", { for: id }, html("span", {}, t(`key.${key}`)), output), input,
      html("p", { class: "hint", id: `${id}-hint` }, t(`hint.${key}`)));
    input.addEventListener("input", () => { this.moved(key); this.soon(); });
    this.inputs.set(key, { input, output, box, unit, step });
    return box;
  }

  /** A state cannot end above where it starts: the other slider goes along. */
  moved(key) {
    const enter = this.inputs.get(ENTER).input, exit = this.inputs.get(EXIT).input;
    if (key === ENTER && Number(exit.value) > Number(enter.value)) { exit.value = enter.value; this.show(EXIT); }
    if (key === EXIT && Number(exit.value) > Number(enter.value)) { enter.value = exit.value; this.show(ENTER); }
    this.show(key);
  }

  /** The values in effect have changed, here or elsewhere; a slider that is being tried stays where it is. */
  adopt(config) {
    for (const [key, { input, box }] of this.inputs) {
      if (typeof config[key] !== "number") continue;
      const before = this.inEffect[key];
      const untouched = before === undefined || Number(input.value) === this.placed(key, before);
      input.disabled = false;
      box.classList.remove("unset");
      if (config[key] > Number(input.max)) input.max = config[key];
      if (untouched) input.value = config[key];
      this.inEffect[key] = config[key];
      this.show(key);
    }
    this.buttons();
  }

  /** A value as the slider can hold it. */
  placed(key, value) {
    const { step } = this.inputs.get(key);
    return Number((Math.round(value / step) * step).toFixed(4));
  }

  show(key) {
    const { input, output, box, unit } = this.inputs.get(key);
    const chosen = shown(Number(input.value), unit), before = this.inEffect[key];
    const changed = key in this.changes();
    box.classList.toggle("changed", changed);
    say(output, changed ? `${shown(before, unit)} → ${chosen}` : chosen);
    input.setAttribute("aria-valuetext", chosen);
    this.buttons();
  }

  changes() {
    const found = {};
    for (const [key, { input }] of this.inputs) {
      if (this.inEffect[key] === undefined) continue;
      if (Number(input.value) !== this.placed(key, this.inEffect[key])) found[key] = Number(input.value);
    }
    return found;
  }

  buttons() {
    const some = Object.keys(this.changes()).length > 0;
    $("keep").disabled = !some || this.invalid;
    $("discard").disabled = !some;
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  /** Have the present choice decided again on the device. One question at a time. */
  async ask() {
    if (this.busy) { this.again = true; return; }
    const values = this.changes();
    if (!Object.keys(values).length || this.model.privacy === "ON") {
      this.found = null;
      this.invalid = false;
      say($("thresholds-message"), "");
    } else {
      this.busy = true;
      const { ok, data } = await this.post("thresholds/try", { values });
      this.busy = false;
      const private_ = this.model.privacy === "ON"; // switched on meanwhile: this is not known any more
      this.invalid = !ok && !private_;
      this.found = ok && !private_ ? data : null;
      say($("thresholds-message"), this.invalid ? readable(data.error) : "");
    }
    this.buttons();
    this.draw();
    if (this.again) { this.again = false; this.ask(); }
  }

  /** Privacy is on: what was tried on the past goes with it. */
  forget() {
    this.found = null;
    this.discard();
  }

  async save() {
    const { ok, data } = await this.post("thresholds/save", { values: this.changes() });
    say($("thresholds-message"), ok ? "" : readable(data.error));
    if (ok) { this.found = null; this.model.announce(t("decision.saved")); }
    this.draw();
  }

  discard() {
    for (const [key, { input }] of this.inputs) {
      if (this.inEffect[key] === undefined) continue;
      input.value = this.inEffect[key];
      this.show(key);
    }
    this.ask();
  }

  async reset() {
    const { ok, data } = await this.post("thresholds/reset", {});
    say($("thresholds-message"), ok ? "" : readable(data.error));
    if (!ok) return;
    this.discard();
    this.model.announce(t("decision.reset_done"));
  }

  draw() {
    if (!$("settings").open) return;
    const now = this.model.now(), { labels, spans } = this.model;
    const value = (key) => (this.inEffect[key] === undefined ? undefined : Number(this.inputs.get(key).input.value));
    this.trial.draw({ labels, spans, curve: this.model.curve, now }, this.found, value(ENTER), value(EXIT));
  }
}
