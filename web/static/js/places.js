// The places of a row report: press a row's button and the chart goes there.

import { chart } from "./chart.js";

const frame = document.getElementById("places");
if (frame) {
  const buttons = [...document.querySelectorAll("[data-place]")];
  const features = buttons.map((button, id) => ({
    type: "Feature", id, properties: {}, geometry: JSON.parse(button.dataset.place),
  }));
  frame.hidden = features.length === 0;
  if (features.length) {
    const map = await chart(frame, { zoom: 8, center: [112.7, 38.9] });
    window.minerisk = { map };
    map.getSource("places").setData({ type: "FeatureCollection", features });
    const go = (chosen) => map.fitBounds(around(chosen), { padding: 50, maxZoom: 16, animate: false });
    go(features);
    for (const [i, button] of buttons.entries()) {
      button.addEventListener("click", () => {
        for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
        button.closest("tr").classList.add("chosen");
        go([features[i]]);
        if (matchMedia("(max-width: 900px)").matches) frame.scrollIntoView({ block: "center" });
      });
    }
  }
}

function around(features) {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (part) => {
    if (typeof part[0] === "number") {
      west = Math.min(west, part[0]);
      east = Math.max(east, part[0]);
      south = Math.min(south, part[1]);
      north = Math.max(north, part[1]);
    } else part.forEach(walk);
  };
  const each = (geometry) => (geometry.geometries ? geometry.geometries.forEach(each) : walk(geometry.coordinates));
  for (const feature of features) each(feature.geometry);
  return [[west, south], [east, north]];
}
