// Metres as the store takes them: in the 3-degree Gauss-Krüger zone of CGCS2000. The series of the
// transverse Mercator projection to the sixth order of the longitude, good to a millimetre in a zone.

const A = 6378137;
const F = 1 / 298.257222101;
const E2 = F * (2 - F);
const E4 = E2 * E2;
const E6 = E4 * E2;
const EP2 = E2 / (1 - E2);
const RAD = Math.PI / 180;

/** Central meridian of the 3-degree zone of a longitude; a tie goes west, as in the store. */
const meridianOf = (lon) => Math.ceil((lon - 1.5) / 3) * 3;

/** Easting and northing of a place in the zone of a central meridian, in metres. */
export function toMetric([lon, lat], meridian) {
  const phi = lat * RAD;
  const [sin, cos, tan] = [Math.sin(phi), Math.cos(phi), Math.tan(phi)];
  const n = A / Math.sqrt(1 - E2 * sin * sin);
  const t = tan * tan;
  const c = EP2 * cos * cos;
  const l = (lon - meridian) * RAD * cos;
  const arc = A * (
    (1 - E2 / 4 - (3 * E4) / 64 - (5 * E6) / 256 - (175 * E4 * E4) / 16384) * phi
    - ((3 * E2) / 8 + (3 * E4) / 32 + (45 * E6) / 1024 + (105 * E4 * E4) / 4096) * Math.sin(2 * phi)
    + ((15 * E4) / 256 + (45 * E6) / 1024 + (525 * E4 * E4) / 16384) * Math.sin(4 * phi)
    - ((35 * E6) / 3072 + (175 * E4 * E4) / 12288) * Math.sin(6 * phi)
    + ((315 * E4 * E4) / 131072) * Math.sin(8 * phi)
  );
  const east = n * (l + ((1 - t + c) * l ** 3) / 6
    + ((5 - 18 * t + t * t + 14 * c - 58 * t * c) * l ** 5) / 120);
  const north = arc + n * tan * ((l * l) / 2 + ((5 - t + 9 * c + 4 * c * c) * l ** 4) / 24
    + ((61 - 58 * t + t * t + 270 * c - 330 * t * c) * l ** 6) / 720);
  return [500000 + east, north];
}

/** The place of an easting and northing in the zone of a central meridian: the way back, by steps. */
export function toDegrees([east, north], meridian) {
  let place = [meridian + (east - 500000) / 90000, north / 111000];
  for (let step = 0; step < 12; step += 1) {
    const [e, n] = toMetric(place, meridian);
    const [de, dn] = [east - e, north - n];
    place = [place[0] + de / (111320 * Math.cos(place[1] * RAD)), place[1] + dn / 111000];
    if (Math.abs(de) < 1e-5 && Math.abs(dn) < 1e-5) break;
  }
  return place;
}

/** Length of a line through `places`, in metres of the zone of the first. */
export function lengthOf(places) {
  const meridian = meridianOf(places[0][0]);
  const points = places.map((place) => toMetric(place, meridian));
  return points.slice(1).reduce((sum, p, i) => sum + Math.hypot(p[0] - points[i][0], p[1] - points[i][1]), 0);
}

/** Area of the ring through `places`, in square metres of the zone of the first. */
export function areaOf(places) {
  const meridian = meridianOf(places[0][0]);
  const points = places.map((place) => toMetric(place, meridian));
  return Math.abs(points.reduce((sum, p, i) => {
    const q = points[(i + 1) % points.length];
    return sum + p[0] * q[1] - q[0] * p[1];
  }, 0)) / 2;
}

/** Metres between two places. */
export const between = (a, b) => lengthOf([a, b]);

/** "850 m", "12.4 km". */
export function metres(value) {
  return value < 1000 ? `${Math.round(value * 10) / 10} m` : `${(value / 1000).toFixed(value < 100000 ? 2 : 0)} km`;
}

/** X (north) and Y (east) with the number of the 3-degree zone, as mine files write them. */
export function gridText([lon, lat]) {
  const meridian = meridianOf(lon);
  const [east, north] = toMetric([lon, lat], meridian);
  return `X ${north.toFixed(0)}  Y ${meridian / 3}${east.toFixed(0).padStart(6, "0")}`;
}
