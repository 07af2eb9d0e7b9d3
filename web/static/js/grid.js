// What says where one is and how far it reaches: meridians and parallels, and the scale bar.

import { between } from "./metric.js";

/** Meridians and parallels that fit the view: with no base map they say where one is. */
export function grid(map) {
  const bounds = map.getBounds();
  const wide = bounds.getEast() - bounds.getWest();
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30].find((s) => wide / s <= 7) ?? 30;
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const features = [];
  const add = (coordinates, text, label, anchor, offset) => features.push(
    { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } },
    { type: "Feature", properties: { text, anchor, offset }, geometry: { type: "Point", coordinates: label } },
  );
  const [west, east] = [bounds.getWest() - step, bounds.getEast() + step];
  const [south, north] = [Math.max(bounds.getSouth() - step, -85), Math.min(bounds.getNorth() + step, 85)];
  // Labels stand at the edge of the view, upright, clear of the buttons in its corners.
  const [top, left] = [bounds.getNorth(), bounds.getWest()];
  const clear = (lon, lat) => {
    const at = map.project([lon, lat]);
    return at.x > 56 && at.x < map.getContainer().clientWidth - 76 && at.y > 26 && at.y < map.getContainer().clientHeight - 56;
  };
  const corner = map.getContainer().clientWidth < 500 ? 190 : 0;
  for (let i = Math.ceil(west / step); i * step <= east; i += 1) {
    const lon = i * step;
    const shown = map.project([lon, top]).x > corner && clear(lon, map.getCenter().lat);
    add([[lon, south], [lon, north]], shown ? `${lon.toFixed(digits)}°E` : "", [lon, top], "top", [0, 0.5]);
  }
  for (let i = Math.ceil(south / step); i * step <= north; i += 1) {
    const lat = i * step;
    const shown = map.project([left, lat]).y > (corner ? 70 : 0) && clear(map.getCenter().lng, lat);
    add([[west, lat], [east, lat]], shown ? `${lat.toFixed(digits)}°N` : "", [left, lat], "left", [0.5, 0]);
  }
  map.getSource("grid").setData({ type: "FeatureCollection", features });
}

// MapLibre's own bar takes the earth for a ball; this one has the metres of the store.
export class ScaleBar {
  onAdd(map) {
    this.map = map;
    this.box = document.createElement("div");
    this.box.className = "maplibregl-ctrl scale-bar";
    this.draw = () => {
      const y = map.getContainer().clientHeight / 2;
      const across = between(map.unproject([0, y]).toArray(), map.unproject([140, y]).toArray());
      const power = 10 ** Math.floor(Math.log10(across));
      const round = [5, 2, 1].map((n) => n * power).find((n) => n <= across) ?? power;
      this.box.style.width = `${(140 * round) / across}px`;
      this.box.textContent = round >= 1000 ? `${round / 1000} km` : `${round} m`;
      this.box.dataset.metres = round;
    };
    map.on("move", this.draw);
    this.draw();
    return this.box;
  }

  onRemove() {
    this.map.off("move", this.draw);
    this.box.remove();
  }
}
