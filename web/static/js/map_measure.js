// Measuring: a line or a ring through places, in metres and hectares.

import { map } from "./map_drawn.js";
import { view, write } from "./map_view.js";
import { areaOf, lengthOf, metres } from "./metric.js";
import { say } from "./page.js";

const $ = (id) => document.getElementById(id);

export let measuring = view.measure.length > 0;

/** Draw the places measured, with their length and area. */
export function drawMeasure() {
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
  row.append(button(say("map.measure_end"), endMeasure));
  box.append(row);
}

/** Measure through `places` from now on. */
export function setMeasure(places) {
  view.measure = places.map(([lon, lat]) => [Number(lon.toFixed(6)), Number(lat.toFixed(6))]);
  write();
  drawMeasure();
}

/** Begin to measure, or leave it. */
export function turnMeasure() {
  measuring = !measuring;
  map.getCanvas().style.cursor = measuring ? "crosshair" : "";
  setMeasure([]);
}

export function endMeasure() {
  measuring = false;
  setMeasure([]);
}
