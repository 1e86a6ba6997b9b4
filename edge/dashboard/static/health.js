// The device's health, in a few words.

import { $, html } from "./dom.js";
import { number, percent, reasonOf, t } from "./words.js";

export function drawHealth({ health, broker, sources, privacy }) {
  const rows = [];
  for (const [name, source] of Object.entries(sources)) {
    const words = reasonOf(source) || t(source.state === "online" ? "on" : "off");
    rows.push([t(`health.${name}`), words, source.state === "offline" && privacy !== "ON"]);
  }
  if (broker) {
    const connected = broker.state === "connected";
    const waiting = !connected && broker.outbox ? `, ${t("health.waiting", { count: broker.outbox })}` : "";
    rows.push([t("health.broker"), (connected ? t("health.connected") : t("health.not_connected")) + waiting, !connected]);
  }
  if (health && privacy !== "ON") {
    if (typeof health.fps === "number") rows.push([t("health.pictures"), t("health.per_second", { count: number(health.fps, 1) })]);
    if (health.latency_ms) rows.push([t("health.delay"), `${number(health.latency_ms.median)} ms`]);
  }
  if (health) {
    if (typeof health.temperature_c === "number") rows.push([t("health.temperature"),
      `${number(health.temperature_c)} °C${health.throttled ? `, ${t("health.throttled")}` : ""}`, health.throttled]);
    if (typeof health.cpu_percent === "number") rows.push([t("health.cpu"), t("health.of_a_core", { percent: percent(health.cpu_percent / 100) })]);
    if (typeof health.rss_mb === "number") rows.push([t("health.memory"), `${number(health.rss_mb)} MB`]);
  }
  const key = JSON.stringify(rows);
  if ($("health").dataset.key === key) return;
  $("health").dataset.key = key;
  $("health").replaceChildren(...rows.map(([name, value, bad]) => html("div", {}, html("dt", {}, name), html("dd", { class: bad ? "bad" : undefined }, value))));
}
