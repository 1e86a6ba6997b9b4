// The last five minutes twice: as they were, and as they would have been under other thresholds.

import { svg, say, hatch } from "./dom.js";
import { blocks, gutterOf, lanes, rails, shut, within } from "./lanes.js";
import { percent, t, totals } from "./words.js";

const WINDOW_S = 300, CURVE = 110, LANE = 20, GAP = 14;

export class Trial {
  constructor(root, words) {
    Object.assign(this, { root, words });
  }

  /** `other`: what would have been, null without it; `enter` and `exit` are undefined until they are known. */
  draw({ labels, spans, curve, now }, other, enter, exit) {
    const width = Math.max(this.root.clientWidth || 800, 260), gutter = gutterOf(width);
    const end = other?.end ?? now, start = end - WINDOW_S;
    const x = (time) => gutter + ((time - start) / WINDOW_S) * (width - gutter - 1);
    const y = (p) => 10 + (1 - p) * (CURVE - 14);
    const names = lanes(labels), top = CURVE + GAP, bottom = top + names.length * LANE;
    const shape = { gutter, width, top, high: LANE };
    const was = within(spans, start, end), would = other ? within(other.spans, start, end) : [];
    const seen = new Set([...was, ...would].map(([, , label]) => label));
    const drawn = [svg("defs", {}, hatch("hatch-trial"))];
    for (const p of [0, 0.5, 1]) drawn.push(svg("line", { class: "lane", x1: gutter, x2: width, y1: y(p), y2: y(p) }),
      svg("text", { x: gutter - 8, y: y(p) + 4, "text-anchor": "end" }, percent(p)));
    drawn.push(...line(other?.curve ?? curve, start, x, y));
    if (enter !== undefined) drawn.push(...limit("enter", t("decision.enter_line"), y(enter), gutter, width, -5));
    if (exit !== undefined) drawn.push(...limit("exit", t("decision.exit_line"), y(exit), gutter, width, 14));
    drawn.push(...rails(names, shape, seen), ...blocks(names, was, x, shape, { from: 0.1, share: 0.38 }, "was"),
      ...blocks(names, would, x, shape, { from: 0.54, share: 0.36 }, "would"), ...shut(was, x, top, bottom, "hatch-trial"),
      svg("text", { x: gutter, y: bottom + 16 }, t("decision.start")), svg("text", { x: width, y: bottom + 16, "text-anchor": "end" }, t("hour.now")),
      ...legend(gutter, bottom + 36, Boolean(other)));
    this.root.setAttribute("viewBox", `0 0 ${width} ${bottom + 44}`);
    this.root.setAttribute("height", bottom + 44);
    this.root.replaceChildren(...drawn);
    say(this.words, summary(was, would, Boolean(other)));
  }
}

function limit(kind, name, y, gutter, width, below) {
  return [svg("line", { class: kind, x1: gutter, x2: width, y1: y, y2: y }),
    svg("text", { class: "limit-name", x: width - 4, y: Math.min(Math.max(y + below, 12), CURVE + 4), "text-anchor": "end" }, name)];
}

function legend(x, y, both) {
  const made = [svg("rect", { class: "block was key", x, y: y - 9, width: 18, height: 8 }), svg("text", { x: x + 24, y }, t("decision.was"))];
  if (!both) return made;
  const second = x + 24 + t("decision.was").length * 7 + 16;
  return [...made, svg("rect", { class: "block would key", x: second, y: y - 9, width: 18, height: 8 }), svg("text", { x: second + 24, y }, t("decision.would"))];
}

/** The probability that the thresholds are compared with; a gap where nobody was there. */
function line(curve, start, x, y) {
  let d = "", pen = "M";
  for (const [time, p] of curve) {
    if (time < start) continue;
    if (p === null) { pen = "M"; continue; }
    d += `${pen}${x(time).toFixed(1)} ${y(p).toFixed(1)}`;
    pen = "L";
  }
  return d ? [svg("path", { class: "curve", d })] : [];
}

function summary(was, would, both) {
  if (!was.length) return t("decision.empty");
  return both ? t("decision.compare", { was: changes(was), would: changes(would) }) : t("decision.summary", { was: changes(was) });
}

function changes(spans) {
  const count = Math.max(spans.length - 1, 0), parts = totals(spans, 3);
  return count === 0 ? parts : count === 1 ? t("decision.one_change", { parts }) : t("decision.changes", { parts, count });
}
