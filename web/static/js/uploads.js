// Sending files, or a folder: one after the other, with the share sent. One alone goes on to its own
// page; of several, each is followed here while it is read.

import { dropped, parcels } from "./packing.js";
import { csrf, say } from "./page.js";
import { LARGE, discard, sendInPieces } from "./pieces.js";
import { follow, words } from "./stream.js";

const form = document.getElementById("send");
const drop = document.getElementById("drop");
const files = document.getElementById("files");
const list = document.getElementById("sending");

function send(file) {
  const item = document.createElement("li");
  const text = document.createElement("div");
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  text.textContent = say("upload.sending", { name: file.name, percent: 0 });
  item.append(text, bar);
  list.append(item);
  const failed = (sentence) => {
    bar.remove();
    text.textContent = say("upload.failed", { name: file.name, sentence });
    item.className = "notice trouble";
    return null;
  };
  const there = (href) => {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = file.name;
    const state = document.createElement("span");
    state.textContent = say("upload.sent");
    text.replaceChildren(link, " · ", state);
    bar.removeAttribute("value");
    return { href, state, bar };
  };
  const share = (part) => {
    bar.value = part;
    text.textContent = say("upload.sending", { name: file.name, percent: Math.floor(part * 100) });
  };
  if (file.size > LARGE) return large(file, { there, failed, share, text });
  return new Promise((resolve) => {
    const body = new FormData();
    for (const name of ["crs", "encoding", "layer", "mine"]) {
      const value = form.elements[name].value.trim();
      if (value) body.append(name, value);
    }
    body.append("csrf", csrf);
    body.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/uploads");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) share(event.loaded / event.total);
    });
    request.addEventListener("error", () => resolve(failed(say("upload.lost"))));
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* a proxy's page is no answer */ }
      if (request.status >= 400 || !answer.href) {
        resolve(failed(answer.message ?? say("upload.lost")));
        return;
      }
      resolve(there(answer.href));
    });
    request.send(body);
  });
}

// What is large goes in pieces, so that a break costs one of them and not the whole.
async function large(file, { there, failed, share, text }) {
  const options = {};
  for (const [name, field] of [["encoding", "encoding"], ["layer", "layer"], ["mine", "mine_code"]]) {
    const value = form.elements[name].value.trim();
    if (value) options[field] = value;
  }
  const crs = form.elements.crs.value.trim().toUpperCase().replace(/^EPSG:/, "");
  if (crs && !/^\d+$/.test(crs)) return failed(say("upload.crs", { value: crs }));
  if (crs) options.crs = Number(crs);
  const gone = () => { text.textContent = say("upload.waiting", { name: file.name }); };
  try {
    return there(await sendInPieces(file, options, (bytes) => share(bytes / file.size), gone));
  } catch (error) {
    return failed(error.refused ? error.message : say("upload.broken"));
  }
}

// So many names of what is not sent are told.
const NAMED = 10;

async function sendAll(chosen) {
  const sent = [];
  const { whole, left } = await parcels(chosen);
  if (left.length) {
    const item = document.createElement("li");
    item.className = "notice trouble";
    const names = left.slice(0, NAMED).join(say("upload.comma")) + (left.length > NAMED ? " …" : "");
    item.textContent = say("upload.left", { n: left.length, names });
    list.append(item);
  }
  for (const file of whole) sent.push(await send(file));
  for (const input of inputs) input.value = "";
  const there = sent.filter(Boolean);
  // One alone is gone to at once, but not away from the names of what was left.
  if (sent.length === 1 && there.length === 1 && !left.length) {
    location.assign(there[0].href);
    return;
  }
  // One stream at a time: they are read one after the other, too.
  for (const { href, state, bar } of there) {
    const last = await follow(href.split("/").at(-1), (told) => { state.textContent = words(told); });
    state.textContent = last.problem?.message ?? say(`upload.state_${last.state}`);
    bar.remove();
  }
}

const inputs = [files, document.getElementById("folder")];
for (const input of inputs) input.addEventListener("change", () => sendAll([...input.files]));
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  sendAll(await dropped(event.dataTransfer.items));
});
for (const button of document.querySelectorAll("[data-discard]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    await discard(button.dataset.discard);
    button.closest("tr").remove();
  });
}
