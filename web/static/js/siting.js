// The siting tool: points set on the map go into the form; the answer's path is drawn.

import { chart, paintPonds, show } from "./chart.js";
import { say } from "./page.js";
import { drawParts } from "./parts.js";

const $ = (id) => document.getElementById(id);
const frame = $("siting-map");
const form = $("site");
const input = $("toe");
const bounds = frame.dataset.bounds === "null" ? null : JSON.parse(frame.dataset.bounds);
const answer = frame.dataset.answer ? JSON.parse(frame.dataset.answer) : null;

const points = () => input.value.split(";").map((pair) => pair.split(",").map(Number))
  .filter((pair) => pair.length === 2 && pair.every(Number.isFinite));

const asked = points();
const start = asked.length
  ? { center: asked[0], zoom: 14 }
  : bounds ? { bounds, fitBoundsOptions: { padding: 30 } } : { center: [112.7, 38.9], zoom: 8 };
const map = await chart(frame, { ...start, keyboard: true });
window.minerisk = { map };
for (const group of ["unclear", "plan", "factors", "extents", "encounters"]) show(map, group, false);
map.setPaintProperty("mines-fill", "fill-opacity", 0.25);
paintPonds(map, JSON.parse(frame.dataset.marks));
map.getCanvas().style.cursor = "crosshair";

function draw() {
  const at = points();
  const feature = (part, geometry) => ({ type: "Feature", properties: { part, name: "" }, geometry });
  const features = at.map((coordinates) => feature("toe", { type: "Point", coordinates }));
  if (at.length > 1) features.push(feature("toe", { type: "LineString", coordinates: at }));
  if (answer?.path) features.push(feature("path", answer.path));
  if (answer?.nearest && at.length) {
    features.push(feature("nearest", { type: "Point", coordinates: answer.nearest.point }));
    features.push(feature("near", { type: "LineString", coordinates: [at[0], answer.nearest.point] }));
  }
  drawParts(map, { type: "FeatureCollection", features });
}

function add({ lng, lat }) {
  input.value = [...points(), [lng.toFixed(5), lat.toFixed(5)]].map((pair) => pair.join(",")).join(";");
  draw();
}

map.on("click", (event) => add(event.lngLat));
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key === "Enter") add(map.getCenter());
});
input.addEventListener("input", draw);
$("clear-toe").addEventListener("click", () => {
  input.value = "";
  draw();
  input.focus();
});

// The first point or line of a GeoJSON file; of a pond or a house drawn as an area, its outline.
function places(said) {
  const found = [said, ...(said.features ?? []), ...(said.geometries ?? [])]
    .map((one) => one.geometry ?? one).find((one) => Array.isArray(one.coordinates));
  let at = found?.coordinates ?? [];
  if (typeof at[0] === "number") at = [at];
  while (Array.isArray(at[0]?.[0])) [at] = at;
  return at.filter((pair) => pair.length > 1 && pair.every(Number.isFinite));
}

$("toe-file").addEventListener("change", async ({ target }) => {
  const trouble = $("toe-trouble");
  let at = [];
  try { at = places(JSON.parse(await target.files[0].text())); } catch { /* it holds none, as told below */ }
  trouble.hidden = at.length > 0;
  trouble.textContent = at.length ? "" : say("siting.no_line");
  if (!at.length) return;
  input.value = at.map(([lng, lat]) => `${lng.toFixed(6)},${lat.toFixed(6)}`).join(";");
  draw();
  map.jumpTo({ center: at[0], zoom: 14 });
});

function fields() {
  $("pond-fields").hidden = form.elements.what.value === "object";
}
form.addEventListener("change", fields);
fields();
draw();
