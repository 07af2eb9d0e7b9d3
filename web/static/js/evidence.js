// The evidence map of one mine: its ground, plan, factors, what meets what, and unclear ground.

import { offerBase } from "./base_map.js";
import { chart, chooseMine, paintMines, show } from "./chart.js";

const frame = document.getElementById("evidence");
const bounds = JSON.parse(frame.dataset.bounds);
const place = bounds
  ? { bounds, fitBoundsOptions: { padding: 30 } }
  : { zoom: 8, center: [112.7, 38.9] };
const map = await chart(frame, { ...place, times: JSON.parse(frame.dataset.times) });
window.minerisk = { map };
if (bounds) {
  const [west, south, east, north] = bounds;
  paintMines(map, {
    mines: [{
      code: frame.dataset.mine, name: frame.dataset.name, label: frame.dataset.label,
      colour: frame.dataset.colour, at: [(west + east) / 2, (south + north) / 2],
    }],
  });
}
// The factors and the plan are the point here; the mine's own mark would only cover them.
for (const id of ["mines-mark", "mines-name", "mines-gathered"]) map.setLayoutProperty(id, "visibility", "none");
map.setPaintProperty("mines-fill", "fill-opacity", 0.3);
show(map, "extents", true);
chooseMine(map, frame.dataset.mine);
offerBase(map);
