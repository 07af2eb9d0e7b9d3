// How the chart is drawn: its sources, and every style layer with its colours, widths and labels.

import { say, words } from "./page.js";
import { pondLayers, pondSource } from "./pond_marks.js";

export const dark = document.documentElement.dataset.theme === "dark";
export const PAPER = dark ? "#202a2e" : "#eef1ef";
const INK = dark ? "#e6ecec" : "#1b2427";
const HALO = dark ? "#12191c" : "#ffffff";
const WATER = dark ? "#9cc4f2" : "#1d4f91";
const FAINT = dark ? "#3b4a50" : "#c9d1ce";
export const FONT = ["Noto Sans CJK SC"];

/** Layers a reader can switch, in the order of the panel, with the style layers behind each. */
export const GROUPS = {
  mines: ["mines-fill", "mines-line", "mines-name", "mines-mark", "mines-gathered"],
  unclear: ["unclear-fill", "unclear-line"],
  plan: ["plan-fill", "plan-line", "plan-label", "plan-gathered", "plan-count"],
  factors: ["factors-fill", "factors-water", "factors-goaf", "factors-line", "factors-guessed", "factors-point", "factors-label", "factors-gathered", "factors-count"],
  water_lines: ["water_lines-water", "water_lines-search", "water_lines-warning", "water_lines-label"],
  extents: ["extents-line", "extents-gathered", "extents-count"],
  encounters: ["encounters-fill", "encounters-line"],
  ponds: ["ponds-fill", "ponds-line", "ponds-toe", "ponds-point", "ponds-label", "ponds-gathered", "ponds-count", "ponds-name", "ponds-mark", "ponds-together"],
  zones: ["zones-bank", "zones-undecided", "zones-ban", "zones-prohibited", "zones-prohibited-line", "zones-strip", "zones-line", "zones-label", "paths-line"],
  models: ["models-line", "models-idle", "models-label"],
};

/** What each line of old-goaf water is called, from the water outwards. */
export const WATER_LINES = { water_line: "map.water_line", search_line: "map.search_line", warning_line: "map.warning_line" };

// Vector tile layers: one per group, and the flow paths beside the zones.
export const TILED = [...Object.keys(GROUPS), "paths"];

export const address = (layer, version, times) => {
  const asked = new URLSearchParams({ v: version, ...times });
  return `${location.origin}/api/v1/tiles/${layer}/{z}/{x}/{y}.mvt?${asked}`;
};
const tiles = (layer, version, times) => ({
  type: "vector", tiles: [address(layer, version, times)], minzoom: 0, maxzoom: 14,
});

const polygon = ["==", ["geometry-type"], "Polygon"];
const line = ["==", ["geometry-type"], "LineString"];
const point = ["==", ["geometry-type"], "Point"];
const prohibited = ["==", ["get", "layer"], "prohibited_area"];
const provisional = ["==", ["get", "state"], "submitted"];
const guessed = ["match", ["coalesce", ["get", "verification"], ""], ["inferred", "unclear"], true, false];
const NONE = ["==", ["get", "mine_code"], ""];
export const both = (...tests) => ["all", ...tests];
// The outline of a polygon of a few pixels would hide its fill, and take half the time of drawing.
const outlined = ["!", ["has", "small"]];
const several = ["has", "point_count"];

// From the gravest: unknown is never low, so that where the others are low it is what stands out.
export const GRAVEST = ["red", "orange", "yellow", "grey", "blue"];

/** Return the whole style of the chart: its sources ask for the tiles of `version` at `times`. */
export function style(version, times) {
  const empty = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
  return {
    version: 8,
    sources: {
      ...Object.fromEntries(TILED.map((layer) => [layer, tiles(layer, version, times)])),
      grid: empty,
      // Far out one mark stands for the mines of a place: the gravest colour, how many, how many undetermined.
      marks: {
        ...empty, cluster: true, clusterMaxZoom: MARKS_BELOW - 1, clusterRadius: 32,
        clusterProperties: {
          order: ["min", ["get", "order"]],
          unknown: ["+", ["case", ["==", ["get", "colour"], "grey"], 1, 0]],
        },
      },
      "pond-marks": pondSource(MARKS_BELOW),
      places: empty,
      measure: empty,
    },
    layers: [
      { id: "paper", type: "background", paint: { "background-color": PAPER } },
      { id: "grid", type: "line", source: "grid", filter: line, paint: { "line-color": FAINT, "line-width": 0.75 } },
      { id: "mines-fill", type: "fill", source: "mines", "source-layer": "mines", filter: polygon, paint: { "fill-antialias": false, "fill-pattern": "fill-plain", "fill-opacity": 0.78 } },
      { id: "plan-fill", type: "fill", source: "plan", "source-layer": "plan", filter: polygon, paint: { "fill-color": "#ffffff", "fill-opacity": 0.55 } },
      { id: "zones-bank", type: "fill", source: "zones", "source-layer": "zones", filter: both(polygon, ["==", ["get", "kind"], "bank"]), paint: { "fill-color": dark ? "#9fd0d8" : "#24525c", "fill-opacity": 0.1 } },
      { id: "zones-undecided", type: "fill", source: "zones", "source-layer": "zones", filter: both(polygon, ["==", ["get", "kind"], "undecided"]), paint: { "fill-antialias": false, "fill-pattern": "undecided", "fill-opacity": 0.75 } },
      { id: "zones-ban", type: "fill", source: "zones", "source-layer": "zones", filter: both(polygon, ["==", ["get", "kind"], "no_build"]), paint: { "fill-antialias": false, "fill-pattern": "no-build", "fill-opacity": 0.75 } },
      { id: "zones-prohibited", type: "fill", source: "ponds", "source-layer": "ponds", filter: both(polygon, prohibited), paint: { "fill-antialias": false, "fill-pattern": "prohibited", "fill-opacity": 0.85 } },
      { id: "zones-prohibited-line", type: "line", source: "ponds", "source-layer": "ponds", filter: both(polygon, prohibited), paint: { "line-color": dark ? "#e79ab2" : "#8c1d40", "line-width": 2 } },
      { id: "zones-strip", type: "fill", source: "zones", "source-layer": "zones", filter: both(polygon, ["==", ["get", "kind"], "strip"]), paint: { "fill-antialias": false, "fill-pattern": "strip", "fill-opacity": 0.75 } },
      { id: "zones-line", type: "line", source: "zones", "source-layer": "zones", filter: polygon, paint: { "line-color": INK, "line-width": 0.75, "line-dasharray": [4, 2] } },
      { id: "unclear-fill", type: "fill", source: "unclear", "source-layer": "unclear", filter: polygon, paint: { "fill-antialias": false, "fill-pattern": "hatch", "fill-opacity": 0.9 } },
      { id: "unclear-line", type: "line", source: "unclear", "source-layer": "unclear", filter: polygon, paint: { "line-color": INK, "line-width": 1, "line-dasharray": [1, 2] } },
      { id: "factors-fill", type: "fill", source: "factors", "source-layer": "factors", filter: both(polygon, ["!", ["match", ["get", "layer"], ["goaf", "surface_water", "aquifer"], true, false]]), paint: { "fill-antialias": false, "fill-pattern": "crosses", "fill-opacity": 0.8 } },
      { id: "factors-water", type: "fill", source: "factors", "source-layer": "factors", filter: both(polygon, ["match", ["get", "layer"], ["surface_water", "aquifer"], true, false]), paint: { "fill-antialias": false, "fill-pattern": "water", "fill-opacity": 0.9 } },
      { id: "factors-goaf", type: "fill", source: "factors", "source-layer": "factors", filter: both(polygon, ["==", ["get", "layer"], "goaf"]), paint: { "fill-antialias": false, "fill-pattern": "goaf", "fill-opacity": 0.9 } },
      { id: "factors-line", type: "line", source: "factors", "source-layer": "factors", filter: both(["!", point], outlined, ["!", guessed], ["!", provisional]), paint: { "line-color": INK, "line-width": ["match", ["get", "layer"], "fault", 2.5, 1.25] } },
      { id: "factors-guessed", type: "line", source: "factors", "source-layer": "factors", filter: both(["!", point], outlined, ["any", guessed, provisional]), paint: { "line-color": INK, "line-width": ["match", ["get", "layer"], "fault", 2.5, 1.5], "line-dasharray": [3, 2] } },
      ...[["water", null, 2.5], ["search", [5, 2.5], 1.75], ["warning", [0.2, 2.2], 2]].map(([kind, dashes, width]) => ({
        id: `water_lines-${kind}`, type: "line", source: "water_lines", "source-layer": "water_lines", minzoom: LINES_FROM,
        filter: ["==", ["get", "layer"], `${kind}_line`], layout: { "line-cap": kind === "warning" ? "round" : "butt" },
        paint: { "line-color": WATER, "line-width": width, ...(dashes ? { "line-dasharray": dashes } : {}) },
      })),
      { id: "plan-line", type: "line", source: "plan", "source-layer": "plan", filter: both(["!", point], outlined), paint: { "line-color": INK, "line-width": 1.5 } },
      { id: "extents-line", type: "line", source: "extents", "source-layer": "extents", filter: ["!", point], paint: { "line-color": dark ? "#9fd0d8" : "#24525c", "line-width": 2, "line-dasharray": [6, 2, 1, 2] } },
      { id: "encounters-fill", type: "fill", source: "encounters", "source-layer": "encounters", filter: polygon, paint: { "fill-color": INK, "fill-opacity": 0.22 } },
      { id: "encounters-line", type: "line", source: "encounters", "source-layer": "encounters", filter: ["!", point], paint: { "line-color": INK, "line-width": 3, "line-dasharray": [1, 0.6] } },
      { id: "ponds-fill", type: "fill", source: "ponds", "source-layer": "ponds", filter: both(polygon, ["!", prohibited], ["!=", ["get", "layer"], "rock_movement"]), paint: { "fill-color": ["match", ["get", "layer"], "pond", dark ? "#7a8f95" : "#9fb2b0", dark ? "#d8c9a0" : "#5a4a2a"], "fill-opacity": 0.75 } },
      { id: "ponds-line", type: "line", source: "ponds", "source-layer": "ponds", filter: both(["!", point], ["!", prohibited], ["!=", ["get", "layer"], "dam"]), paint: { "line-color": ["match", ["get", "layer"], ["drainage", "bank_line"], dark ? "#9fd0d8" : "#24525c", INK], "line-width": ["match", ["get", "layer"], "bank_line", 3, 1.25] } },
      { id: "ponds-toe", type: "line", source: "ponds", "source-layer": "ponds", filter: both(["!", point], ["==", ["get", "layer"], "dam"]), paint: { "line-color": INK, "line-width": 4 } },
      { id: "paths-line", type: "line", source: "paths", "source-layer": "paths", filter: line, paint: { "line-color": dark ? "#e79ab2" : "#8c1d40", "line-width": 2.5 } },
      { id: "models-line", type: "line", source: "models", "source-layer": "models", filter: ["get", "in_force"], paint: { "line-color": dark ? "#d8c9a0" : "#5a4a2a", "line-width": 2.5, "line-dasharray": [8, 2, 1, 2, 1, 2] } },
      { id: "models-idle", type: "line", source: "models", "source-layer": "models", filter: ["!", ["get", "in_force"]], paint: { "line-color": dark ? "#d8c9a0" : "#5a4a2a", "line-width": 1.25, "line-dasharray": [2, 3] } },
      { id: "mines-line", type: "line", source: "mines", "source-layer": "mines", filter: polygon, paint: { "line-color": INK, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.8, 13, 2] } },
      { id: "chosen-halo", type: "line", source: "mines", "source-layer": "mines", filter: NONE, paint: { "line-color": HALO, "line-width": 9 } },
      { id: "chosen-line", type: "line", source: "mines", "source-layer": "mines", filter: NONE, paint: { "line-color": INK, "line-width": 4 } },
      ...gathered("plan"),
      ...gathered("extents"),
      ...gathered("factors"),
      ...gathered("ponds"),
      { id: "ponds-point", type: "circle", source: "ponds", "source-layer": "ponds", minzoom: GATHERED_BELOW, filter: point, paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 2, 14, 5], "circle-color": dark ? "#d8c9a0" : "#5a4a2a", "circle-stroke-color": HALO, "circle-stroke-width": 1.5 } },
      { id: "factors-point", type: "circle", source: "factors", "source-layer": "factors", minzoom: GATHERED_BELOW, filter: point, paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 2, 13, 5], "circle-color": ["case", guessed, HALO, INK], "circle-stroke-color": INK, "circle-stroke-width": 1.5 } },
      {
        id: "plan-label", type: "symbol", source: "plan", "source-layer": "plan", minzoom: 12.5,
        layout: { "text-field": ["to-string", ["coalesce", ["get", "name"], ""]], "text-font": FONT, "text-size": 12 },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2.5 },
      },
      {
        id: "factors-label", type: "symbol", source: "factors", "source-layer": "factors", minzoom: 12.5,
        layout: { "text-field": factorText(), "text-font": FONT, "text-size": 12, "text-offset": [0, 0.9], "text-anchor": "top" },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2.5 },
      },
      {
        id: "water_lines-label", type: "symbol", source: "water_lines", "source-layer": "water_lines", minzoom: 13,
        layout: {
          "symbol-placement": "line", "text-field": ["match", ["get", "layer"], ...Object.entries(WATER_LINES).flatMap(([kind, name]) => [kind, say(name)]), ""],
          "text-font": FONT, "text-size": 11, "symbol-spacing": 320,
        },
        paint: { "text-color": WATER, "text-halo-color": HALO, "text-halo-width": 2 },
      },
      {
        id: "ponds-label", type: "symbol", source: "ponds", "source-layer": "ponds", minzoom: 13, filter: ["==", ["get", "layer"], "protected_object"],
        layout: { "text-field": ["to-string", ["coalesce", ["get", "name"], ""]], "text-font": FONT, "text-size": 12, "text-offset": [0, 0.8], "text-anchor": "top" },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2.5 },
      },
      {
        id: "models-label", type: "symbol", source: "models", "source-layer": "models",
        layout: { "symbol-placement": "line", "text-field": ["concat", ["get", "source"], " ", ["get", "dated"]], "text-font": FONT, "text-size": 12 },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2.5 },
      },
      {
        id: "zones-label", type: "symbol", source: "ponds", "source-layer": "ponds", minzoom: GATHERED_BELOW, filter: both(polygon, prohibited),
        layout: { "text-field": ["to-string", ["coalesce", ["get", "name"], say("layer.prohibited_area")]], "text-font": FONT, "text-size": 12 },
        paint: { "text-color": dark ? "#e79ab2" : "#8c1d40", "text-halo-color": HALO, "text-halo-width": 2.5 },
      },
      { id: "places-fill", type: "fill", source: "places", filter: polygon, paint: { "fill-color": INK, "fill-opacity": 0.12 } },
      { id: "places-line", type: "line", source: "places", filter: ["!", point], paint: { "line-color": INK, "line-width": 3 } },
      { id: "places-point", type: "circle", source: "places", filter: point, paint: { "circle-radius": 8, "circle-color": HALO, "circle-stroke-color": INK, "circle-stroke-width": 3 } },
      { id: "measure-fill", type: "fill", source: "measure", filter: polygon, paint: { "fill-color": INK, "fill-opacity": 0.12 } },
      { id: "measure-line", type: "line", source: "measure", filter: line, paint: { "line-color": INK, "line-width": 2.5, "line-dasharray": [2, 1] } },
      { id: "measure-point", type: "circle", source: "measure", filter: point, paint: { "circle-radius": 5, "circle-color": HALO, "circle-stroke-color": INK, "circle-stroke-width": 2 } },
      {
        id: "grid-label", type: "symbol", source: "grid", filter: point,
        layout: { "text-field": ["get", "text"], "text-font": FONT, "text-size": 11, "text-anchor": ["get", "anchor"], "text-offset": ["get", "offset"], "text-allow-overlap": true },
        paint: { "text-color": dark ? "#9fb0b6" : "#5e6c6b", "text-halo-color": PAPER, "text-halo-width": 2 },
      },
      ...pondLayers({ ink: INK, halo: HALO, font: FONT }),
      // Marks are placed before names (the upper layer goes first), so that names keep clear of them.
      {
        id: "mines-name", type: "symbol", source: "marks", filter: ["!", several],
        layout: {
          "text-field": ["format", ["get", "name"], { "font-scale": 1 }, "\n", {}, ["get", "label"], { "font-scale": 0.9 }],
          "text-font": FONT, "text-size": 13, "text-justify": "auto", "symbol-sort-key": ["get", "order"],
          "text-variable-anchor-offset": [
            "bottom-left", [0.95, -0.35], "bottom-right", [-0.95, -0.35], "bottom", [0, -2.1], "top-left", [0.95, 0.4], "top-right", [-0.95, 0.4],
          ],
        },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2 },
      },
      {
        id: "mines-mark", type: "symbol", source: "marks", filter: ["!", several],
        layout: {
          "icon-image": ["concat", "mark-", ["get", "colour"]], "icon-allow-overlap": true,
          // Where marks lie over each other the later hides the earlier: the gravest comes last.
          "icon-anchor": "bottom", "icon-offset": [0, -6], "symbol-sort-key": ["-", ["get", "order"]],
        },
      },
      {
        id: "mines-gathered", type: "symbol", source: "marks", filter: several,
        layout: {
          "icon-image": ["concat", "mark-", ["at", ["get", "order"], ["literal", GRAVEST]]], "icon-allow-overlap": true,
          "symbol-sort-key": ["-", ["get", "order"]],
          "text-field": [
            "format", ["to-string", ["get", "point_count"]], { "font-scale": 1 },
            ["case", [">", ["get", "unknown"], 0], ["concat", "\n", say("map.undetermined"), " ", ["to-string", ["get", "unknown"]]], ""], { "font-scale": 0.85 },
          ],
          "text-font": FONT, "text-size": 13, "text-anchor": "left", "text-justify": "left", "text-offset": [0.9, 0], "text-allow-overlap": true,
        },
        paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2 },
      },
    ],
  };
}

// The server draws no lines of old-goaf water farther out.
const LINES_FROM = 11;

// Below this zoom a tile holds one point per cell with the number of rows it stands for.
const GATHERED_BELOW = 9;
// A county fits a phone at zoom 8: there each mine still answers for itself.
const MARKS_BELOW = 8;

function gathered(layer) {
  const common = { source: layer, "source-layer": layer, maxzoom: GATHERED_BELOW };
  const many = [">", ["get", "count"], 1];
  return [
    { id: `${layer}-gathered`, type: "circle", ...common, filter: point, paint: { "circle-radius": ["case", many, 8, 2.5], "circle-color": ["case", many, HALO, INK], "circle-stroke-color": INK, "circle-stroke-width": ["case", many, 1.5, 0] } },
    { id: `${layer}-count`, type: "symbol", ...common, filter: both(point, many), layout: { "text-field": ["to-string", ["get", "count"]], "text-font": FONT, "text-size": 11, "text-allow-overlap": true }, paint: { "text-color": INK } },
  ];
}

// "Goaf G-12": the kind in the reader's language with the row's own code.
function factorText() {
  const kinds = Object.entries(words)
    .filter(([key]) => key.startsWith("layer."))
    .flatMap(([key, text]) => [key.slice("layer.".length), text]);
  const kind = ["match", ["coalesce", ["get", "layer"], ""], ...kinds, ""];
  return ["concat", kind, " ", ["to-string", ["coalesce", ["get", "name"], ""]]];
}
