// The marks of ponds: one for each, and far out one for the ponds of a place, in the colour of the
// gravest closure and the shape of a head-top pond where any is one; words say both.

import { say } from "./page.js";

/** How far closure has come, from the least: unknown is never low. */
const SHADES = ["gone", "use", "unknown", "close", "late"];
const CALLED = ["map.pond_gone", "map.pond_use", "map.pond_unknown", "map.pond_close", "map.pond_late"];
const several = ["has", "point_count"];

/** Return the source of the marks; below the zoom they are gathered where they lie close. */
export const pondSource = (below) => ({
  type: "geojson",
  data: { type: "FeatureCollection", features: [] },
  cluster: true,
  clusterMaxZoom: below - 1,
  clusterRadius: 32,
  clusterProperties: {
    shade: ["max", ["get", "shade"]],
    top: ["+", ["get", "top"]],
  },
});

/** Return the style layers of the marks, names first, in the given ink, halo and font. */
export function pondLayers({ ink, halo, font }) {
  const paint = { "text-color": ink, "text-halo-color": halo, "text-halo-width": 2 };
  const tops = ["concat", " · ", say("map.ponds_top"), " ", ["to-string", ["get", "top"]]];
  return [
    {
      id: "ponds-name", type: "symbol", source: "pond-marks", minzoom: 10.5, filter: ["!", several],
      layout: {
        "text-field": ["format", ["get", "name"], { "font-scale": 1 }, "\n", {}, ["get", "label"], { "font-scale": 0.9 }],
        "text-font": font, "text-size": 12, "text-justify": "auto", "symbol-sort-key": ["get", "order"],
        "text-variable-anchor-offset": ["left", [1.1, 0], "right", [-1.1, 0], "top", [0, 1.1], "bottom", [0, -1.1]],
      },
      paint,
    },
    {
      id: "ponds-mark", type: "symbol", source: "pond-marks", filter: ["!", several],
      layout: {
        "icon-image": ["get", "mark"], "icon-allow-overlap": true, "symbol-sort-key": ["get", "order"],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.6, 12, 1],
      },
    },
    {
      // To the left of its place: what is gathered of the mines there stands to the right.
      id: "ponds-together", type: "symbol", source: "pond-marks", filter: several,
      layout: {
        "icon-image": ["concat", ["case", [">", ["get", "top"], 0], "top-", "pond-"], ["at", ["get", "shade"], ["literal", SHADES]]],
        "icon-allow-overlap": true, "icon-anchor": "right", "icon-offset": [-10, 0],
        "symbol-sort-key": ["get", "shade"],
        "text-field": [
          "format", ["to-string", ["get", "point_count"]], { "font-scale": 1 },
          ["concat", "\n", ["at", ["get", "shade"], ["literal", CALLED.map((code) => say(code))]]], { "font-scale": 0.85 },
          ["case", [">", ["get", "top"], 0], tops, ""], { "font-scale": 0.85 },
        ],
        "text-font": font, "text-size": 13, "text-anchor": "right", "text-justify": "right", "text-offset": [-2.7, 0], "text-allow-overlap": true,
      },
      paint,
    },
  ];
}

/** Paint the marks of ponds on `map`: head-top ones and the latest stand on top. */
export function paintPonds(map, ponds) {
  map.getSource("pond-marks").setData({
    type: "FeatureCollection",
    features: ponds.map((pond) => {
      const [shape, name] = pond.mark.split("-");
      const shade = SHADES.indexOf(name);
      const top = shape === "top" ? 1 : 0;
      return {
        type: "Feature",
        geometry: { type: "Point", coordinates: pond.at },
        properties: { pond_code: pond.code, name: pond.name, label: pond.label, mark: pond.mark, shade, top, order: shade + 10 * top },
      };
    }),
  });
}
