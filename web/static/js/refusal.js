// What to show where the server gave no answer.

import { say } from "./page.js";

/** Return what to show of an answer that is none: where to sign in again, else the server's own sentence. */
export async function refusal(answer, otherwise) {
  const text = document.createElement("p");
  if (answer.status === 401) {
    const link = document.createElement("a");
    link.href = `/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`;
    link.textContent = say("map.sign_in");
    text.textContent = say("map.signed_out");
    return [text, link];
  }
  // A proxy's page is no sentence.
  const told = await answer.json().catch(() => ({}));
  text.textContent = told.message ?? otherwise;
  return [text];
}
