// Sending the sheets of one elevation model: in pieces, several as one zip, then on to its own page.

import { zip } from "./packing.js";
import { say } from "./page.js";
import { sendInPieces } from "./pieces.js";

const form = document.getElementById("send-model");
const list = document.getElementById("sending");
const NAMED = 60;

// The same sheets make the same zip, of the day of the newest: so the server knows again what it has a
// part of.
async function one(files) {
  if (files.length === 1) return files[0];
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const lastModified = Math.max(...sorted.map((file) => file.lastModified));
  const body = await zip(sorted.map((file) => ({ path: file.name, file })));
  const name = sorted[0].name.replace(/\.[^.]*$/, "").slice(0, NAMED);
  return new File([body], `${name}.zip`, { type: "application/zip", lastModified });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const field = (name) => form.elements[name].value.trim();
  const item = document.createElement("li");
  const text = document.createElement("div");
  const bar = document.createElement("progress");
  bar.max = 1;
  item.append(text, bar);
  list.replaceChildren(item);
  button.disabled = true;
  let name = form.elements.file.files[0].name;
  const failed = (sentence) => {
    bar.remove();
    text.textContent = say("upload.failed", { name, sentence });
    item.className = "notice trouble";
    button.disabled = false;
  };
  const crs = field("crs").toUpperCase().replace(/^EPSG:/, "");
  if (crs && !/^\d+$/.test(crs)) {
    failed(say("upload.crs", { value: crs }));
    return;
  }
  const terrain = { source: field("source"), dated: field("dated"), error_m: Number(field("error")), unit: field("unit") || null };
  try {
    const file = await one(form.elements.file.files);
    ({ name } = file);
    bar.setAttribute("aria-label", name);
    const told = (bytes) => {
      bar.value = bytes / file.size;
      text.textContent = say("upload.sending", { name, percent: Math.floor((100 * bytes) / file.size) });
    };
    const gone = () => { text.textContent = say("upload.waiting", { name }); };
    location.assign(await sendInPieces(file, { terrain, ...(crs ? { crs: Number(crs) } : {}) }, told, gone));
  } catch (error) {
    failed(error.refused ? error.message : say("upload.broken"));
  }
});
