// The last hour as a score: a lane for each feeling, pleasant ones above; marks below where people came and went.

import { svg, say, hatch } from "./dom.js";
import { clock, duration, title } from "./words.js";

const HOUR_S = 3600;
const CLOSED = ["privacy", "offline"];
const LANE = 15, TOP = 4, PEOPLE = 20, AXIS = 20;

/** Spans with both ends, within a window. */
export function closed(spans, start, end) {
  return spans.map(([from, label], i) => [Math.max(from, start), Math.min(spans[i + 1]?.[0] ?? end, end), label])
    .filter(([from, to]) => to > from);
}

export class Hour {
  constructor(root, words) {
    this.root = root;
    this.words = words;
  }

  draw(spans, events, labels, now) {
    const width = Math.max(this.root.clientWidth || 800, 260);
    const lanes = [...Object.entries(labels)].sort((a, b) => b[1][0] - a[1][0] || b[1][1] - a[1][1]).map(([label]) => label);
    lanes.push("uncertain");
    const gutter = width < 520 ? 72 : 100;
    const bottom = TOP + lanes.length * LANE;
    const height = bottom + PEOPLE + AXIS;
    const start = now - HOUR_S;
    const x = (time) => gutter + ((time - start) / HOUR_S) * (width - gutter - 1);
    const found = closed(spans, start, now);
    const seen = new Set(found.map(([, , label]) => label));

    const drawn = [svg("defs", {}, hatch("hatch-hour"))];
    lanes.forEach((label, i) => {
      const y = TOP + i * LANE + LANE / 2;
      drawn.push(svg("line", { class: "lane", x1: gutter, x2: width, y1: y, y2: y }),
        svg("text", { x: gutter - 10, y: y + 4, "text-anchor": "end", class: seen.has(label) ? "name-of" : undefined }, label));
    });
    for (const [from, to, label] of found) {
      const left = x(from), wide = Math.max(x(to) - left, 1.5);
      if (CLOSED.includes(label)) {
        drawn.push(svg("rect", { x: left, y: TOP, width: wide, height: bottom - TOP, fill: "url(#hatch-hour)", class: "shut" }));
        continue;
      }
      const lane = lanes.indexOf(label);
      if (lane < 0) continue;
      const thick = label === "uncertain" ? 4 : LANE - 4;
      drawn.push(svg("rect", { class: label === "uncertain" ? "vague" : "block", "data-label": label, x: left,
        y: TOP + lane * LANE + (LANE - thick) / 2, width: wide, height: thick, rx: Math.min(2, wide / 2) }));
    }
    drawn.push(...this.people(events, start, x, bottom + PEOPLE / 2, gutter));
    for (const minutes of width < 520 ? [60, 30, 0] : [60, 50, 40, 30, 20, 10, 0]) {
      const at = now - minutes * 60;
      const anchor = minutes === 0 ? "end" : minutes === 60 ? "start" : "middle";
      drawn.push(svg("line", { class: "lane", x1: x(at), x2: x(at), y1: bottom + PEOPLE, y2: bottom + PEOPLE + 4 }),
        svg("text", { x: x(at), y: height - 2, "text-anchor": anchor }, minutes === 0 ? "now" : clock(new Date(Date.now() - minutes * 60_000))));
    }
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("height", height);
    this.root.replaceChildren(...drawn);
    say(this.words, summary(found));
  }

  people(events, start, x, y, gutter) {
    const marks = [svg("text", { x: gutter - 10, y: y + 4, "text-anchor": "end" }, "people")];
    for (const event of events) {
      if (event.at < start || !event.event.startsWith("person_")) continue;
      const left = x(event.at);
      if (event.event === "person_appeared") marks.push(svg("path", { class: "person", d: `M${left - 4} ${y + 4}h8l-4-8z` }));
      else marks.push(svg("path", { class: "gone", d: `M${left - 3.5} ${y - 3}h7l-3.5 7z` }));
    }
    return marks;
  }
}

function summary(spans) {
  const totals = new Map();
  for (const [from, to, label] of spans) totals.set(label, (totals.get(label) ?? 0) + to - from);
  if (!totals.size) return "Nothing is known of the last hour.";
  const parts = [...totals].sort((a, b) => b[1] - a[1]).map(([label, seconds]) => `${title(label)} for ${duration(seconds)}`);
  return `Timeline. In the last hour: ${parts.join(", ")}.`;
}
