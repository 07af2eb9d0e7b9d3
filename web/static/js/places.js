// The places of a row report: press a row's button and the chart goes there; a mended shape is drawn
// as it was and as it is. And where a layer would fall under each coordinate system it may be in.

import { offerBase } from "./base_map.js";
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
    addBoth(map);
    map.getSource("places").setData({ type: "FeatureCollection", features });
    const go = (chosen) => map.fitBounds(around(chosen), { padding: 50, maxZoom: 16, animate: false });
    go(features);
    for (const [i, button] of buttons.entries()) {
      button.addEventListener("click", () => {
        const both = JSON.parse(button.dataset.both ?? "[]").map((geometry, at) => ({
          type: "Feature", properties: { after: at }, geometry,
        }));
        map.getSource("both").setData({ type: "FeatureCollection", features: both });
        for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
        button.closest("tr").classList.add("chosen");
        go(both.length ? both : [features[i]]);
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

function addBoth(map) {
  const dark = document.documentElement.dataset.theme === "dark";
  const ink = dark ? "#e6ecec" : "#1b2427";
  map.addSource("both", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({ id: "after-fill", type: "fill", source: "both", filter: ["==", ["get", "after"], 1], paint: { "fill-color": ink, "fill-opacity": 0.18 } });
  map.addLayer({ id: "after-line", type: "line", source: "both", filter: ["==", ["get", "after"], 1], paint: { "line-color": ink, "line-width": 2 } });
  map.addLayer({ id: "before-line", type: "line", source: "both", filter: ["==", ["get", "after"], 0], paint: { "line-color": dark ? "#9fd0d8" : "#0b6b7c", "line-width": 3, "line-dasharray": [2, 1.5] } });
}

const second = document.getElementById("candidates");
if (second) {
  const buttons = [...document.querySelectorAll("[data-frame]")];
  const features = buttons.map((button) => ({
    type: "Feature",
    properties: { name: button.dataset.name, chosen: Boolean(button.dataset.chosen) },
    geometry: JSON.parse(button.dataset.frame),
  }));
  const map = await chart(second, { zoom: 5, center: [112.7, 38.9] });
  map.getSource("places").setData({ type: "FeatureCollection", features });
  map.addLayer({
    id: "frame-name", type: "symbol", source: "places",
    layout: { "text-field": ["get", "name"], "text-font": ["Noto Sans CJK SC"], "text-size": 12, "text-variable-anchor": ["top", "bottom", "left", "right"], "text-radial-offset": 0.8 },
    paint: { "text-color": "#1b2427", "text-halo-color": "#ffffff", "text-halo-width": 2 },
  });
  map.fitBounds(around(features), { padding: 60, maxZoom: 13, animate: false });
  for (const [i, button] of buttons.entries()) {
    button.addEventListener("click", () => map.fitBounds(around([features[i]]), { padding: 60, maxZoom: 14, animate: false }));
  }
  offerBase(map);
  window.minerisk ??= { map };
}
