// Past days that the device keeps: how much of each quarter of an hour, or of each hour of a week, every state took.

import { $, svg, say } from "./dom.js";
import { gutterOf, lanes, rails } from "./lanes.js";
import { clock, date, t, totals, weekday } from "./words.js";

const QUARTER_S = 900, HOUR_S = 3600, AGAIN_MS = 300_000;
const LANE = 22, TOP = 4, PEOPLE = 24, AXIS = 20;
const SURE_MS = 6_000; // a second click within this deletes

export class Days {
  constructor(post, model) {
    Object.assign(this, { post, model, week: false, back: 0, found: null, asked: 0 });
    for (const [id, week] of [["days-day", false], ["days-week", true]]) $(id).addEventListener("click", () => this.show(week, 0));
    $("days-earlier").addEventListener("click", () => this.show(this.week, this.back + 1));
    $("days-later").addEventListener("click", () => this.show(this.week, this.back - 1));
    $("days-delete").addEventListener("click", () => this.remove());
    new ResizeObserver(() => this.draw()).observe($("days-chart"));
    setInterval(() => this.load(), AGAIN_MS);
  }

  /** The device keeps so many days; none: there is nothing to show. */
  adopt(keepDays) {
    this.keepDays = keepDays;
    $("days").hidden = !keepDays;
    say($("days-note"), t("days.note", { count: keepDays }));
    this.load();
  }

  /** Privacy: what was shown goes from memory, too. */
  forget() {
    this.found = null;
    this.draw();
  }

  show(week, back, message = "") {
    Object.assign(this, { week, back: Math.max(back, 0), found: null });
    $("days-day").setAttribute("aria-pressed", String(!week));
    $("days-week").setAttribute("aria-pressed", String(week));
    this.load(message);
  }

  /** From midnight to midnight, as the clock on the wall goes. */
  span() {
    const today = new Date();
    const midnight = (days) => new Date(today.getFullYear(), today.getMonth(), today.getDate() + days);
    const [from, to] = this.week ? [-6 - 7 * this.back, 1 - 7 * this.back] : [-this.back, 1 - this.back];
    return { start: midnight(from).getTime() / 1000, end: midnight(to).getTime() / 1000, midnight: (i) => midnight(from + i) };
  }

  async load(message = "") {
    if (!this.keepDays || this.model.privacy !== "OFF") return;
    const asked = ++this.asked, span = this.span(), step = this.week ? HOUR_S : QUARTER_S;
    const { ok, data } = await this.post("history", { start: span.start, end: span.end, step });
    if (asked !== this.asked || this.model.privacy !== "OFF") return; // overtaken
    say($("days-message"), ok ? message : data.error);
    this.found = ok ? { ...data, span, step } : null;
    this.draw();
  }

  draw() {
    const { found, model } = this, root = $("days-chart");
    const width = Math.max(root.clientWidth || 800, 260), names = lanes(model.labels);
    if (!this.keepDays || names.length < 2) return;
    const gutter = gutterOf(width), bottom = TOP + names.length * LANE, height = bottom + PEOPLE + AXIS;
    const span = found?.span ?? this.span();
    const x = (time) => gutter + ((time - span.start) / (span.end - span.start)) * (width - gutter - 1);
    const shape = { gutter, width, top: TOP, high: LANE };
    const seconds = Object.fromEntries((found?.states ?? []).map((label, i) => [label, found.steps.reduce((sum, { states }) => sum + states[i], 0)]));
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    root.setAttribute("height", height);
    root.replaceChildren(...this.grid(span, x, bottom + PEOPLE), ...rails(names, { ...shape, foot: true }, new Set(names.filter((label) => seconds[label]))),
      ...(found ? this.columns(found, names, x) : []), ...this.people(found, x, bottom + PEOPLE, gutter), ...this.axis(span, x, height, width));
    say($("days-span"), this.week ? `${date(span.midnight(0))} – ${date(span.midnight(6))}` : date(span.midnight(0), true));
    $("days-later").disabled = this.back === 0;
    $("days-earlier").disabled = !found || found.first === null || found.first >= span.start;
    const told = Object.entries(seconds).filter(([, lasted]) => lasted >= 1).map(([label, lasted]) => [0, lasted, label]);
    say($("days-words"), told.length ? t("hour.summary", { parts: totals(told) }) : found ? t("days.empty") : "");
  }

  columns({ states, steps, span, step }, names, x) {
    return steps.flatMap(({ at, states: lasted }) => {
      const left = x(span.start + at * step), wide = Math.max(x(span.start + (at + 1) * step) - left - (this.week ? 0.3 : 1), 1);
      return states.flatMap((label, i) => {
        const lane = names.indexOf(label);
        if (lane < 0 || lasted[i] <= 0) return [];
        const high = Math.max(Math.sqrt(Math.min(lasted[i] / step, 1)) * (LANE - 4), 1); // by the root: a minute of an hour is seen
        return [svg("rect", { class: "block", "data-label": label, x: left, y: TOP + (lane + 1) * LANE - high, width: wide, height: high })];
      });
    });
  }

  /** How many were in view: a line where the device watched, higher where there were more people. */
  people(found, x, y, gutter) {
    const made = [svg("text", { x: gutter - 8, y: y - 5, "text-anchor": "end" }, t("hour.people"))];
    for (const { at, people } of found?.steps ?? []) {
      const left = x(found.span.start + at * found.step), right = x(found.span.start + (at + 1) * found.step);
      const high = Math.min(1.5 + 5 * people, PEOPLE - 6);
      made.push(svg("rect", { class: "present", x: left, y: y - 2 - high, width: Math.max(right - left, 1), height: high }));
    }
    return made;
  }

  grid(span, x, bottom) {
    const times = this.week ? [1, 2, 3, 4, 5, 6].map((i) => span.midnight(i).getTime() / 1000) : [6, 12, 18].map((hour) => span.start + hour * HOUR_S);
    return times.map((time) => svg("line", { class: "lane", x1: x(time), x2: x(time), y1: TOP, y2: bottom }));
  }

  axis(span, x, height, width) {
    if (this.week) {
      return Array.from({ length: 7 }, (_, i) => {
        const from = span.midnight(i).getTime() / 1000, to = span.midnight(i + 1).getTime() / 1000;
        return svg("text", { x: (x(from) + x(to)) / 2, y: height - 4, "text-anchor": "middle" }, weekday(span.midnight(i), width < 520));
      });
    }
    const hours = width < 520 ? [0, 6, 12, 18] : [0, 3, 6, 9, 12, 15, 18, 21];
    return hours.map((hour) => {
      const time = span.start + hour * HOUR_S;
      return svg("text", { x: x(time), y: height - 4, "text-anchor": hour ? "middle" : "start" }, clock(new Date(time * 1000)));
    });
  }

  async remove() {
    const button = $("days-delete");
    if (!this.sure) {
      say(button, t("days.delete_sure"));
      this.sure = setTimeout(() => { this.sure = null; say(button, t("days.delete")); }, SURE_MS);
      return;
    }
    clearTimeout(this.sure);
    this.sure = null;
    say(button, t("days.delete"));
    const { ok, data } = await this.post("history/delete", {});
    if (ok) this.show(this.week, 0, t("days.deleted"));
    else say($("days-message"), data.error);
  }
}
