// How long what was told may be shown.

export const FRESH_S = 4; // an older reading is not of now

/** What is older than this says nothing about now: it goes, whatever became of the stream, the broker and the service. */
export function expire(model, at) {
  if (model.link === "live") model.linkedAt = at;
  const cutOff = at - model.linkedAt > FRESH_S;
  if (model.state && (cutOff || at - model.state.at > model.stateValid)) model.state = null;
  if (model.reading && (cutOff || at - model.reading.at > FRESH_S)) model.reading = null;
  if (cutOff) model.health = null;
}
