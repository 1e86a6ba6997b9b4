// All rooms: a card for each device, with the same words and the same rules of age as on its own page.

import { $, html, say, share } from "./dom.js";
import { expire } from "./freshness.js";
import { listen } from "./live.js";
import { headline, people, present, t, title } from "./words.js";

const rooms = new Map(); // device -> its model and its card
let link = "waiting", broker = null, labels = {}, offset = 0, token = "";

const now = () => performance.now() / 1000 + offset;

const takers = {
  snapshot(all) {
    ({ labels, broker, token } = all);
    offset = all.now - performance.now() / 1000;
    rooms.clear();
    $("rooms").replaceChildren();
    all.rooms.forEach(takers.room);
    say($("base"), all.base);
    $("logout").hidden = !all.signed_in;
    $("more").hidden = !all.left_out;
    say($("more"), all.left_out ? t("rooms.more", { count: all.most }) : "");
  },
  room(told) {
    const room = rooms.get(told.id) ?? added(told);
    Object.assign(room.model, { state: told.state, privacy: told.privacy, sources: told.sources, service: told.service, stateValid: told.state_valid_s,
      config: { "decision.enter": told.enter } });
  },
  broker(status) {
    broker = status;
  },
};

function added({ id, device }) {
  const card = { label: html("p", { class: "state" }), bar: html("span"), sentence: html("p", { class: "sentence-of" }), people: html("p", { class: "company" }),
    tag: html("p", { class: "tag" }, t("rooms.sample")) };
  card.root = html("li", { class: "room", "data-label": "" }, html("h2", {}, device), card.label,
    html("div", { class: "sureness", "aria-hidden": "true" }, card.bar), card.sentence, card.people, card.tag);
  const room = { device, card, model: { reading: null, linkedAt: now(), state: null, sources: {}, labels } };
  rooms.set(id, room);
  const sorted = [...rooms.values()].sort((a, b) => a.device.localeCompare(b.device));
  const after = sorted[sorted.indexOf(room) + 1];
  $("rooms").insertBefore(card.root, after?.card.root ?? null);
  return room;
}

function draw() {
  const at = now(), linked = link === "live" && broker?.state !== "connected" ? "broker" : link;
  $("link").dataset.state = linked;
  say($("link"), t(`link.${linked}`));
  for (const { model, card } of rooms.values()) {
    Object.assign(model, { link, broker, labels });
    expire(model, at);
    const label = headline(model), state = model.privacy === "ON" ? null : model.state;
    card.root.dataset.label = label ?? "";
    say(card.label, label ? title(label) : "…");
    share(card.bar, state && label in labels ? state.confidence : 0);
    say(card.sentence, present(model, at));
    card.people.hidden = !state?.people;
    say(card.people, state?.people ? people(state.people) : "");
    card.tag.hidden = model.privacy === "ON" || !Object.values(model.sources).some(({ state: is, reason }) => is === "online" && /\bsample\b/i.test(reason));
  }
  $("empty").hidden = rooms.size > 0 || link !== "live";
  say($("count"), rooms.size ? (rooms.size === 1 ? t("rooms.count_one") : t("rooms.count", { count: rooms.size })) : "");
}

listen((name, content) => { takers[name]?.(content); draw(); }, (state) => { link = state; draw(); });
$("logout").addEventListener("click", async () => {
  await fetch("logout", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": token }, body: "{}" });
  location.assign("login");
});
setInterval(draw, 1_000);
