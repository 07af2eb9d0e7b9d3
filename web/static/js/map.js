// The risk map. Its whole state (place, line, hazard, day, filters, layers, chosen mine, what was
// measured and looked up) stands in the address, so that any view is a link.

import { GROUPS, WATER_LINES, chart, chooseMine, comeNearer, paintMines, setBase, setKinds, setOwners, setTimes, show } from "./chart.js";
import { areaOf, gridText, lengthOf, metres } from "./metric.js";
import { say } from "./page.js";
import { paintPonds } from "./pond_marks.js";

const $ = (id) => document.getElementById(id);
const form = $("view");
const ALL = Object.keys(GROUPS);
const SHOWN = ["mines", "unclear", "plan", "factors", "water_lines", "ponds", "zones"];
const CHOICES = ["line", "hazard", "as_of", "district", "kind", "source"];
const KINDS = [...form.querySelectorAll('[name="kinds"]')].map((box) => box.value);

const under = (name) => JSON.parse($("map").dataset[name] ?? "null");
const BASES = { ground: under("ground"), online: under("online") };

// --- the state and the address -------------------------------------------------------------------

const pair = (text) => text.split(",").map(Number);
const isPlace = (place) => place.length === 2 && place.every(Number.isFinite)
  && Math.abs(place[0]) <= 180 && Math.abs(place[1]) < 86;

function read() {
  const asked = new URLSearchParams(location.search);
  const layers = asked.has("layers") ? asked.get("layers").split(",").filter((l) => ALL.includes(l)) : SHOWN;
  const at = (asked.get("at") ?? "").split("/").map(Number);
  const pin = pair(asked.get("pin") ?? "");
  return {
    line: "effective",
    ...Object.fromEntries(CHOICES.filter((name) => asked.get(name)).map((name) => [name, asked.get(name)])),
    known: asked.get("known") === "now" ? "now" : "",
    layers,
    kinds: asked.has("kinds") ? asked.get("kinds").split(",").filter((k) => KINDS.includes(k)) : KINDS,
    mine: asked.get("mine") ?? "",
    pond: asked.get("pond") ?? "",
    base: BASES[asked.get("base")] ? asked.get("base") : "",
    pin: isPlace(pin) ? pin : null,
    measure: (asked.get("measure") ?? "").split(";").map(pair).filter(isPlace),
    at: at.length === 3 && at.every(Number.isFinite) && isPlace([at[2], at[1]]) ? at : null,
  };
}

const view = read();
let map;
let state = { mines: [], ponds: [], bounds: null };
let measuring = view.measure.length > 0;

function write() {
  const asked = new URLSearchParams();
  for (const name of [...CHOICES, "known", "mine", "pond", "base"]) {
    if (view[name] && !(name === "line" && view.line === "effective")) asked.set(name, view[name]);
  }
  if (view.layers.join() !== SHOWN.join()) asked.set("layers", view.layers.join(","));
  if (view.kinds.length < KINDS.length) asked.set("kinds", view.kinds.join(","));
  if (view.pin) asked.set("pin", view.pin.join(","));
  if (view.measure.length) asked.set("measure", view.measure.map((p) => p.join(",")).join(";"));
  if (view.at) asked.set("at", view.at.join("/"));
  const text = asked.toString().replaceAll("%2F", "/").replaceAll("%2C", ",").replaceAll("%3B", ";");
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

const DAY = 86400000;
const today = Date.parse($("slide").dataset.today);

function fillForm() {
  for (const name of CHOICES) form.elements[name].value = view[name] ?? "";
  form.elements.known.checked = view.known === "now";
  form.elements.known.disabled = !view.as_of;
  if (form.elements.base) form.elements.base.value = view.base;
  $("slide").value = view.as_of ? Math.round((Date.parse(view.as_of) - today) / DAY) : 0;
  $("slide").setAttribute("aria-valuetext", view.as_of || $("slide").dataset.today);
  for (const box of form.querySelectorAll('[name="layers"]')) box.checked = view.layers.includes(box.value);
  for (const box of form.querySelectorAll('[name="kinds"]')) box.checked = view.kinds.includes(box.value);
}

// What the tiles are asked: a day sets both times, unless what we know now is wanted.
const times = () => (view.as_of ? { [view.known ? "valid_on" : "as_of"]: view.as_of } : {});

// --- the grades ----------------------------------------------------------------------------------

const question = () => new URLSearchParams(
  [...CHOICES, "known"].filter((name) => view[name]).map((name) => [name, view[name]]),
);

let loads = 0;
const askState = () => fetch(`/map/state.json?${question()}`, { headers: { Accept: "application/json" } });

async function loadState(asked = askState()) {
  loads += 1;
  const load = loads;
  $("waiting").hidden = false;
  $("waiting").textContent = say("map.loading");
  const answer = await asked;
  if (!answer.ok) {
    $("waiting").replaceChildren(...await refusal(answer, say("map.failed")));
    return;
  }
  const told = await answer.json();
  // The slider asks faster than it is answered; only the last answer is drawn.
  if (load !== loads) return;
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
  if (view.mine) await answerMine(view.mine, false);
  else if (view.pond) await answerPond(view.pond, false);
}

// --- why ----------------------------------------------------------------------------------------

let asked = 0;

async function answerMine(code, move, also = []) {
  view.mine = code;
  view.pond = "";
  chooseMine(map, code);
  const path = `/map/mines/${encodeURIComponent(code)}`;
  await answer(path, state.mines.find((m) => m.code === code), move, also);
}

async function answerPond(code, move, also = []) {
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

// What to show of an answer that is none: where to sign in again, else the server's own sentence.
async function refusal(answer, otherwise) {
  const text = document.createElement("p");
  if (answer.status === 401) {
    const link = document.createElement("a");
    link.href = `/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`;
    link.textContent = say("map.sign_in");
    text.textContent = say("map.signed_out");
    return [text, link];
  }
  // A proxy's page is no sentence.
  const told = await answer.json().catch(() => ({}));
  text.textContent = told.message ?? otherwise;
  return [text];
}

// `told` is the server's part of a page, or what was made here.
function openAnswer(told, also) {
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

function closeAnswer() {
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

function layerText(feature) {
  const p = feature.properties;
  const name = p.name ?? "";
  if (feature.source === "unclear") {
    const kinds = (p.kinds ?? "").match(/\w+/g) ?? [];
    const comma = document.documentElement.lang === "en" ? ", " : "、";
    return say("map.at_unclear", { kinds: kinds.map((kind) => say(`layer.${kind}`)).join(comma) });
  }
  if (feature.source === "water_lines") return say("map.at_water_line", { line: say(WATER_LINES[p.layer]), name: name || say("layer.goaf"), metres: Math.round(p.beyond_m) });
  if (feature.source === "models") return say(p.in_force ? "map.at_model" : "map.at_model_idle", { source: p.source, dated: p.dated });
  if (feature.source === "zones") return say(`map.at_${p.kind}`, { pond: p.pond_code ?? "" });
  if (feature.source === "ponds") return say("map.at_pond_layer", { kind: say(`layer.${p.layer}`), name });
  if (feature.source === "extents") return say("map.at_extent", { mine: p.mine_code ?? "" });
  if (feature.source === "plan") return say("map.at_plan", { name: name || p.item || "", start: p.start ?? "?", end: p.end ?? "?" });
  if (feature.source === "factors") {
    return say("map.at_factor", {
      kind: say(`layer.${p.layer}`), name,
      verification: say(`verification.${p.verification ?? "unclear"}`),
    });
  }
  return null;
}

// What stands accepted may be corrected by drawing it anew.
const drawnId = ({ source, properties }) => (
  ["plan", "factors", "extents"].includes(source) && properties.state === "accepted" ? properties.id : null
);

function ask(at) {
  const near = [[at.x - 4, at.y - 4], [at.x + 4, at.y + 4]];
  const hits = map.queryRenderedFeatures(near, {
    layers: ["ponds-mark", "ponds-together", "ponds-fill", "ponds-toe", "ponds-point", "zones-ban", "zones-undecided", "zones-prohibited", "zones-strip", "zones-bank", "mines-gathered", "mines-mark", "mines-fill", "unclear-fill", "extents-line", "plan-fill", "plan-line", "factors-fill", "factors-water", "factors-goaf", "factors-line", "factors-guessed", "factors-point", ...GROUPS.water_lines, "models-line", "models-idle"],
  });
  const mark = hits.find((hit) => hit.properties.cluster);
  if (mark) {
    comeNearer(map, mark, !calm());
    return;
  }
  const mine = hits.find((hit) => hit.source === "mines" || hit.source === "marks");
  const also = [...new Map(hits.map((hit) => [layerText(hit), drawnId(hit)]).filter(([text]) => text))].slice(0, 12);
  const pond = hits.find((hit) => hit.source === "pond-marks" || (hit.source === "ponds" && hit.properties.layer === "pond"));
  if (pond && (!mine || pond.source === "pond-marks")) answerPond(pond.properties.pond_code, false, also);
  else if (mine) answerMine(mine.properties.mine_code, false, also);
  else if (also.length) openAnswer(`<h2>${say("map.here")}</h2>`, also);
}

// --- finding ------------------------------------------------------------------------------------

let finds = 0;
let typing;

async function find() {
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

function putPin(at) {
  view.pin = at;
  map.getSource("places").setData({
    type: "FeatureCollection",
    features: at ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: at } }] : [],
  });
  write();
}

// --- measuring ----------------------------------------------------------------------------------

function drawMeasure() {
  const places = view.measure;
  const feature = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });
  const features = places.map((place) => feature("Point", place));
  if (places.length > 1) features.push(feature("LineString", places));
  if (places.length > 2) features.push(feature("Polygon", [[...places, places[0]]]));
  map.getSource("measure").setData({ type: "FeatureCollection", features });
  $("measure").setAttribute("aria-pressed", String(measuring));
  const box = $("measured");
  box.hidden = !measuring;
  if (!measuring) return;
  const text = document.createElement("p");
  text.textContent = places.length < 2 ? say("map.measure_how") : say("map.measured", { length: metres(lengthOf(places)) });
  box.replaceChildren(text);
  if (places.length > 2) {
    const area = document.createElement("p");
    area.textContent = say("map.measured_area", { area: (areaOf(places) / 10000).toFixed(2) });
    box.append(area);
  }
  const button = (words, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "small";
    made.textContent = words;
    made.addEventListener("click", act);
    return made;
  };
  const row = document.createElement("div");
  row.className = "buttons";
  if (places.length) row.append(button(say("map.measure_back"), () => setMeasure(places.slice(0, -1))));
  row.append(button(say("map.measure_end"), () => { measuring = false; setMeasure([]); }));
  box.append(row);
}

function setMeasure(places) {
  view.measure = places.map(([lon, lat]) => [Number(lon.toFixed(6)), Number(lat.toFixed(6))]);
  write();
  drawMeasure();
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

function closeSide() {
  $("side").classList.remove("open");
  $("open-side").setAttribute("aria-expanded", "false");
}

const narrow = () => matchMedia("(max-width: 720px)").matches;
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// --- start --------------------------------------------------------------------------------------

fillForm();
// Names stand beside the marks, so there must be room for them.
const around = () => (narrow() ? { top: 90, left: 56, right: 64, bottom: 50 } : { top: 60, left: 100, right: 140, bottom: 50 });
const whole = JSON.parse($("map").dataset.bounds);
// Where the map will rest it begins, so that no tile is asked for twice; grades are asked meanwhile.
const first = askState();
const start = view.at
  ? { zoom: view.at[0], center: [view.at[2], view.at[1]] }
  : whole ? { bounds: whole, fitBoundsOptions: { padding: around(), maxZoom: 14 } } : { zoom: 8, center: [112.7, 38.9] };
map = await chart($("map"), { ...start, keyboard: true, times: times(), shown: view.layers });
if (view.kinds.length < KINDS.length) setKinds(map, view.kinds);
if (view.base) setBase(map, BASES[view.base]);
if (view.pin) putPin(view.pin);
drawMeasure();

await loadState(first);
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
  if (measuring) {
    measuring = false;
    setMeasure([]);
  } else if (!$("answer").hidden) closeAnswer();
});

let due;

async function changed() {
  write();
  fillForm();
  setTimes(map, $("map").dataset.version, times());
  await loadState();
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
  measuring = !measuring;
  map.getCanvas().style.cursor = measuring ? "crosshair" : "";
  if (measuring) closeSide();
  setMeasure([]);
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
