// What is remembered of the last hour, as lanes; marks below where people came and went.

import { svg, say, hatch } from "./dom.js";
import { blocks, gutterOf, lanes, rails, shut, within } from "./lanes.js";
import { clock, t, totals } from "./words.js";

const HOUR_S = 3600, SHORTEST_S = 60;
const LANE = 15, TOP = 4, PEOPLE = 20, AXIS = 20;
const STEPS_MIN = [1, 2, 5, 10, 15, 20, 30];

export class Hour {
  constructor(root, words, heading) {
    Object.assign(this, { root, words, heading });
  }

  draw(spans, events, labels, now) {
    const width = Math.max(this.root.clientWidth || 800, 260);
    const gutter = gutterOf(width);
    const known = Math.min(Math.max(now - (spans[0]?.[0] ?? now), SHORTEST_S), HOUR_S); // no empty time before the first
    const start = now - known;
    const names = lanes(labels);
    const bottom = TOP + names.length * LANE, height = bottom + PEOPLE + AXIS;
    const x = (time) => gutter + ((time - start) / known) * (width - gutter - 1);
    const found = within(spans, start, now);
    const shape = { gutter, width, top: TOP, high: LANE };
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("height", height);
    this.root.replaceChildren(svg("defs", {}, hatch("hatch-hour")), ...rails(names, shape, new Set(found.map(([, , label]) => label))),
      ...blocks(names, found, x, shape, { from: 0.14, share: 0.72 }, ""), ...shut(found, x, TOP, bottom, "hatch-hour"),
      ...this.people(events, start, x, bottom + PEOPLE / 2, gutter), ...this.axis(known, now, x, bottom + PEOPLE, height, width));
    const minutes = Math.round(known / 60);
    say(this.heading, minutes >= 60 ? t("hour.title_hour") : minutes <= 1 ? t("hour.title_minute") : t("hour.title", { count: minutes }));
    say(this.words, found.length ? t("hour.summary", { parts: totals(found) }) : t("hour.empty"));
  }

  axis(known, now, x, y, height, width) {
    const most = width < 520 ? 2.5 : 7;
    const step = STEPS_MIN.find((minutes) => known / 60 / minutes <= most) ?? 30;
    const made = [];
    for (let minutes = 0; minutes * 60 <= known; minutes += step) {
      const at = x(now - minutes * 60), left = at - x(now - known) < 30;
      made.push(svg("line", { class: "lane", x1: at, x2: at, y1: y, y2: y + 4 }),
        svg("text", { x: at, y: height - 2, "text-anchor": minutes === 0 ? "end" : left ? "start" : "middle" },
          minutes === 0 ? t("hour.now") : clock(new Date(Date.now() - minutes * 60_000))));
    }
    return made;
  }

  people(events, start, x, y, gutter) {
    const marks = [svg("text", { x: gutter - 8, y: y + 4, "text-anchor": "end" }, t("hour.people"))];
    for (const event of events) {
      if (event.at < start || !event.event.startsWith("person_")) continue;
      const left = x(event.at);
      if (event.event === "person_appeared") marks.push(svg("path", { class: "person", d: `M${left - 4} ${y + 4}h8l-4-8z` }));
      else marks.push(svg("path", { class: "gone", d: `M${left - 3.5} ${y - 3}h7l-3.5 7z` }));
    }
    return marks;
  }
}
