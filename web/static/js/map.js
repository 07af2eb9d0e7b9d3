// The risk map: it begins as its address says, and here every hand and key is heard.

import { setBase } from "./base_map.js";
import { setKinds, setTimes, show } from "./chart.js";
import { answerMine, answerPond, closeAnswer, closeSide } from "./map_answer.js";
import { ask } from "./map_click.js";
import { around, askState, drawMap, loadState, map, narrow, state } from "./map_drawn.js";
import { find, putPin } from "./map_find.js";
import { drawMeasure, endMeasure, measuring, setMeasure, turnMeasure } from "./map_measure.js";
import { ALL, BASES, CHOICES, DAY, KINDS, fillForm, form, question, times, today, view, write } from "./map_view.js";
import { gridText, lengthOf } from "./metric.js";
import { say } from "./page.js";

const $ = (id) => document.getElementById(id);

// Another day or filter has other reasons, too.
async function load(asked) {
  if (!await loadState(asked)) return;
  if (view.mine) await answerMine(view.mine, false);
  else if (view.pond) await answerPond(view.pond, false);
}

// --- paper --------------------------------------------------------------------------------------

function nearestScale() {
  // The frame of an A4 sheet is some 277 mm wide.
  const { clientWidth: w, clientHeight: h } = map.getContainer();
  const wide = lengthOf([map.unproject([0, h / 2]).toArray(), map.unproject([w, h / 2]).toArray()]);
  const scales = [...$("scale").options].map((option) => Number(option.value));
  return scales.find((scale) => (scale * 277) / 1000 >= wide) ?? scales.at(-1);
}

$("paper").addEventListener("toggle", () => {
  if ($("paper").open) $("scale").value = nearestScale();
});
$("sheet").addEventListener("formdata", (event) => {
  const { lng, lat } = map.getCenter();
  const all = { ...Object.fromEntries(question()), lon: lng.toFixed(6), lat: lat.toFixed(6), layers: view.layers.join(","), kinds: view.kinds.join(","), base: view.base };
  if (view.pin) all.pin = view.pin.join(",");
  if (view.measure.length) all.measure = view.measure.map((place) => place.join(",")).join(";");
  for (const [name, value] of Object.entries(all)) event.formData.set(name, value);
});

// --- start --------------------------------------------------------------------------------------

// Grades are asked while the map is drawn.
const first = askState();
await drawMap();
if (view.kinds.length < KINDS.length) setKinds(map, view.kinds);
if (view.base) setBase(map, BASES[view.base]);
if (view.pin) putPin(view.pin);
drawMeasure();

await load(first);
if (!view.at) {
  const mine = state.mines.find((m) => m.code === view.mine) ?? state.ponds.find((p) => p.code === view.pond);
  const bounds = mine?.bounds ?? state.bounds;
  if (bounds && !(mine && narrow())) {
    map.fitBounds(bounds, { padding: mine ? 80 : around(), maxZoom: 14, animate: false });
  }
}

map.on("moveend", () => {
  const { lng, lat } = map.getCenter();
  view.at = [map.getZoom().toFixed(2), lat.toFixed(5), lng.toFixed(5)];
  write();
});
map.on("mousemove", (event) => {
  const { lng, lat } = event.lngLat;
  $("at").textContent = `${lng.toFixed(5)}°E ${lat.toFixed(5)}°N  ${gridText([lng, lat])}`;
});
map.on("click", (event) => {
  if (measuring) setMeasure([...view.measure, event.lngLat.toArray()]);
  else ask(event.point);
});
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  if (measuring) setMeasure([...view.measure, map.getCenter().toArray()]);
  else ask(map.project(map.getCenter()));
});
for (const id of ["mines-fill", "mines-mark", "mines-gathered", "ponds-mark", "ponds-together", "ponds-fill"]) {
  map.on("mouseenter", id, () => { map.getCanvas().style.cursor = measuring ? "crosshair" : "pointer"; });
  map.on("mouseleave", id, () => { map.getCanvas().style.cursor = measuring ? "crosshair" : ""; });
}
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (measuring) endMeasure();
  else if (!$("answer").hidden) closeAnswer();
});

let due;
let typing;

async function changed() {
  write();
  fillForm();
  setTimes(map, $("map").dataset.version, times());
  await load();
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", async (event) => {
  const { name, value, checked } = event.target;
  if (!name) return;
  if (name === "layers") {
    view.layers = ALL.filter((layer) => form.querySelector(`[name="layers"][value="${layer}"]`).checked);
    show(map, value, checked);
    write();
    return;
  }
  if (name === "base") {
    view.base = value;
    setBase(map, BASES[value]);
    write();
    return;
  }
  if (name === "kinds") {
    view.kinds = KINDS.filter((kind) => form.querySelector(`[name="kinds"][value="${kind}"]`).checked);
    setKinds(map, view.kinds.length < KINDS.length ? view.kinds : null);
    write();
    return;
  }
  for (const choice of CHOICES) view[choice] = form.elements[choice].value;
  view.known = view.as_of && form.elements.known.checked ? "now" : "";
  await changed();
});
$("slide").addEventListener("input", () => {
  const day = new Date(today + Number($("slide").value) * DAY).toISOString().slice(0, 10);
  view.as_of = Number($("slide").value) === 0 ? "" : day;
  form.elements.as_of.value = view.as_of;
  clearTimeout(due);
  due = setTimeout(changed, 200);
});
$("to-today").addEventListener("click", () => {
  view.as_of = "";
  view.known = "";
  changed();
});
$("find").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(find, 180);
});
$("measure").addEventListener("click", () => {
  if (!measuring) closeSide();
  turnMeasure();
});
$("open-side").addEventListener("click", () => {
  const open = $("side").classList.toggle("open");
  $("open-side").setAttribute("aria-expanded", String(open));
});
// The browser's own printing takes the map as it stands; paper is another size than the screen.
for (const moment of ["beforeprint", "afterprint"]) addEventListener(moment, () => map.resize());
$("to-draw")?.addEventListener("click", () => {
  const { lng, lat } = map.getCenter();
  const at = [map.getZoom().toFixed(2), lat.toFixed(5), lng.toFixed(5)].join("/");
  $("to-draw").href = `/draw?${new URLSearchParams({ at, mine: view.mine })}`;
});
$("share").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    $("shared").textContent = say("map.copied");
  } catch {
    $("shared").textContent = location.href;
  }
});
map.getCanvas().setAttribute("aria-label", say("map.title"));
// The tests, and anyone at the console, ask the map itself, once it answers.
window.minerisk = { map };
