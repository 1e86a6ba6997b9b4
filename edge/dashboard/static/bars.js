// One row per emotion: what face, voice and words say, and all together as the decision sees them, averaged over a
// moment. The column of the words is there once some were read.

import { html, say, share } from "./dom.js";
import { number, percent, t, title } from "./words.js";

const SENSES = ["face", "speech", "text"];

export class Bars {
  /** `weights`: where each modality's weight is written; `note`: the line below. */
  constructor(table, weights, note) {
    Object.assign(this, { table, weights, note });
  }

  build(labels) {
    this.rows = Object.keys(labels).map((label) => {
      const cells = ["smoothed", ...SENSES].map(() => ({ number: html("b"), fill: html("i") }));
      const row = html("tr", { "data-label": label }, html("th", { scope: "row" }, title(label)),
        ...cells.map(({ number, fill }) => html("td", {}, html("div", { class: "bar" }, number, html("span", {}, fill)))));
      return { row, cells };
    });
    this.table.tBodies[0].replaceChildren(...this.rows.map(({ row }) => row));
  }

  draw(reading, config) {
    const parts = [reading?.smoothed, ...SENSES.map((name) => reading?.[name]?.values)];
    const top = reading ? Math.max(...reading.smoothed) : 2;
    this.rows.forEach(({ row, cells }, i) => {
      row.classList.toggle("strong", parts[0]?.[i] === top);
      cells.forEach(({ number, fill }, part) => {
        const value = parts[part]?.[i];
        say(number, value === undefined ? "–" : percent(value));
        share(fill, value ?? 0);
      });
    });
    if (reading?.text) this.table.classList.add("with-words");
    for (const name of SENSES) {
      const part = reading?.[name];
      say(this.weights[name], part ? t("bars.weight", { percent: percent(part.weight) }) : t(`bars.no_${name}`));
    }
    const enter = config["decision.enter"], smoothing = config["decision.smoothing_s"];
    this.table.classList.toggle("marked", enter !== undefined);
    if (enter !== undefined) {
      this.table.style.setProperty("--enter", enter);
      say(this.note, t("bars.note", { time: `${number(smoothing ?? 0, 1)} s`, enter: percent(enter) }));
    }
  }
}
