// A lane for each state, pleasant ones above: where a block lies says what it is, its colour only repeats it.

import { svg } from "./dom.js";
import { t, title } from "./words.js";

const CLOSED = ["privacy", "offline"];

/** The order from above: by valence, then by arousal; what has no emotion last. */
export function lanes(labels) {
  return [...Object.entries(labels).sort((a, b) => b[1][0] - a[1][0] || b[1][1] - a[1][1]).map(([label]) => label), "uncertain"];
}

/** Room for the names at the left. */
export const gutterOf = (width) => (width < 520 ? 84 : 100);

/** Spans with both ends, within a window. */
export function within(spans, start, end) {
  return spans.map(([from, label], i) => [Math.max(from, start), Math.min(spans[i + 1]?.[0] ?? end, end), label])
    .filter(([from, to]) => to > from);
}

/** The lanes themselves, with their names; `high` is the height of one, `foot` puts its line below what stands in it. */
export function rails(names, { gutter, width, top, high, foot }, seen) {
  return names.flatMap((label, i) => {
    const y = top + i * high + high / 2;
    const line = foot ? top + (i + 1) * high : y;
    return [svg("line", { class: "lane", x1: gutter, x2: width, y1: line, y2: line }),
      svg("text", { x: gutter - 8, y: y + 4, "text-anchor": "end", class: seen.has(label) ? "name-of" : undefined }, title(label))];
  });
}

/** The blocks of `spans`: `place` says where within a lane, `style` is their class. */
export function blocks(names, spans, x, { top, high }, place, style) {
  return spans.flatMap(([from, to, label]) => {
    const lane = names.indexOf(label);
    if (lane < 0) return [];
    const left = x(from), wide = Math.max(x(to) - left, 1.5);
    const vague = label === "uncertain";
    return [svg("rect", { class: vague ? `vague ${style}` : `block ${style}`, "data-label": label, x: left,
      y: top + lane * high + place.from * high, width: wide, height: place.share * high, rx: Math.min(2, wide / 2) })];
  });
}

/** Times in which nobody looked, over all lanes, with their name where it fits. */
export function shut(spans, x, top, bottom, pattern) {
  return spans.flatMap(([from, to, label]) => {
    if (!CLOSED.includes(label)) return [];
    const left = x(from), wide = Math.max(x(to) - left, 1.5), name = t(`state.${label}`);
    const made = [svg("rect", { class: "shut", x: left, y: top, width: wide, height: bottom - top, fill: `url(#${pattern})` })];
    if (wide > name.length * 7 + 16) made.push(svg("text", { class: "inside", x: left + wide / 2, y: (top + bottom) / 2 + 4, "text-anchor": "middle" }, name));
    return made;
  });
}
