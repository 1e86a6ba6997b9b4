// The field of valence and arousal: each emotion has its place and glows as it is probable; a line shows the last minute.

import { svg, say } from "./dom.js";
import { t, title } from "./words.js";

const R = 100; // one, in the units of the drawing
const TRAIL_S = 60;
const STEPS = 8;
const ANCHORS = { neutral: ["start", 5, 11], happy: ["start", 6, 3], sad: ["end", -6, 3], angry: ["end", -6, -1],
  fearful: ["end", -6, 5], disgusted: ["end", -6, 3], surprised: ["start", 6, 1] };

export class Field {
  constructor(root, words) {
    this.root = root;
    this.words = words;
    this.trail = [];
  }

  /** Draw what stands still. `labels`: where each feeling lies. */
  build(labels) {
    const defs = svg("defs");
    const washes = svg("g");
    const places = svg("g");
    this.parts = new Map();
    for (const [label, [valence, arousal]] of Object.entries(labels)) {
      const [x, y] = [valence * R, -arousal * R];
      defs.append(svg("radialGradient", { id: `wash-${label}`, "data-label": label },
        svg("stop", { offset: "0", "stop-opacity": "0.95" }), svg("stop", { offset: "0.55", "stop-opacity": "0.45" }), svg("stop", { offset: "1", "stop-opacity": "0" })));
      const wash = svg("circle", { class: "wash", cx: x, cy: y, r: 62, fill: `url(#wash-${label})` });
      washes.append(wash);
      const [anchor, dx, dy] = ANCHORS[label] ?? ["start", 6, 3];
      const place = svg("g", { "data-label": label }, svg("circle", { class: "place", cx: x, cy: y, r: 2 }),
        svg("text", { x: x + dx, y: y + dy, "text-anchor": anchor }, title(label)));
      places.append(place);
      this.parts.set(label, { wash, place });
    }
    const clip = svg("clipPath", { id: "rim" }, svg("circle", { r: 106 }));
    defs.append(clip);
    const text = (x, y, anchor, words) => svg("text", { class: "axis", x, y, "text-anchor": anchor }, words);
    this.path = svg("g", { class: "trail" });
    this.ring = svg("circle", { class: "ring", r: 9 });
    this.here = svg("circle", { class: "here", r: 5.5 });
    this.root.replaceChildren(defs, svg("circle", { class: "rim", r: 106 }),
      svg("g", { "clip-path": "url(#rim)" }, washes),
      svg("g", { class: "lines" }, svg("path", { d: "M-106 0H106M0-106V106" }), svg("circle", { r: 53, "stroke-dasharray": "1 4" })),
      text(0, -110.5, "middle", t("field.excited")), text(0, 117, "middle", t("field.calm")),
      text(104, 10.5, "end", t("field.pleasant")), text(-104, 10.5, "start", t("field.unpleasant")),
      places, this.path, this.ring, this.here);
    this.hide();
  }

  hide() {
    this.trail = [];
    this.path.replaceChildren();
    for (const part of [this.ring, this.here]) part.style.opacity = 0;
    for (const { wash, place } of this.parts.values()) { wash.style.opacity = 0; place.classList.remove("strong"); }
    say(this.words, t("field.empty"));
  }

  add(at, valence, arousal) {
    this.trail.push([at, valence, arousal]);
  }

  /** `reading` may be null: the trail fades, the point goes. */
  draw(reading, labels, now) {
    this.trail = this.trail.filter(([at]) => now - at < TRAIL_S);
    this.drawTrail(now);
    const names = Object.keys(labels);
    const top = reading ? names[reading.smoothed.indexOf(Math.max(...reading.smoothed))] : null;
    names.forEach((label, index) => {
      const { wash, place } = this.parts.get(label);
      wash.style.opacity = reading ? Math.sqrt(reading.smoothed[index]) * parseFloat(getComputedStyle(this.root).getPropertyValue("--wash") || 0.4) : 0;
      place.classList.toggle("strong", label === top);
    });
    for (const part of [this.ring, this.here]) {
      part.style.opacity = reading ? 1 : 0;
      if (!reading) continue;
      part.dataset.label = top;
      part.style.transform = `translate(${reading.valence * R}px, ${-reading.arousal * R}px)`;
    }
    if (reading) say(this.words, t("field.summary", { words: mood(reading.valence, reading.arousal) }));
    else say(this.words, t("field.empty"));
  }

  drawTrail(now) {
    const paths = [];
    for (let step = 0; step < STEPS; step++) {
      const oldest = TRAIL_S * (1 - step / STEPS), newest = TRAIL_S * (1 - (step + 1) / STEPS);
      const points = this.trail.filter(([at], i) => {
        const next = this.trail[i + 1];
        return (now - at <= oldest || (next && now - next[0] <= oldest)) && now - at >= newest;
      });
      if (points.length < 2) continue;
      paths.push(svg("path", { d: smooth(points), opacity: 0.06 + 0.55 * ((step + 1) / STEPS) ** 1.6 }));
    }
    this.path.replaceChildren(...paths);
  }
}

function smooth(points) {
  const at = ([, valence, arousal]) => [valence * R, -arousal * R];
  let [x, y] = at(points[0]);
  let d = `M${x.toFixed(1)} ${y.toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const [nx, ny] = at(points[i]);
    d += `Q${x.toFixed(1)} ${y.toFixed(1)} ${((x + nx) / 2).toFixed(1)} ${((y + ny) / 2).toFixed(1)}`;
    [x, y] = [nx, ny];
  }
  return `${d}L${x.toFixed(1)} ${y.toFixed(1)}`;
}

function mood(valence, arousal) {
  const how = (value, low, high) => (value > 0.15 ? t(high) : value < -0.15 ? t(low) : null);
  const found = [how(valence, "field.unpleasant", "field.pleasant"), how(arousal, "field.calm", "field.excited")];
  return found.filter(Boolean).join(", ") || t("field.middle");
}
