// Parts of a pond drawn by themselves: pond, toe, path, strip, objects met and passed by.

const dark = document.documentElement.dataset.theme === "dark";
const INK = dark ? "#e6ecec" : "#1b2427";
const HALO = dark ? "#12191c" : "#ffffff";
const PATH = dark ? "#e79ab2" : "#8c1d40";
const FONT = ["Noto Sans CJK SC"];

const is = (...parts) => ["match", ["get", "part"], parts, true, false];
const kind = (name) => ["==", ["geometry-type"], name];
const both = (...tests) => ["all", ...tests];

/** Draw a collection whose features each name their `part`; drawn anew if called again. */
export function drawParts(map, collection) {
  if (map.getSource("parts")) {
    map.getSource("parts").setData(collection);
    return;
  }
  map.addSource("parts", { type: "geojson", data: collection });
  const add = (layer) => map.addLayer({ source: "parts", ...layer });
  add({ id: "part-strip", type: "fill", filter: both(is("strip"), kind("Polygon")), paint: { "fill-pattern": "strip", "fill-opacity": 0.8 } });
  add({ id: "part-strip-line", type: "line", filter: is("strip"), paint: { "line-color": INK, "line-width": 0.75, "line-dasharray": [4, 2] } });
  add({ id: "part-pond", type: "fill", filter: both(is("pond"), kind("Polygon")), paint: { "fill-color": dark ? "#7a8f95" : "#9fb2b0", "fill-opacity": 0.85 } });
  add({ id: "part-pond-line", type: "line", filter: is("pond"), paint: { "line-color": INK, "line-width": 1.25 } });
  add({ id: "part-body", type: "fill", filter: both(is("body"), kind("Polygon")), paint: { "fill-color": INK, "fill-opacity": 0.15 } });
  add({ id: "part-body-line", type: "line", filter: is("body"), paint: { "line-color": INK, "line-width": 1.5, "line-dasharray": [3, 1.5] } });
  add({ id: "part-path", type: "line", filter: is("path"), paint: { "line-color": PATH, "line-width": 3 } });
  add({ id: "part-toe", type: "line", filter: is("toe"), paint: { "line-color": INK, "line-width": 5 } });
  add({ id: "part-near", type: "line", filter: is("near"), paint: { "line-color": INK, "line-width": 1.5, "line-dasharray": [2, 2] } });
  add({ id: "part-met", type: "fill", filter: both(is("met", "passed"), kind("Polygon")), paint: { "fill-color": ["match", ["get", "part"], "met", PATH, HALO], "fill-opacity": 0.85 } });
  add({ id: "part-met-line", type: "line", filter: both(is("met", "passed"), ["!", kind("Point")]), paint: { "line-color": INK, "line-width": 1.5 } });
  add({ id: "part-point", type: "circle", filter: both(is("met", "passed", "toe", "body", "nearest", "pond"), kind("Point")), paint: { "circle-radius": ["match", ["get", "part"], "nearest", 8, 6], "circle-color": ["match", ["get", "part"], "met", PATH, "toe", INK, HALO], "circle-stroke-color": INK, "circle-stroke-width": 2 } });
  add({ id: "part-name", type: "symbol", filter: is("met", "passed", "pond"), layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 12, "text-offset": [0, 1], "text-anchor": "top" }, paint: { "text-color": INK, "text-halo-color": HALO, "text-halo-width": 2.5 } });
}
