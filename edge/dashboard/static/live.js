// The stream of server-sent events, and a watch over whether they still come.

const SILENT_MS = 25_000;
const AGAIN_MS = 10_000;
const SLEPT_MS = 3_000;

/** `received(name, content)` for each event; `linked(state)` with "live", "lost" or "full". */
export function listen(received, linked) {
  let source, heard, timer;

  function open() {
    clearTimeout(timer);
    source = new EventSource("live");
    for (const name of ["snapshot", "reading", "state", "event", "source", "health", "info", "privacy", "config", "broker", "service", "aim", "room", "beat"]) {
      source.addEventListener(name, (event) => {
        heard = performance.now();
        if (name === "snapshot") linked("live");
        if (name !== "beat") received(name, JSON.parse(event.data));
      });
    }
    source.onerror = () => (source.readyState === EventSource.CLOSED ? refused() : linked("lost"));
  }

  /** An answer, but no stream: signed out, or too many look at once. */
  async function refused() {
    linked("lost");
    timer = setTimeout(open, AGAIN_MS);
    try {
      const answer = await fetch("./", { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") location.assign("login");
      else if (answer.ok) linked("full");
    } catch { /* gone; we try again */ }
  }

  let ahead = Date.now() - performance.now();
  setInterval(() => {
    const before = ahead;
    ahead = Date.now() - performance.now(); // the one goes on while a laptop sleeps, the other does not
    const slept = ahead - before > SLEPT_MS;
    if (heard && (slept || performance.now() - heard > SILENT_MS) && source.readyState === EventSource.OPEN) {
      source.close();
      linked("lost");
      heard = performance.now();
      open();
    }
  }, 5_000);
  open();
}
