// The map of one pond: its ground and toe, the flow path, the strip below, what is met and what not.

import { chart, show } from "./chart.js";
import { drawParts } from "./parts.js";

const frame = document.getElementById("pond-map");
const drawn = JSON.parse(frame.dataset.drawn);
const map = await chart(frame, { bounds: around(drawn, JSON.parse(frame.dataset.bounds)), fitBoundsOptions: { padding: 36, maxZoom: 15 } });
window.minerisk = { map };
// What this pond's page says, and nothing over it.
for (const group of ["unclear", "plan", "factors", "extents", "encounters", "ponds", "zones"]) show(map, group, false);
map.setPaintProperty("mines-fill", "fill-opacity", 0.25);
drawParts(map, drawn);

function around(collection, box) {
  let [west, south, east, north] = box;
  const walk = (part) => {
    if (typeof part[0] === "number") {
      [west, east] = [Math.min(west, part[0]), Math.max(east, part[0])];
      [south, north] = [Math.min(south, part[1]), Math.max(north, part[1])];
    } else part.forEach(walk);
  };
  for (const { geometry } of collection.features) {
    if (geometry.geometries) geometry.geometries.forEach((one) => walk(one.coordinates));
    else walk(geometry.coordinates);
  }
  return [[west, south], [east, north]];
}
