// The map of the page, and the mines and ponds of the view drawn on it.

import { chart, paintMines, setOwners } from "./chart.js";
import { form, question, times, view } from "./map_view.js";
import { say } from "./page.js";
import { paintPonds } from "./pond_marks.js";
import { refusal } from "./refusal.js";

const $ = (id) => document.getElementById(id);

export const narrow = () => matchMedia("(max-width: 720px)").matches;
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The room to leave about the mines: names stand beside the marks. */
export const around = () => (narrow() ? { top: 90, left: 56, right: 64, bottom: 50 } : { top: 60, left: 100, right: 140, bottom: 50 });

export let map;
/** What was drawn last: see /map/state.json. */
export let state = { mines: [], ponds: [], bounds: null };

/** Draw the map where it will rest, so that no tile is asked for twice. */
export async function drawMap() {
  const whole = JSON.parse($("map").dataset.bounds);
  const start = view.at
    ? { zoom: view.at[0], center: [view.at[2], view.at[1]] }
    : whole ? { bounds: whole, fitBoundsOptions: { padding: around(), maxZoom: 14 } } : { zoom: 8, center: [112.7, 38.9] };
  map = await chart($("map"), { ...start, keyboard: true, times: times(), shown: view.layers });
}

export const askState = () => fetch(`/map/state.json?${question()}`, { headers: { Accept: "application/json" } });
let loads = 0;

/** Ask for the grades of the view and draw them; true where they were drawn. */
export async function loadState(asked = askState()) {
  loads += 1;
  const load = loads;
  $("waiting").hidden = false;
  $("waiting").textContent = say("map.loading");
  const answer = await asked;
  if (!answer.ok) {
    $("waiting").replaceChildren(...await refusal(answer, say("map.failed")));
    return false;
  }
  const told = await answer.json();
  // The slider asks faster than it is answered; only the last answer is drawn.
  if (load !== loads) return false;
  state = told;
  paintMines(map, state);
  paintPonds(map, state.ponds);
  setOwners(map, state.only, state.only_ponds);
  for (const mark of document.querySelectorAll("[data-count]")) {
    const n = state.mines.filter((mine) => mine.colour === mark.dataset.count).length;
    mark.textContent = n ? say("map.mines", { n }) : "";
  }
  for (const mark of document.querySelectorAll("[data-ponds]")) {
    const n = state.ponds.filter((pond) => pond.mark.endsWith(mark.dataset.ponds)).length;
    mark.textContent = n ? say("map.mines", { n }) : "";
  }
  $("filtered").hidden = state.mines.length === state.of;
  $("filtered").textContent = say("map.filtered", { n: state.mines.length, of: state.of });
  const what = [
    form.elements.hazard.selectedOptions[0].textContent,
    form.elements.line.selectedOptions[0].textContent,
    state.on,
  ].join(" · ");
  $("legend-of").textContent = `· ${what}`;
  $("printed-what").textContent = say("map.printed", { what, version: state.version });
  // A pond has a district and none of a mine's kinds: it passes the other filters.
  const none = !state.mines.length && (state.of > 0 || !state.ponds.length);
  $("waiting").hidden = !none;
  if (none) {
    $("waiting").textContent = say(state.grades ? "map.none_pass" : state.bounds ? "map.no_grades" : "map.empty");
  }
  return true;
}
