// Follows the reading of an upload by the server's own stream of events.

import { say } from "./page.js";

/** "Reading the layers · 120 of 4,000", or that it waits. */
export function words(told) {
  const { stage, done, total } = told.progress ?? {};
  if (!stage) return say("upload.queued");
  const name = say(`stage.${stage}`);
  return total ? `${name} · ${say("upload.done_of", { done: done.toLocaleString(), total: total.toLocaleString() })}` : name;
}

// How long to wait before a stream that was refused is asked for again.
const AGAIN = 5000;
const OVER = ["staged", "failed", "submitted"];

/** Call `told` with each state; resolves with the last one. A stream cut off is opened again; one that
 * is refused, for the reader is signed out or the file gone, ends with the state `gone`. */
export function follow(upload, told) {
  return new Promise((resolve) => {
    const open = () => {
      const stream = new EventSource(`/api/v1/uploads/${upload}/events`);
      stream.addEventListener("progress", (event) => {
        const now = JSON.parse(event.data);
        told(now);
        if (OVER.includes(now.state)) {
          // The server ends it now; a browser would ask again for ever.
          stream.close();
          resolve(now);
        }
      });
      stream.addEventListener("error", async () => {
        // A stream cut off the browser opens again by itself; a refused one it gives up.
        if (stream.readyState !== EventSource.CLOSED) return;
        const status = await fetch(`/api/v1/uploads/${upload}`, { headers: { Accept: "application/json" } })
          .then((answer) => answer.status, () => 0);
        if (status === 401 || status === 403 || status === 404) resolve({ state: "gone" });
        else setTimeout(open, AGAIN);
      });
    };
    open();
  });
}
