// What is shown, as sentences.

const TITLES = { absent: "nobody", privacy: "private" };

export const title = (label) => TITLES[label] ?? label;
export const percent = (fraction) => `${Math.round(100 * fraction)} %`;

export function duration(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 60) return `${Math.round(seconds)} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "a minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours === 1 ? "an hour" : `${hours} hours`;
}

export const clock = (date, seconds = false) =>
  date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });

export function people(count) {
  return count === 1 ? "one person in view" : count > 1 ? `${count} people in view` : "nobody in view";
}

const SENSES = { face: "the face", speech: "the voice" };

/** The present in a sentence or two. */
export function present(model, now) {
  const { state, sources } = model;
  if (model.privacy === "ON") return "Camera and microphone are released. Nobody is seen or heard, and the past hour is forgotten.";
  if (!state) return absence(model);
  const lasting = duration(Math.max(now - state.since, 0));
  if (state.label === "absent") {
    const away = Object.entries(sources).filter(([, source]) => source.state === "offline");
    if (away.length) return away.map(([name, source]) => `The ${name} is away: ${source.reason}.`).join(" ");
    return `Nobody has been seen or heard for ${lasting}.`;
  }
  if (state.label === "uncertain") return `Somebody is there, but for ${lasting} nothing has won clearly.`;
  const senses = state.modalities.map((name) => SENSES[name]).join(" and ");
  return `${percent(state.confidence)} sure, for ${lasting}${senses ? `, by ${senses}` : ""}.`;
}

/** Why there is nothing to show. */
function absence(model) {
  if (model.link === "lost" || model.link === "full") return "This page has lost the service; it is not known how anybody is now.";
  if (model.service === "silent") return "The service does not respond; it is not known how anybody is now.";
  if (model.service === "offline") return model.broker?.reason ? `${model.broker.reason}.` : "The device is not connected to its broker.";
  return "Waiting for the first message from the service.";
}

/** One line of the log. */
export function happened(event) {
  switch (event.event) {
    case "state_entered": return event.label === "absent" ? "Nobody is there any more" : event.label === "uncertain" ? "Uncertain" : `Became ${event.label}`;
    case "person_appeared": return `Somebody came (${people(event.people)})`;
    case "person_gone": return `Somebody left (${people(event.people)})`;
    default: return "";
  }
}
