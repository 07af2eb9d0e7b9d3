// The map itself. The map page, the evidence map of a mine and the places of a row report are the
// same chart with different layers on.

import { AttributionControl, Map, NavigationControl } from "../vendor/maplibre-gl/maplibre-gl.mjs";
import { GRAVEST, GROUPS, TILED, address, both, style } from "./chart_style.js";
import { ScaleBar, grid } from "./grid.js";
import { say } from "./page.js";
import { addPatterns } from "./patterns.js";

// A layer that is hidden from the beginning asks for no tiles.
function hiding(whole, shown) {
  const hidden = new Set(Object.keys(GROUPS).filter((group) => !shown.includes(group)).flatMap((group) => GROUPS[group]));
  for (const layer of whole.layers) {
    if (hidden.has(layer.id)) layer.layout = { ...layer.layout, visibility: "none" };
  }
  return whole;
}

/** Draw a chart in `container` with some groups shown; resolves when its style stands. `options` go to MapLibre. */
export function chart(container, { times = {}, shown = Object.keys(GROUPS), ...options } = {}) {
  const map = new Map({
    container,
    style: hiding(style(container.dataset.version ?? "0", times), shown),
    localIdeographFontFamily: '"Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif',
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxZoom: 19,
    // Printing reads the drawn picture back. Lines and edges are smoothed by MapLibre itself; doing it
    // again, and fading names in, costs an office machine without a graphics card seconds.
    canvasContextAttributes: { preserveDrawingBuffer: true, antialias: false },
    fadeDuration: 0,
    locale: {
      "NavigationControl.ZoomIn": say("map.zoom_in"),
      "NavigationControl.ZoomOut": say("map.zoom_out"),
      "Map.Title": say("map.title"),
    },
    ...options,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new ScaleBar(), "bottom-right");
  map.addControl(new AttributionControl({ compact: false, customAttribution: say("map.source") }), "bottom-left");
  return new Promise((resolve) => {
    map.once("style.load", () => {
      addPatterns(map);
      grid(map);
      map.on("moveend", () => grid(map));
      resolve(map);
    });
  });
}

/** Paint the mines of `state` (see /map/state.json) on `map`. */
export function paintMines(map, state) {
  const groups = Object.fromEntries(GRAVEST.map((colour) => [colour, []]));
  for (const mine of state.mines) groups[mine.colour].push(mine.code);
  const cases = GRAVEST.filter((colour) => groups[colour].length)
    .flatMap((colour) => [groups[colour], `fill-${colour}`]);
  map.setPaintProperty("mines-fill", "fill-pattern",
    cases.length ? ["match", ["get", "mine_code"], ...cases, "fill-plain"] : "fill-plain");
  map.getSource("marks").setData({
    type: "FeatureCollection",
    features: state.mines.map((mine) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: mine.at },
      properties: { mine_code: mine.code, name: mine.name, label: mine.label, colour: mine.colour, order: GRAVEST.indexOf(mine.colour) },
    })),
  });
}

/** Outline one mine, or none. */
export function chooseMine(map, code) {
  for (const id of ["chosen-halo", "chosen-line"]) map.setFilter(id, ["==", ["get", "mine_code"], code ?? ""]);
}

/** Come so near that what a gathered mark stands for lies apart. */
export async function comeNearer(map, mark, animate) {
  const zoom = await map.getSource(mark.source).getClusterExpansionZoom(mark.properties.cluster_id);
  map.easeTo({ center: mark.geometry.coordinates, zoom, animate });
}

export function show(map, group, visible) {
  for (const id of GROUPS[group]) map.setLayoutProperty(id, "visibility", visible ? "visible" : "none");
}

/** Ask every source for another day: `times` goes to the tiles as it is. */
export function setTimes(map, version, times) {
  for (const layer of TILED) map.getSource(layer).setTiles([address(layer, version, times)]);
}

// Style layers of tiles that name their mine, or their pond, and what is asked of them.
const MINED = ["unclear", "plan", "factors", "extents", "encounters"];
const OF_PONDS = ["ponds", "zones"];
const asked = { kinds: null, mines: null, ponds: null };
const bases = {};

// What belongs to nobody in particular stays.
const among = (name, codes) => ["any", ["!", ["has", name]], ["match", ["get", name], codes.length ? codes : [""], true, false]];

function narrow(map) {
  for (const group of [...MINED, ...OF_PONDS]) {
    for (const id of GROUPS[group]) {
      if (map.getLayer(id).source === "pond-marks") continue;
      if (!(id in bases)) bases[id] = map.getFilter(id) ?? null;
      const tests = [bases[id]];
      if (group === "factors" && asked.kinds) tests.push(["match", ["get", "layer"], asked.kinds.length ? asked.kinds : [""], true, false]);
      if (MINED.includes(group) && asked.mines) tests.push(among("mine_code", asked.mines));
      if (OF_PONDS.includes(group) && asked.ponds) tests.push(among("pond_code", asked.ponds));
      const all = tests.filter(Boolean);
      map.setFilter(id, all.length > 1 ? both(...all) : all[0] ?? null);
    }
  }
}

/** Draw only some kinds of factors; all where `kinds` is null. */
export function setKinds(map, kinds) {
  asked.kinds = kinds;
  narrow(map);
}

/** Draw only the ground of some mines and ponds; of all where null. */
export function setOwners(map, mines, ponds) {
  if (!mines && !ponds && !asked.mines && !asked.ponds) return;
  Object.assign(asked, { mines, ponds });
  narrow(map);
}
