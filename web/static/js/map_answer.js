// Why: the panel that says what is behind the grades of a mine or the duties of a pond.

import { chooseMine } from "./chart.js";
import { calm, map, narrow, state } from "./map_drawn.js";
import { question, view, write } from "./map_view.js";
import { say } from "./page.js";
import { refusal } from "./refusal.js";

const $ = (id) => document.getElementById(id);

let asked = 0;

/** Say what is behind the grades of a mine; `move`s the map to it, and lists what `also` lies there. */
export async function answerMine(code, move, also = []) {
  view.mine = code;
  view.pond = "";
  chooseMine(map, code);
  const path = `/map/mines/${encodeURIComponent(code)}`;
  await answer(path, state.mines.find((m) => m.code === code), move, also);
}

/** Say what a pond owes, likewise. */
export async function answerPond(code, move, also = []) {
  view.pond = code;
  view.mine = "";
  chooseMine(map, null);
  const path = `/map/ponds/${encodeURIComponent(code)}`;
  await answer(path, state.ponds.find((p) => p.code === code), move, also);
}

async function answer(path, mine, move, also) {
  write();
  asked += 1;
  const mark = asked;
  // What is refused is then one sentence, and never the page of another matter.
  const said = await fetch(`${path}?${question()}`, { headers: { Accept: "application/json, text/html" } });
  const told = said.ok ? await said.text() : await refusal(said, say("map.answer_failed"));
  // An older answer that comes late must not cover a newer one.
  if (mark !== asked) return;
  openAnswer(told, also);
  if (mine && (move || narrow())) {
    // On a phone the answer lies over the lower part of the map: the mine goes above it.
    const under = narrow() ? $("answer").offsetHeight : 0;
    const padding = narrow() ? { top: 70, left: 30, right: 60, bottom: under + 20 } : 60;
    map.fitBounds(mine.bounds, { padding, maxZoom: 14, animate: move && !calm() });
  }
}

/** Open the panel: `told` is the server's part of a page, or what was made here; `also` what else lies there. */
export function openAnswer(told, also) {
  const panel = $("answer");
  if (typeof told === "string") panel.innerHTML = told;
  else panel.replaceChildren(...told);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "small close";
  close.textContent = say("close");
  close.addEventListener("click", closeAnswer);
  panel.prepend(close);
  if (also.length) {
    const list = document.createElement("ul");
    for (const [text, id] of also) {
      const item = document.createElement("li");
      item.textContent = text;
      if (id && $("to-draw")) {
        const link = document.createElement("a");
        link.href = `/draw?feature=${id}`;
        link.textContent = say("map.correct");
        item.append(" ", link);
      }
      list.append(item);
    }
    const head = document.createElement("h3");
    head.textContent = say("map.also");
    const box = document.createElement("section");
    box.className = "section";
    box.append(head, list);
    panel.append(box);
  }
  panel.hidden = false;
  panel.scrollTop = 0;
  $("room").classList.add("answered");
  closeSide();
  map.resize();
}

export function closeAnswer() {
  asked += 1;
  view.mine = "";
  view.pond = "";
  write();
  chooseMine(map, null);
  $("answer").hidden = true;
  $("room").classList.remove("answered");
  map.resize();
  map.getCanvas().focus({ preventScroll: true });
}

/** Close the side panel, which on a phone lies over the map. */
export function closeSide() {
  $("side").classList.remove("open");
  $("open-side").setAttribute("aria-expanded", "false");
}
