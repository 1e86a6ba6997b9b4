// The thresholds, and what others would have made of the last five minutes: decided on the device, drawn here.

import { $, html, svg, say, hatch } from "./dom.js";
import { closed } from "./hour.js";
import { duration, title } from "./words.js";

const SLIDERS = [
  ["decision.enter", "Begins at", "How probable a feeling must be to become the state.", 0, 1, 0.01, "%"],
  ["decision.exit", "Goes on down to", "Below this the state is given up. Not above the one before.", 0, 1, 0.01, "%"],
  ["decision.margin", "Lead", "How far it must be ahead of the second to begin.", 0, 0.6, 0.01, "%"],
  ["decision.smoothing_s", "Calmness", "How long it averages. More is calmer, and later.", 0, 10, 0.1, "s"],
  ["decision.dwell_s", "Shortest state", "No state is shorter than this.", 0, 20, 0.5, "s"],
  ["decision.hold_s", "Patience", "How long a state outlives the last glimpse or word.", 0, 30, 0.5, "s"],
];
const WAIT_MS = 200;

const shown = (value, unit) => (unit === "%" ? `${Math.round(value * 100)} %` : `${Number(value.toFixed(1))} s`);

export class Thresholds {
  /** `post(path, document)` sends to the service; `model` is what is known. */
  constructor(post, model) {
    this.post = post;
    this.model = model;
    this.inputs = new Map();
    this.trial = null;
    this.busy = this.again = false;
    for (const [key, name, hint, min, max, step, unit] of SLIDERS) $("sliders").append(this.slider(key, name, hint, min, max, step, unit));
    $("thresholds").addEventListener("submit", (event) => { event.preventDefault(); this.keep(); });
    $("discard").addEventListener("click", () => this.discard());
    $("reset").addEventListener("click", () => this.reset());
  }

  slider(key, name, hint, min, max, step, unit) {
    const id = key.replace(".", "-");
    const input = html("input", { type: "range", id, min, max, step, disabled: "", "aria-describedby": `${id}-hint` });
    const output = html("output", { for: id });
    const box = html("div", { class: "slider" }, html("label", { for: id }, html("span", {}, name), output), input,
      html("p", { class: "hint", id: `${id}-hint` }, hint));
    input.addEventListener("input", () => { this.show(key); this.soon(); });
    this.inputs.set(key, { input, output, box, unit, step });
    return box;
  }

  /** The values in effect have changed, here or elsewhere; a slider that is being tried stays where it is. */
  adopt(config) {
    for (const [key, { input, unit }] of this.inputs) {
      if (!(key in config)) continue;
      input.disabled = false;
      const before = this.before?.[key];
      const untouched = before === undefined || Number(input.value) === this.placed(key, before);
      if (config[key] > Number(input.max)) input.max = config[key];
      if (untouched) input.value = config[key];
      this.before = { ...this.before, [key]: config[key] };
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
    const now = shown(Number(input.value), unit), before = this.before?.[key];
    const changed = key in this.changes();
    box.classList.toggle("changed", changed);
    say(output, changed ? `${now}, now ${shown(before, unit)}` : now);
    input.setAttribute("aria-valuetext", now);
    this.buttons();
  }

  changes() {
    const found = {};
    for (const [key, { input }] of this.inputs) {
      if (this.before?.[key] === undefined) continue;
      if (Number(input.value) !== this.placed(key, this.before[key])) found[key] = Number(input.value);
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
    if (!Object.keys(values).length) {
      this.trial = null;
      this.invalid = false;
      say($("thresholds-message"), "");
    } else {
      this.busy = true;
      const { ok, data } = await this.post("/thresholds/try", { values });
      this.busy = false;
      this.invalid = !ok;
      this.trial = ok && this.model.privacy !== "ON" ? data : null;
      say($("thresholds-message"), ok ? "" : data.error);
    }
    this.buttons();
    this.draw();
    if (this.again) { this.again = false; this.ask(); }
  }

  /** Privacy is on: what was tried on the past goes with it. */
  forget() {
    this.trial = null;
    this.discard();
  }

  async keep() {
    const { ok, data } = await this.post("/thresholds/save", { values: this.changes() });
    say($("thresholds-message"), ok ? "" : data.error);
    if (ok) { this.trial = null; this.model.announce("The thresholds are kept."); }
    this.draw();
  }

  discard() {
    for (const [key, { input }] of this.inputs) { input.value = this.before[key]; this.show(key); }
    this.ask();
  }

  async reset() {
    const { ok, data } = await this.post("/thresholds/reset", {});
    say($("thresholds-message"), ok ? "" : data.error);
    if (!ok) return;
    this.discard();
    this.model.announce("The thresholds are those of the config file.");
  }

  draw() {
    const root = $("trial"), labels = Object.keys(this.model.labels);
    const width = Math.max(root.clientWidth || 800, 260), narrow = width < 520;
    const end = this.trial?.end ?? this.model.now(), start = end - 300;
    const gutter = narrow ? 0 : 100, high = 120, band = 22;
    const x = (time) => gutter + ((time - start) / 300) * (width - gutter - 1);
    const y = (p) => 10 + (1 - p) * (high - 14);
    const value = (key) => Number(this.inputs.get(key).input.value);
    const drawn = [svg("defs", {}, hatch("hatch-trial"))];
    for (const p of [0, 0.5, 1]) drawn.push(svg("line", { class: "grid", x1: gutter, x2: width, y1: y(p), y2: y(p) }),
      ...(narrow ? [] : [svg("text", { x: gutter - 10, y: y(p) + 4, "text-anchor": "end" }, `${p * 100} %`)]));
    for (const path of pieces(this.trial?.curve ?? this.model.curve(start), x, y)) {
      drawn.push(svg("path", { class: "curve", "data-label": labels[path.label], d: path.d }));
    }
    const enter = y(value("decision.enter")), exit = y(value("decision.exit"));
    if (this.before) drawn.push(svg("line", { class: "enter", x1: gutter, x2: width, y1: enter, y2: enter }),
      svg("line", { class: "exit", x1: gutter, x2: width, y1: exit, y2: exit }),
      svg("text", { class: "limit-name", x: width - 4, y: Math.max(enter - 5, 12), "text-anchor": "end" }, "begins"),
      svg("text", { class: "limit-name", x: width - 4, y: Math.min(Math.max(exit + 14, 12), high + 2), "text-anchor": "end" }, "goes on"));
    let row = high + 12;
    const rows = [["as it was", closed(this.model.spans, start, end)]];
    if (this.trial) rows.push(["as it would be", closed(this.trial.spans, start, end)]);
    for (const [name, spans] of rows) {
      if (narrow) { drawn.push(svg("text", { x: 0, y: row + 11 }, name)); row += 16; }
      else drawn.push(svg("text", { x: gutter - 10, y: row + band / 2 + 4, "text-anchor": "end" }, name));
      drawn.push(svg("rect", { class: "frame", x: gutter + 0.5, y: row + 0.5, width: width - gutter - 1, height: band - 1 }), ...blocks(spans, x, row, band));
      row += band + 8;
    }
    row += 6;
    drawn.push(svg("text", { x: gutter, y: row + 10 }, "5 minutes ago"), svg("text", { x: width, y: row + 10, "text-anchor": "end" }, "now"));
    const height = row + 16;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    root.setAttribute("height", height);
    root.replaceChildren(...drawn);
    say($("trial-words"), this.summary(start, end));
  }

  summary(start, end) {
    const was = closed(this.model.spans, start, end);
    if (!was.length) return "Nothing is known of the last five minutes yet.";
    if (!this.trial) return `In the last five minutes: ${tell(was)}.`;
    return `In the last five minutes it was ${tell(was)}; it would have been ${tell(closed(this.trial.spans, start, end))}.`;
  }
}

function tell(spans) {
  const totals = new Map();
  for (const [from, to, label] of spans) totals.set(label, (totals.get(label) ?? 0) + to - from);
  const most = [...totals].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([label, seconds]) => `${title(label)} for ${duration(seconds)}`);
  const changes = Math.max(spans.length - 1, 0);
  return `${most.join(", ")}, with ${changes === 1 ? "one change" : `${changes} changes`}`;
}

/** The curve in pieces of one feeling each; nothing where nobody was there. */
function pieces(curve, x, y) {
  const found = [];
  let last = null;
  for (const [time, p, label] of curve) {
    if (p === null) { last = null; continue; }
    const point = `${x(time).toFixed(1)} ${y(p).toFixed(1)}`;
    if (!last || last.label !== label) {
      const piece = { label, d: last ? `M${last.point}L${point}` : `M${point}` };
      found.push(piece);
      last = { label, piece };
    } else last.piece.d += `L${point}`;
    last.point = point;
  }
  return found;
}

function blocks(spans, x, row, band) {
  return spans.flatMap(([from, to, label]) => {
    const left = x(from), wide = Math.max(x(to) - left, 1);
    if (label === "absent") return [];
    if (label === "privacy" || label === "offline") return [svg("rect", { x: left, y: row, width: wide, height: band, fill: "url(#hatch-trial)" })];
    const made = [svg("rect", { class: label === "uncertain" ? "vague" : "block", "data-label": label, x: left,
      y: label === "uncertain" ? row + band / 2 - 1.5 : row, width: wide, height: label === "uncertain" ? 3 : band })];
    if (label !== "uncertain" && wide > label.length * 7 + 8) made.push(svg("text", { class: "inside", x: left + 6, y: row + band / 2 + 4 }, label));
    return made;
  });
}
