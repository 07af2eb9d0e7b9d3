// The siting tool: points set on the map go into the form; the answer's path is drawn.

import { chart, show } from "./chart.js";
import { csrf, say } from "./page.js";
import { drawParts } from "./parts.js";
import { paintPonds } from "./pond_marks.js";

const $ = (id) => document.getElementById(id);
const frame = $("siting-map");
const form = $("site");
const inputs = { toe: $("toe"), body: $("body") };
const bounds = frame.dataset.bounds === "null" ? null : JSON.parse(frame.dataset.bounds);
const answer = frame.dataset.answer ? JSON.parse(frame.dataset.answer) : null;

// A place as text: "lon,lat;lon,lat", its parts set apart by "|".
const parts = (text) => text.split("|").map((part) => part.split(";").map((pair) => pair.split(",").map(Number))
  .filter((pair) => pair.length === 2 && pair.every(Number.isFinite))).filter((part) => part.length);

const asked = parts(inputs.toe.value);
const start = asked.length
  ? { center: asked[0][0], zoom: 14 }
  : bounds ? { bounds, fitBoundsOptions: { padding: 30 } } : { center: [112.7, 38.9], zoom: 8 };
const map = await chart(frame, { ...start, keyboard: true });
window.minerisk = { map };
for (const group of ["unclear", "plan", "factors", "extents", "encounters"]) show(map, group, false);
map.setPaintProperty("mines-fill", "fill-opacity", 0.25);
paintPonds(map, JSON.parse(frame.dataset.marks));
map.getCanvas().style.cursor = "crosshair";

function draw() {
  const feature = (part, geometry) => ({ type: "Feature", properties: { part, name: "" }, geometry });
  const features = [];
  for (const ring of parts(inputs.body.value)) {
    if (ring.length > 2) features.push(feature("body", { type: "Polygon", coordinates: [[...ring, ring[0]]] }));
    else features.push(...ring.map((coordinates) => feature("body", { type: "Point", coordinates })));
  }
  const at = parts(inputs.toe.value);
  for (const line of at) {
    features.push(...line.map((coordinates) => feature("toe", { type: "Point", coordinates })));
    if (line.length > 1) features.push(feature("toe", { type: "LineString", coordinates: line }));
  }
  if (answer?.path) features.push(feature("path", answer.path));
  if (answer?.nearest && at.length) {
    features.push(feature("nearest", { type: "Point", coordinates: answer.nearest.point }));
    features.push(feature("near", { type: "LineString", coordinates: [at[0][0], answer.nearest.point] }));
  }
  drawParts(map, { type: "FeatureCollection", features });
}

// What a click fills in; a point more goes on the last part.
const drawing = () => inputs[document.querySelector("[name=drawing]:checked").value];

function add({ lng, lat }) {
  const input = drawing();
  const point = `${lng.toFixed(5)},${lat.toFixed(5)}`;
  input.value = input.value.trim() ? `${input.value.trim()};${point}` : point;
  draw();
}

map.on("click", (event) => add(event.lngLat));
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key === "Enter") add(map.getCenter());
});
for (const input of Object.values(inputs)) input.addEventListener("input", draw);
$("clear-toe").addEventListener("click", () => {
  for (const input of Object.values(inputs)) input.value = "";
  draw();
  inputs.toe.focus();
});

// Every part of a GeoJSON geometry as text: points, lines and rings alike.
function textOf({ type, coordinates, geometries }) {
  const pair = ([lng, lat]) => `${lng.toFixed(6)},${lat.toFixed(6)}`;
  const line = (points) => points.map(pair).join(";");
  if (type === "GeometryCollection") return geometries.map(textOf).join("|");
  if (type === "Point") return pair(coordinates);
  if (type === "MultiPoint") return coordinates.map(pair).join("|");
  if (type === "LineString") return line(coordinates);
  return (type === "MultiPolygon" ? coordinates.flat() : coordinates).map(line).join("|");
}

// A file goes through the server's confined reader, as every upload does, and comes back as shapes.
async function take({ target }) {
  const { part } = target.dataset;
  const [trouble, told] = [$(`${part}-trouble`), $(`${part}-told`)];
  trouble.hidden = true;
  told.hidden = true;
  if (!target.files.length) return;
  const sent = new FormData();
  sent.append("file", target.files[0]);
  sent.append("part", part);
  const headers = { "X-CSRF-Token": csrf, Accept: "application/json" };
  const reply = await fetch("/api/v1/siting/file", { method: "POST", body: sent, headers });
  const said = await reply.json();
  if (!reply.ok) {
    trouble.textContent = said.message;
    trouble.hidden = false;
    return;
  }
  for (const name of ["toe", "body"]) {
    if (said[name]) inputs[name].value = textOf(said[name]);
  }
  const count = (name) => (said[name] ? parts(inputs[name].value).length : 0);
  told.textContent = [say("siting.taken", { toe: count("toe"), body: count("body") }), said.outline ? say("siting.outline") : ""].join(" ").trim();
  told.hidden = false;
  draw();
  const first = parts(inputs[part].value)[0];
  if (first) map.jumpTo({ center: first[0], zoom: 14 });
}
for (const id of ["toe-file", "body-file"]) $(id).addEventListener("change", take);

function fields() {
  $("pond-fields").hidden = form.elements.what.value === "object";
}
form.addEventListener("change", fields);
fields();
draw();
