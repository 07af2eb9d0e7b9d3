// A large file in pieces: after a broken connection it goes on by itself, after a closed page once the
// same file is chosen again. What the server has is asked of the server, never remembered here.

import { csrf } from "./page.js";

export const LARGE = 8 * 1024 * 1024;
const WAITS = [1000, 2000, 4000, 8000, 15000, 30000];

async function ask(path, options = {}) {
  const headers = { "X-CSRF-Token": csrf, Accept: "application/json", ...options.headers };
  const answer = await fetch(`/api/v1/sendings${path}`, { ...options, headers });
  if (answer.status === 204) return null;
  const body = await answer.json();
  // A gateway's failure passes; what we ourselves refuse does not.
  if (answer.status >= 500) throw new TypeError(body.message);
  if (!answer.ok) throw Object.assign(new Error(body.message), { refused: true, ...body });
  return body;
}

// Only over https, or on the machine itself, may a page reckon a digest; the server asks for none.
async function digest(piece) {
  if (!globalThis.crypto?.subtle) return "";
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
  return `&sha256=${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

// Do `act`, again and again while nobody answers; `waiting` is told before each pause.
async function patiently(act, waiting) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (error.refused || tries >= WAITS.length) throw error;
      waiting();
      await pause(WAITS[tries]);
    }
  }
}

// Send a file; returns where its page is. `told` gets the bytes that are there, `waiting` is called
// while the connection is gone.
export async function sendInPieces(file, options, told, waiting) {
  const json = { method: "POST", headers: { "Content-Type": "application/json" } };
  const mark = new Date(file.lastModified).toISOString();
  const body = JSON.stringify({ filename: file.name, size: file.size, mark, ...options });
  const begun = await patiently(() => ask("", { ...json, body }), waiting);
  const path = `/${begun.id}`;
  let there = begun.received;
  told(there);
  while (there < file.size) {
    const piece = file.slice(there, there + begun.piece_bytes);
    const where = `${path}?offset=${there}${await digest(piece)}`;
    there = await patiently(async () => {
      try {
        const type = { "Content-Type": "application/octet-stream" };
        return (await ask(where, { method: "PATCH", headers: type, body: piece })).received;
      } catch (error) {
        // It had arrived though its answer did not, or another page sent it.
        if (error.code === "store.wrong_offset" || error.code === "store.piece_broken") return error.params.received;
        throw error;
      }
    }, waiting);
    told(there);
  }
  const sent = await patiently(() => ask(`${path}/finish`, { method: "POST" }), waiting);
  return `/uploads/${sent.id}`;
}

export async function discard(id) {
  await ask(`/${id}`, { method: "DELETE" });
}
