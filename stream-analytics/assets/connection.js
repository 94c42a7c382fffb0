// The stream of events. A browser reconnects by itself and says with `Last-Event-ID` where it was; where it gives up (an
// error status) or is silently cut off, this does the same with a query.

const SILENCE_MS = 10_000; // The health alone comes every two seconds.
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

export function connect({ onEvent, onState }) {
  let source;
  let lastId = "";
  let failures = 0;
  let watchdog;

  const heard = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => { onState("lost"); open(); }, SILENCE_MS);
  };

  const open = () => {
    source?.close();
    source = new EventSource(lastId ? `/events?last_event_id=${encodeURIComponent(lastId)}` : "/events");
    for (const name of ["snapshot", "update", "health"]) {
      source.addEventListener(name, (event) => {
        failures = 0;
        lastId = event.lastEventId;
        heard();
        onEvent(name, event.data);
        onState("open");
      });
    }
    source.onerror = () => {
      onState("lost");
      clearTimeout(watchdog);
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
      }
    };
    heard();
  };

  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
