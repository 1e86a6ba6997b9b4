// The resting face: whether it is known, and what faces on a fixed seat begin with.

import { $, html, say } from "./dom.js";
import { number, t, title } from "./words.js";

const LOOK_S = 10; // of a neutral face before the service is asked
// How the service's refusals begin, in the words of the page.
const REFUSED = [["nobody is in view", "rest.nobody"], ["somebody has been in view", "rest.too_soon"], ["the face cannot be seen", "rest.unclear"]];

export class Rest {
  /** `post(path, document)` sends to the service; `model` is what is known. */
  constructor(post, model) {
    Object.assign(this, { post, model, left: 0 });
    $("calibrate").addEventListener("click", () => this.begin());
    $("rest-forget").addEventListener("click", () => this.forget());
  }

  /** The mark beside the state: nothing where the resting face plays no part. */
  draw() {
    const known = this.model.reading?.face?.rest_known;
    $("rest").hidden = typeof known !== "boolean";
    if ($("rest").hidden) return;
    $("rest").dataset.known = known;
    say($("rest"), t(known ? "rest.known" : "rest.learning"));
  }

  buttons() {
    const off = this.model.privacy !== "OFF" || this.left > 0;
    $("calibrate").disabled = off;
    $("rest-forget").disabled = off || !Object.keys(this.model.config["face.rest"] ?? {}).length;
  }

  begin() {
    this.left = LOOK_S;
    $("rest-values").hidden = true;
    say($("rest-message"), "");
    this.timer = setInterval(() => this.count(), 1_000);
    this.say(t("rest.look", { seconds: this.left }));
    this.model.announce(t("rest.look", { seconds: this.left }));
  }

  async count() {
    this.left -= 1;
    if (this.model.privacy !== "OFF") return this.stop("");
    if (this.left > 0) return this.say(t("rest.look", { seconds: this.left }));
    this.stop("");
    const { ok, data } = await this.post("rest/calibrate", {});
    say($("rest-message"), ok ? "" : readable(data.error));
    if (!ok) return;
    const { before, after } = data.data;
    $("rest-values").tBodies[0].replaceChildren(...Object.keys(after).map((label) => html("tr", {},
      html("th", { scope: "row" }, title(label)), html("td", {}, number(before[label] ?? 0, 1)), html("td", {}, number(after[label], 1)))));
    $("rest-values").hidden = false;
    this.say(t("rest.done"));
    this.model.announce(t("rest.done"));
  }

  async forget() {
    const { ok, data } = await this.post("rest/reset", {});
    say($("rest-message"), ok ? "" : data.error);
    if (!ok) return;
    $("rest-values").hidden = true;
    this.say(t("rest.forgotten"));
    this.model.announce(t("rest.forgotten"));
  }

  stop(words) {
    clearInterval(this.timer);
    this.left = 0;
    this.say(words);
  }

  say(words) {
    say($("rest-progress"), words);
    this.buttons();
  }
}

function readable(error) {
  const known = REFUSED.find(([beginning]) => error.startsWith(beginning));
  return known ? t(known[1]) : error;
}
