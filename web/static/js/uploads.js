// Sending files: one after the other, with the share sent and the time it takes; each then goes to
// its own page, where reading and checking are followed.

import { csrf, say } from "./page.js";

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
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      text.textContent = say("upload.sending", { name: file.name, percent: Math.floor(bar.value * 100) });
    });
    const failed = (sentence) => {
      bar.remove();
      text.textContent = say("upload.failed", { name: file.name, sentence });
      item.className = "notice trouble";
      resolve(null);
    };
    request.addEventListener("error", () => failed(say("upload.lost")));
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* a proxy's page is no answer */ }
      if (request.status >= 400 || !answer.href) {
        failed(answer.message ?? say("upload.lost"));
        return;
      }
      bar.remove();
      const link = document.createElement("a");
      link.href = answer.href;
      link.textContent = file.name;
      text.replaceChildren(link, ` · ${say("upload.sent")}`);
      resolve(answer.href);
    });
    request.send(body);
  });
}

async function sendAll(chosen) {
  const places = [];
  for (const file of chosen) places.push(await send(file));
  files.value = "";
  const only = places.length === 1 ? places[0] : null;
  if (only) location.assign(only);
}

files.addEventListener("change", () => sendAll([...files.files]));
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  sendAll([...event.dataTransfer.files]);
});
