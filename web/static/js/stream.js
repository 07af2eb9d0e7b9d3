// Follows the reading of an upload by the server's own stream of events.

import { say } from "./page.js";

/** "Reading the layers · 120 of 4,000", or that it waits. */
export function words(told) {
  const { stage, done, total } = told.progress ?? {};
  if (!stage) return say("upload.queued");
  const name = say(`stage.${stage}`);
  return total ? `${name} · ${say("upload.done_of", { done: done.toLocaleString(), total: total.toLocaleString() })}` : name;
}

/** Call `told` with each state; resolves with the last one. A stream cut off is opened again. */
export function follow(upload, told) {
  return new Promise((resolve) => {
    const stream = new EventSource(`/api/v1/uploads/${upload}/events`);
    stream.addEventListener("progress", (event) => {
      const now = JSON.parse(event.data);
      told(now);
      if (["staged", "failed", "submitted"].includes(now.state)) {
        // The server ends it now; a browser would ask again for ever.
        stream.close();
        resolve(now);
      }
    });
  });
}
