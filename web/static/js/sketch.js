// The corners of a drawing as text and as numbers: X north, Y east with the number of its zone, one
// corner a line, an empty line between parts. Nothing here knows the map or the page.

import { toDegrees, toMetric } from "./metric.js";

const ZONE = 1e6;
const NUMBER = /[-+]?\d+(?:\.\d+)?/g;

/** Parts of corners as [north, east without zone]; throws the number of the first bad line. */
export function parse(text) {
  const parts = [[]];
  text.split("\n").forEach((line, at) => {
    if (!line.trim()) {
      parts.push([]);
      return;
    }
    const found = line.replaceAll("，", " ").replaceAll(",", " ").match(NUMBER)?.map(Number) ?? [];
    if (found.length !== 2) throw at + 1;
    parts.at(-1).push([found[0], found[1] % ZONE]);
  });
  const [last] = parts.slice(-1);
  // An empty part at the end is one that was just begun.
  return [...parts.slice(0, -1).filter((part) => part.length), ...(last.length || parts.length > 1 ? [last] : [])];
}

/** The text of parts, to the millimetre. */
export const print = (parts, zone) => parts
  .map((part) => part.map(([x, y]) => `${x.toFixed(3)} ${zone}${y.toFixed(3).padStart(10, "0")}`).join("\n"))
  .join("\n\n");

/** Corner of a place, and place of a corner. */
export function cornerOf(place, zone) {
  const [east, north] = toMetric(place, zone * 3);
  return [north, east];
}
export const placeOf = ([north, east], zone) => toDegrees([east, north], zone * 3);

/** What lies nearest to `at` within `reach` metres: a corner before an edge. `rings` in metres. */
export function nearest(rings, at, reach) {
  let best = null;
  const better = (point, ring, rank) => {
    const away = Math.hypot(point[0] - at[0], point[1] - at[1]);
    if (away > reach) return;
    if (!best || rank < best.rank || (rank === best.rank && away < best.away)) {
      best = { point, away, rank, text: ring.text };
    }
  };
  for (const ring of rings) {
    ring.corners.forEach((corner, i) => {
      better(corner, ring, 0);
      const next = ring.corners[i + 1];
      if (!next) return;
      const [dx, dy] = [next[0] - corner[0], next[1] - corner[1]];
      const long = dx * dx + dy * dy;
      if (!long) return;
      const t = ((at[0] - corner[0]) * dx + (at[1] - corner[1]) * dy) / long;
      if (t > 0 && t < 1) better([corner[0] + t * dx, corner[1] + t * dy], ring, 1);
    });
  }
  return best;
}

/** Every line of a GeoJSON geometry as corners of the zone; a point is a line of one corner. */
export function ringsOf(geometry, zone, text) {
  const rings = [];
  const walk = (part) => {
    if (typeof part[0] === "number") rings.push({ text, corners: [cornerOf(part, zone)] });
    else if (typeof part[0]?.[0] === "number") rings.push({ text, corners: part.map((place) => cornerOf(place, zone)) });
    else part.forEach(walk);
  };
  if (geometry.geometries) geometry.geometries.forEach((one) => rings.push(...ringsOf(one, zone, text)));
  else walk(geometry.coordinates);
  return rings;
}

/** Steps back and forth through texts. */
export class Steps {
  constructor(text) {
    this.past = [];
    this.now = text;
    this.later = [];
  }

  to(text) {
    if (text === this.now) return;
    this.past.push(this.now);
    this.now = text;
    this.later = [];
  }

  back() {
    if (!this.past.length) return this.now;
    this.later.push(this.now);
    this.now = this.past.pop();
    return this.now;
  }

  again() {
    if (!this.later.length) return this.now;
    this.past.push(this.now);
    this.now = this.later.pop();
    return this.now;
  }
}
