// Finding: mines, ponds, rows and places by name or coordinates.

import { answerMine, answerPond, closeSide } from "./map_answer.js";
import { calm, map, state } from "./map_drawn.js";
import { view, write } from "./map_view.js";
import { say } from "./page.js";

const $ = (id) => document.getElementById(id);

let finds = 0;

/** List what bears the words in the box. */
export async function find() {
  const wanted = $("find").value.trim();
  const list = $("found");
  finds += 1;
  const mark = finds;
  if (!wanted) {
    list.replaceChildren();
    list.hidden = true;
    return;
  }
  const answer = await fetch(`/map/find.json?${new URLSearchParams({ q: wanted })}`, { headers: { Accept: "application/json" } });
  if (mark !== finds || !answer.ok) return;
  const { found } = await answer.json();
  list.replaceChildren(...found.map(foundItem));
  if (!found.length) {
    const item = document.createElement("li");
    item.className = "small muted";
    item.textContent = say("map.not_found");
    list.append(item);
  }
  list.hidden = false;
}

function foundItem(hit) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const mine = hit.what === "mine" && state.mines.find((m) => m.code === hit.mine);
  const pond = hit.what === "pond" && state.ponds.find((p) => p.code === hit.pond);
  const shown = mine || pond;
  if (shown) {
    const swatch = document.createElement("i");
    swatch.className = pond ? `pond-mark ${pond.mark}` : `swatch ${mine.colour}`;
    swatch.setAttribute("aria-hidden", "true");
    button.append(swatch);
  }
  const note = document.createElement("span");
  note.className = "code small";
  note.textContent = hit.note;
  button.append(shown ? `${hit.text} · ${shown.label}` : hit.text, note);
  button.addEventListener("click", () => {
    $("found").hidden = true;
    closeSide();
    if (mine) {
      answerMine(mine.code, true);
      return;
    }
    if (pond) {
      answerPond(pond.code, true);
      return;
    }
    if (hit.what === "place") putPin(hit.at);
    const [west, south, east, north] = hit.bounds ?? [...hit.at, ...hit.at];
    map.fitBounds([[west, south], [east, north]], { padding: 80, maxZoom: 15, animate: !calm() });
  });
  item.append(button);
  return item;
}

/** Mark a place that was looked up, or none. */
export function putPin(at) {
  view.pin = at;
  map.getSource("places").setData({
    type: "FeatureCollection",
    features: at ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: at } }] : [],
  });
  write();
}
