// The stream of events. A browser reconnects by itself and says with `Last-Event-ID` where it was; where it gives up (an
// error status) or is silently cut off, this does the same with a query.
//
// A tab that nobody looks at has no stream: browsers allow six connections to a site, and a seventh tab would stand still.

const SILENCE_MS = 10_000; // The health alone comes every two seconds.
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

export function connect({ onEvent, onState }) {
  let source;
  let lastId = "";
  let failures = 0;
  let watchdog;
  let retry;

  const close = () => {
    clearTimeout(watchdog);
    clearTimeout(retry);
    source?.close();
  };

  // A line or a machine that is slow gets longer each time: who begins anew too soon never comes to an end.
  const watch = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => { failures += 1; onState("lost"); open(); }, SILENCE_MS * 2 ** Math.min(failures, 3));
  };

  const open = () => {
    close();
    source = new EventSource(lastId ? `/events?last_event_id=${encodeURIComponent(lastId)}` : "/events");
    for (const name of ["snapshot", "update", "health"]) {
      source.addEventListener(name, (event) => {
        failures = 0;
        lastId = event.lastEventId;
        watch();
        onEvent(name, event.data);
        onState("open");
      });
    }
    source.onopen = watch;
    source.onerror = () => {
      onState("lost");
      clearTimeout(watchdog);
      if (source.readyState === EventSource.CLOSED) {
        retry = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
      }
    };
    watch();
  };

  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  if (!document.hidden) open();
}
