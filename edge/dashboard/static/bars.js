// One row per feeling: what face and voice say, and both together.

import { html, say, share } from "./dom.js";
import { percent } from "./words.js";

const PARTS = ["fused", "face", "speech"];

export class Bars {
  constructor(table, weights) {
    this.table = table;
    this.weights = weights; // where each modality's weight is written
  }

  build(labels) {
    const body = this.table.tBodies[0];
    this.rows = Object.keys(labels).map((label) => {
      const cells = PARTS.map(() => ({ number: html("b"), fill: html("i") }));
      const row = html("tr", { "data-label": label }, html("th", { scope: "row" }, label),
        ...cells.map(({ number, fill }) => html("td", {}, html("div", { class: "bar" }, number, html("span", {}, fill)))));
      return { row, cells };
    });
    body.replaceChildren(...this.rows.map(({ row }) => row));
  }

  draw(reading) {
    this.table.classList.toggle("stale", !reading);
    const parts = [reading?.fused, reading?.face?.values, reading?.speech?.values];
    const top = reading ? Math.max(...reading.fused) : 2;
    this.rows.forEach(({ row, cells }, i) => {
      row.classList.toggle("strong", parts[0]?.[i] === top);
      cells.forEach(({ number, fill }, part) => {
        const value = parts[part]?.[i];
        say(number, value === undefined ? "–" : percent(value));
        share(fill, value ?? 0);
      });
    });
    for (const name of ["face", "speech"]) {
      const part = reading?.[name];
      say(this.weights[name], part ? `weighs ${percent(part.weight)}` : "silent");
    }
  }
}
