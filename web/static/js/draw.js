// Drawing on the map. The text of corners is the drawing; the map shows it and writes into it, so that
// whoever types and whoever points do the same, and one undo takes back either.

import { offerBase } from "./base_map.js";
import { chart, show } from "./chart.js";
import { areaOf, gridText, lengthOf, metres } from "./metric.js";
import { say } from "./page.js";
import { Steps, cornerOf, nearest, parse, placeOf, print, ringsOf } from "./sketch.js";

const $ = (id) => document.getElementById(id);
const form = $("draw");
const frame = $("draw-map");
const input = $("corners");
const REACH = 12;
const dark = document.documentElement.dataset.theme === "dark";
const INK = dark ? "#7fd3e2" : "#0b6b7c";
const HALO = dark ? "#12191c" : "#ffffff";

const zone = () => Number($("zone").value);
const kind = () => $("kind").value;
let parts = [];
let chosen = null;
let steps = new Steps(input.value);
let shapes = [];
let rings = [];

// --- the map --------------------------------------------------------------------------------------

const bounds = JSON.parse(frame.dataset.bounds);
const at = frame.dataset.at.split("/").map(Number);
const start = at.length === 3 && at.every(Number.isFinite)
  ? { zoom: at[0], center: [at[2], at[1]] }
  : bounds ? { bounds, fitBoundsOptions: { padding: 80, maxZoom: 15 } } : { zoom: 8, center: [112.7, 38.9] };
const map = await chart(frame, { ...start, keyboard: true });
for (const group of ["unclear", "encounters", "ponds", "zones"]) show(map, group, false);
map.setPaintProperty("mines-fill", "fill-opacity", 0.2);
offerBase(map);
const EMPTY = { type: "FeatureCollection", features: [] };
for (const id of ["draft", "snap"]) map.addSource(id, { type: "geojson", data: EMPTY });
const role = (name) => ["==", ["get", "role"], name];
map.addLayer({ id: "draft-fill", type: "fill", source: "draft", filter: role("area"), paint: { "fill-color": INK, "fill-opacity": 0.2 } });
map.addLayer({ id: "draft-halo", type: "line", source: "draft", filter: role("line"), paint: { "line-color": HALO, "line-width": 6 } });
map.addLayer({ id: "draft-line", type: "line", source: "draft", filter: role("line"), paint: { "line-color": INK, "line-width": 3 } });
map.addLayer({ id: "draft-middle", type: "circle", source: "draft", filter: role("middle"), paint: { "circle-radius": 4, "circle-color": HALO, "circle-stroke-color": INK, "circle-stroke-width": 1.5 } });
map.addLayer({ id: "draft-corner", type: "circle", source: "draft", filter: role("corner"), paint: { "circle-radius": ["case", ["get", "chosen"], 9, 6], "circle-color": ["case", ["get", "chosen"], INK, HALO], "circle-stroke-color": INK, "circle-stroke-width": 3 } });
map.addLayer({ id: "snap-mark", type: "circle", source: "snap", paint: { "circle-radius": 11, "circle-opacity": 0, "circle-stroke-color": INK, "circle-stroke-width": 2 } });
map.getCanvas().style.cursor = "crosshair";

// --- text and picture -----------------------------------------------------------------------------

function read() {
  try {
    parts = parse(input.value);
    input.removeAttribute("aria-invalid");
  } catch (line) {
    if (typeof line !== "number") throw line;
    input.setAttribute("aria-invalid", "true");
    $("corners-say").textContent = say("draw.corner", { line });
    return;
  }
  draw();
}

function draw() {
  const features = [];
  const add = (type, coordinates, properties) => features.push({ type: "Feature", properties, geometry: { type, coordinates } });
  const places = parts.map((part) => part.map((corner) => placeOf(corner, zone())));
  const closed = kind() === "polygon";
  places.forEach((part, p) => {
    const ring = closed && part.length > 2 ? [...part, part[0]] : part;
    if (closed && part.length > 2) add("Polygon", [ring], { role: "area" });
    if (kind() !== "point" && ring.length > 1) {
      add("LineString", ring, { role: "line" });
      ring.slice(1).forEach((place, i) => add("Point", [(place[0] + ring[i][0]) / 2, (place[1] + ring[i][1]) / 2], { role: "middle", part: p, corner: i }));
    }
    part.forEach((place, i) => add("Point", place, { role: "corner", part: p, corner: i, chosen: chosen?.part === p && chosen?.corner === i }));
  });
  map.getSource("draft").setData({ type: "FeatureCollection", features });
  const n = places.flat().length;
  const whole = places.filter((part) => part.length > (closed ? 2 : 1));
  const size = closed
    ? say("draw.ha", { area: (whole.reduce((sum, part) => sum + areaOf(part), 0) / 10000).toFixed(2) })
    : metres(whole.reduce((sum, part) => sum + lengthOf(part), 0));
  $("corners-say").textContent = n ? say("draw.size", { n, size }) : say("draw.none");
  $("undo").disabled = !steps.past.length;
  $("redo").disabled = !steps.later.length;
  $("remove").disabled = !chosen;
}

function write(text) {
  input.value = text;
  steps.to(text);
  read();
}

const change = (made) => write(print(made, zone()));

// --- snapping -------------------------------------------------------------------------------------

let asked = 0;

async function look() {
  const box = map.getBounds();
  asked += 1;
  const mark = asked;
  const answer = await fetch(`/draw/shapes.json?${new URLSearchParams({
    west: box.getWest(), south: Math.max(box.getSouth(), -85), east: box.getEast(), north: Math.min(box.getNorth(), 85),
  })}`, { headers: { Accept: "application/json" } });
  if (!answer.ok || mark !== asked) return;
  const told = await answer.json();
  shapes = told.more ? [] : told.shapes;
  $("snapped").textContent = told.more ? say("draw.many") : "";
  rings = shapes.flatMap((shape) => ringsOf(shape.geometry, zone(), shape.text));
  const kept = $("pick").value;
  const options = shapes.filter((shape) => shape.correctable).map((shape) => new Option(shape.text, shape.id, false, shape.id === kept));
  $("pick").replaceChildren($("pick").options[0], ...options);
  frame.dataset.shapes = shapes.length;
}

// Metres that so many pixels are at the middle of the view.
function reach() {
  const [x, y] = [map.getContainer().clientWidth / 2, map.getContainer().clientHeight / 2];
  return lengthOf([map.unproject([x, y]).toArray(), map.unproject([x + REACH, y]).toArray()]);
}

function snapped(place) {
  const corner = cornerOf(place, zone());
  const found = $("snap").checked ? nearest(rings, corner, reach()) : null;
  map.getSource("snap").setData(found
    ? { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: placeOf(found.point, zone()) } }
    : EMPTY);
  if (rings.length) $("snapped").textContent = found ? say("draw.snapped", { what: found.text }) : "";
  return found ? found.point : corner;
}

// --- acts -----------------------------------------------------------------------------------------

function add(place) {
  const made = parts.map((part) => [...part]);
  const corner = snapped(place);
  const where = chosen ?? { part: Math.max(made.length - 1, 0), corner: (made.at(-1)?.length ?? 0) - 1 };
  made[where.part] ??= [];
  made[where.part].splice(where.corner + 1, 0, corner);
  // The next one goes after this one, wherever that is.
  chosen = chosen ? { part: where.part, corner: where.corner + 1 } : null;
  change(made);
}

function remove() {
  if (!chosen) return;
  const made = parts.map((part) => [...part]);
  made[chosen.part].splice(chosen.corner, 1);
  chosen = null;
  change(made.filter((part) => part.length));
}

function step(text) {
  chosen = null;
  input.value = text;
  read();
}

const under = (point, layers) => map.queryRenderedFeatures(
  [[point.x - 7, point.y - 7], [point.x + 7, point.y + 7]], { layers },
)[0]?.properties;

let held = null;

function grab(event) {
  if (event.originalEvent.touches?.length > 1) return;
  const corner = under(event.point, ["draft-corner"]);
  const middle = corner ? null : under(event.point, ["draft-middle"]);
  if (!corner && !middle) return;
  event.preventDefault();
  held = { ...(corner ?? middle), isNew: !corner, moved: false };
}

function drag(event) {
  if (!held) {
    if (event.type === "mousemove") snapped(event.lngLat.toArray());
    return;
  }
  const made = parts.map((part) => [...part]);
  const point = snapped(event.lngLat.toArray());
  if (held.isNew) {
    made[held.part].splice(held.corner + 1, 0, point);
    held = { ...held, corner: held.corner + 1, isNew: false };
  } else made[held.part][held.corner] = point;
  held.moved = true;
  chosen = { part: held.part, corner: held.corner };
  parts = made;
  draw();
}

function drop() {
  if (!held) return;
  if (held.moved) change(parts);
  else if (!held.isNew) {
    const again = chosen?.part === held.part && chosen?.corner === held.corner;
    chosen = again ? null : { part: held.part, corner: held.corner };
    draw();
  }
  held = { over: true };
  // The click that a let-go makes is no new corner.
  setTimeout(() => { held = null; });
}

map.on("mousedown", grab);
map.on("touchstart", grab);
map.on("mousemove", drag);
map.on("touchmove", drag);
map.on("mouseup", drop);
map.on("touchend", drop);
map.on("mousemove", (event) => {
  const { lng, lat } = event.lngLat;
  $("at").textContent = `${lng.toFixed(5)}°E ${lat.toFixed(5)}°N  ${gridText([lng, lat])}`;
});
map.on("click", (event) => {
  // A tap lets go first and clicks later: what lies on a corner chose it.
  if (held || under(event.point, ["draft-corner"])) return;
  if (event.originalEvent.shiftKey) correct(event.point);
  else add(event.lngLat.toArray());
});
map.boxZoom.disable();
map.doubleClickZoom.disable();

function correct(point) {
  const layers = ["plan-fill", "plan-line", "extents-line", "factors-fill", "factors-water", "factors-goaf", "factors-line", "factors-guessed", "factors-point"];
  const hits = map.queryRenderedFeatures([[point.x - 5, point.y - 5], [point.x + 5, point.y + 5]], { layers });
  const can = hits.find((hit) => shapes.some((shape) => shape.id === hit.properties.id && shape.correctable));
  if (can) location.assign(`/draw?feature=${can.properties.id}`);
}

map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key === "Enter") add(map.getCenter().toArray());
  else if (event.key === "Delete" || event.key === "Backspace") remove();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    step(event.shiftKey ? steps.again() : steps.back());
  }
});
$("undo").addEventListener("click", () => step(steps.back()));
$("redo").addEventListener("click", () => step(steps.again()));
$("new-part").addEventListener("click", () => {
  chosen = null;
  if (parts.length && parts.at(-1).length) write(`${input.value.trimEnd()}\n\n`);
  map.getCanvas().focus({ preventScroll: true });
});
$("remove").addEventListener("click", remove);
$("clear").addEventListener("click", () => {
  chosen = null;
  write("");
});
input.addEventListener("input", () => {
  chosen = null;
  steps.to(input.value);
  read();
});
$("kind").addEventListener("change", draw);
let drawnIn = zone();
$("zone").addEventListener("change", () => {
  // What was drawn stays where it lies on the ground; its figures change.
  const moved = parts.map((part) => part.map((corner) => cornerOf(placeOf(corner, drawnIn), zone())));
  drawnIn = zone();
  rings = shapes.flatMap((shape) => ringsOf(shape.geometry, zone(), shape.text));
  change(moved);
});
$("layer")?.addEventListener("change", async () => {
  // Another layer has other attributes; the corners stay.
  const answer = await fetch(`/draw?layer=${$("layer").value}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const typed = new Map([...new FormData(form)].filter(([name]) => name.startsWith("f.")));
  for (const id of ["fields", "kind"]) $(id).replaceChildren(...page.getElementById(id).childNodes);
  for (const [name, value] of typed) {
    const field = form.elements[name];
    if (field && !(field instanceof RadioNodeList) && field.type !== "checkbox") field.value = value;
  }
  draw();
});
let sent = false;
form.addEventListener("submit", () => { sent = true; });
addEventListener("beforeunload", (event) => {
  if (!sent && steps.past.length) event.preventDefault();
});

map.on("moveend", () => {
  look();
  const { lng, lat } = map.getCenter();
  form.elements.at.value = [map.getZoom().toFixed(2), lat.toFixed(5), lng.toFixed(5)].join("/");
});
map.getCanvas().setAttribute("aria-label", say("map.title"));
read();
await look();
window.minerisk = { map };
