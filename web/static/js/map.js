// The risk map. Its whole state (place, line, hazard, date, layers, chosen mine) stands in the
// address, so that any view is a link.

import { GROUPS, chart, chooseMine, paintMines, paintPonds, show } from "./chart.js";
import { say } from "./page.js";

const $ = (id) => document.getElementById(id);
const form = $("view");
const ALL = Object.keys(GROUPS);
const SHOWN = ["mines", "unclear", "plan", "factors", "ponds", "zones"];

// --- the state and the address -------------------------------------------------------------------

function read() {
  const asked = new URLSearchParams(location.search);
  const layers = asked.has("layers") ? asked.get("layers").split(",").filter((l) => ALL.includes(l)) : SHOWN;
  const at = (asked.get("at") ?? "").split("/").map(Number);
  return {
    line: asked.get("line") ?? "effective",
    hazard: asked.get("hazard") ?? "",
    as_of: asked.get("as_of") ?? "",
    layers,
    mine: asked.get("mine") ?? "",
    pond: asked.get("pond") ?? "",
    at: at.length === 3 && at.every(Number.isFinite) ? at : null,
  };
}

const view = read();
let map;
let state = { mines: [], ponds: [], bounds: null };

function write() {
  const asked = new URLSearchParams();
  for (const name of ["line", "hazard", "as_of", "mine", "pond"]) {
    if (view[name] && !(name === "line" && view.line === "effective")) asked.set(name, view[name]);
  }
  if (view.layers.join() !== SHOWN.join()) asked.set("layers", view.layers.join(","));
  if (view.at) asked.set("at", view.at.join("/"));
  const text = asked.toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

function fillForm() {
  form.elements.line.value = view.line;
  form.elements.hazard.value = view.hazard;
  form.elements.as_of.value = view.as_of;
  for (const box of form.querySelectorAll('[name="layers"]')) box.checked = view.layers.includes(box.value);
}

// --- the grades ----------------------------------------------------------------------------------

const question = () => new URLSearchParams({
  line: view.line,
  ...(view.hazard && { hazard: view.hazard }),
  ...(view.as_of && { as_of: view.as_of }),
});

async function loadState() {
  $("waiting").hidden = false;
  $("waiting").textContent = say("map.loading");
  const answer = await fetch(`/map/state.json?${question()}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    $("waiting").textContent = say("map.failed");
    return;
  }
  state = await answer.json();
  paintMines(map, state);
  paintPonds(map, state.ponds);
  for (const mark of document.querySelectorAll("[data-count]")) {
    const n = state.mines.filter((mine) => mine.colour === mark.dataset.count).length;
    mark.textContent = n ? say("map.mines", { n }) : "";
  }
  for (const mark of document.querySelectorAll("[data-ponds]")) {
    const n = state.ponds.filter((pond) => pond.mark.endsWith(mark.dataset.ponds)).length;
    mark.textContent = n ? say("map.mines", { n }) : "";
  }
  const what = [
    form.elements.hazard.selectedOptions[0].textContent,
    form.elements.line.selectedOptions[0].textContent,
    state.on,
  ].join(" · ");
  $("legend-of").textContent = `· ${what}`;
  $("printed-what").textContent = say("map.printed", { what, version: state.version });
  $("waiting").hidden = state.mines.length + state.ponds.length > 0;
  if (!state.mines.length && !state.ponds.length) $("waiting").textContent = say(state.bounds ? "map.no_grades" : "map.empty");
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
  const said = await fetch(`${path}?${question()}`);
  const html = await said.text();
  // An older answer that comes late must not cover a newer one.
  if (mark !== asked) return;
  openAnswer(html, also);
  if (mine && (move || narrow())) {
    // On a phone the answer lies over the lower part of the map: the mine goes above it.
    const under = narrow() ? $("answer").offsetHeight : 0;
    const padding = narrow() ? { top: 70, left: 30, right: 60, bottom: under + 20 } : 60;
    map.fitBounds(mine.bounds, { padding, maxZoom: 14, animate: move && !calm() });
  }
}

function openAnswer(html, also) {
  const panel = $("answer");
  panel.innerHTML = html;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "small close";
  close.textContent = say("close");
  close.addEventListener("click", closeAnswer);
  panel.prepend(close);
  if (also.length) {
    const list = document.createElement("ul");
    for (const text of also) {
      const item = document.createElement("li");
      item.textContent = text;
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
  if (feature.source === "unclear") return say("map.at_unclear");
  if (feature.source === "zones") return p.kind === "no_build" ? say("map.at_no_build") : say("map.at_strip", { pond: p.pond_code });
  if (feature.source === "ponds") return say("map.at_pond_layer", { kind: say(`layer.${p.layer}`), name });
  if (feature.source === "plan") return say("map.at_plan", { name: name || p.item || "", start: p.start ?? "?", end: p.end ?? "?" });
  if (feature.source === "factors") {
    return say("map.at_factor", {
      kind: say(`layer.${p.layer}`), name,
      verification: say(`verification.${p.verification ?? "unclear"}`),
    });
  }
  return null;
}

function ask(at) {
  const near = [[at.x - 4, at.y - 4], [at.x + 4, at.y + 4]];
  const hits = map.queryRenderedFeatures(near, {
    layers: ["ponds-mark", "ponds-fill", "ponds-toe", "ponds-point", "zones-ban", "zones-strip", "mines-mark", "mines-fill", "unclear-fill", "plan-fill", "factors-fill", "factors-water", "factors-goaf", "factors-line", "factors-guessed", "factors-point"],
  });
  const mine = hits.find((hit) => hit.source === "mines" || hit.source === "marks");
  const also = [...new Set(hits.map(layerText).filter(Boolean))].slice(0, 12);
  const pond = hits.find((hit) => hit.source === "pond-marks" || (hit.source === "ponds" && hit.properties.layer === "pond"));
  if (pond && (!mine || pond.source === "pond-marks")) answerPond(pond.properties.pond_code, false, also);
  else if (mine) answerMine(mine.properties.mine_code, false, also);
  else if (also.length) openAnswer(`<h2>${say("map.here")}</h2>`, also);
}

// --- finding ------------------------------------------------------------------------------------

function find() {
  const wanted = $("find").value.trim().toLowerCase();
  const list = $("found");
  list.replaceChildren();
  list.hidden = !wanted;
  if (!wanted) return;
  const hits = [...state.mines, ...state.ponds]
    .filter((one) => one.name.toLowerCase().includes(wanted) || one.code.toLowerCase().includes(wanted))
    .slice(0, 30);
  for (const mine of hits) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const swatch = document.createElement("i");
    swatch.className = mine.mark ? `pond-mark ${mine.mark}` : `swatch ${mine.colour}`;
    swatch.setAttribute("aria-hidden", "true");
    const code = document.createElement("span");
    code.className = "code small";
    code.textContent = mine.code;
    button.append(swatch, `${mine.name} · ${mine.label}`, code);
    button.addEventListener("click", () => {
      list.hidden = true;
      if (mine.mark) answerPond(mine.code, true);
      else answerMine(mine.code, true);
    });
    item.append(button);
    list.append(item);
  }
  if (!hits.length) {
    const item = document.createElement("li");
    item.className = "small muted";
    item.textContent = say("map.not_found");
    list.append(item);
  }
}

function closeSide() {
  $("side").classList.remove("open");
  $("open-side").setAttribute("aria-expanded", "false");
}

const narrow = () => matchMedia("(max-width: 720px)").matches;
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// --- start --------------------------------------------------------------------------------------

fillForm();
const start = view.at
  ? { zoom: view.at[0], center: [view.at[2], view.at[1]] }
  : { zoom: 8, center: [112.7, 38.9] };
map = await chart($("map"), { ...start, keyboard: true });
// The tests, and anyone at the console, ask the map itself.
window.minerisk = { map };
for (const layer of ALL) show(map, layer, view.layers.includes(layer));

await loadState();
if (!view.at) {
  const mine = state.mines.find((m) => m.code === view.mine) ?? state.ponds.find((p) => p.code === view.pond);
  const bounds = mine?.bounds ?? state.bounds;
  if (bounds && !(mine && narrow())) {
    // Names stand beside the marks, so there must be room for them.
    const around = narrow() ? { top: 80, left: 70, right: 80, bottom: 50 } : { top: 60, left: 100, right: 140, bottom: 50 };
    map.fitBounds(bounds, { padding: mine ? 80 : around, maxZoom: 14, animate: false });
  }
}

map.on("moveend", () => {
  const { lng, lat } = map.getCenter();
  view.at = [map.getZoom().toFixed(2), lat.toFixed(5), lng.toFixed(5)];
  write();
});
map.on("click", (event) => ask(event.point));
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key === "Enter") ask(map.project(map.getCenter()));
});
for (const id of ["mines-fill", "mines-mark", "ponds-mark", "ponds-fill"]) {
  map.on("mouseenter", id, () => { map.getCanvas().style.cursor = "pointer"; });
  map.on("mouseleave", id, () => { map.getCanvas().style.cursor = ""; });
}
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("answer").hidden) closeAnswer();
});

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", async (event) => {
  view.line = form.elements.line.value;
  view.hazard = form.elements.hazard.value;
  view.as_of = form.elements.as_of.value;
  view.layers = ALL.filter((layer) => form.querySelector(`[name="layers"][value="${layer}"]`).checked);
  write();
  if (event.target.name === "layers") show(map, event.target.value, event.target.checked);
  else await loadState();
});
$("find").addEventListener("input", find);
$("open-side").addEventListener("click", () => {
  const open = $("side").classList.toggle("open");
  $("open-side").setAttribute("aria-expanded", String(open));
});
$("print").addEventListener("click", () => print());
// Paper is another size than the screen.
for (const moment of ["beforeprint", "afterprint"]) addEventListener(moment, () => map.resize());
$("share").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    $("shared").textContent = say("map.copied");
  } catch {
    $("shared").textContent = location.href;
  }
});
map.getCanvas().setAttribute("aria-label", say("map.title"));
