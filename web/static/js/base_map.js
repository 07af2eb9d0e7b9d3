// What lies under the data: the ground drawn from the county's elevation models, or a map from outside.

import { FONT, PAPER, dark } from "./chart_style.js";

/** Lay a base map under the data, or none: `of` says its tiles, and of the ground the bounds and zooms of each model. */
export function setBase(map, of) {
  for (const { id } of map.getStyle().layers.filter((layer) => layer.id.startsWith("base-"))) {
    map.removeLayer(id);
    map.removeSource(id);
  }
  writeHeights(map, of);
  const own = (i) => (of.each ? { ...of.each[i], tileSize: 512 } : { maxzoom: 18, tileSize: 256 });
  // A map from outside is loud by day and glaring by night; the four risk colours are not to drown in it.
  const paint = of?.bounds
    ? { "raster-opacity": 0.9, "raster-fade-duration": 0 }
    : { "raster-opacity": 0.75, "raster-saturation": -0.5, "raster-brightness-max": dark ? 0.55 : 1, "raster-fade-duration": 0 };
  for (const [i, address] of (of?.tiles ?? []).entries()) {
    const tiles = [address.startsWith("/") ? `${location.origin}${address}` : address];
    map.addSource(`base-${i}`, { type: "raster", tiles, attribution: i ? "" : of.credit, ...own(i) });
    map.addLayer({ id: `base-${i}`, type: "raster", source: `base-${i}`, paint }, "grid");
  }
  map.setPaintProperty("mines-fill", "fill-opacity", of ? 0.6 : 0.78);
}

// The heights on the ground's contours, of the zoom whose tiles are drawn; names of the data go first.
function writeHeights(map, of) {
  map.off("zoomend", map.heights);
  if (!of?.heights) return;
  map.addSource("base-heights", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({
    id: "base-heights", type: "symbol", source: "base-heights",
    layout: { "text-field": ["get", "text"], "text-font": FONT, "text-size": 10.5, "text-rotate": ["get", "turned"], "text-padding": 6 },
    paint: { "text-color": dark ? "#cdb58c" : "#6b4f26", "text-halo-color": PAPER, "text-halo-width": 1.5 },
  }, map.getStyle().layers.find((layer) => layer.type === "symbol").id);
  let shown;
  map.heights = async () => {
    const zoom = Math.round(map.getZoom());
    const wanted = of.heights.map((one) => one.of.replace("{z}", Math.min(Math.max(zoom, one.minzoom), one.maxzoom)));
    if (wanted.join() === shown) return;
    shown = wanted.join();
    const answers = await Promise.all(wanted.map((address) => fetch(address).then((answer) => (answer.ok ? answer.json() : []))));
    const found = answers.flat();
    // Meanwhile the reader may have gone nearer, or taken the ground away.
    if (wanted.join() !== shown || !map.getSource("base-heights")) return;
    map.getSource("base-heights").setData({
      type: "FeatureCollection",
      features: found.map(([lon, lat, metres, turned]) => ({
        type: "Feature", properties: { text: String(metres), turned }, geometry: { type: "Point", coordinates: [lon, lat] },
      })),
    });
  };
  map.on("zoomend", map.heights);
  map.heights();
}

/** Let the reader of a page with a map choose what lies under it; its own shade of mines stays. */
export function offerBase(map) {
  const choice = document.getElementById("base");
  choice?.addEventListener("change", () => {
    const shade = map.getPaintProperty("mines-fill", "fill-opacity");
    setBase(map, JSON.parse(choice.dataset.bases)[choice.value]);
    map.setPaintProperty("mines-fill", "fill-opacity", shade);
  });
}
