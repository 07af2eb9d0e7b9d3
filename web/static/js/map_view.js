// What is asked of the risk map: place, line, hazard, day, filters, layers, chosen mine, what was
// measured and looked up. All of it stands in the address, so that any view is a link.

import { GROUPS } from "./chart_style.js";

const $ = (id) => document.getElementById(id);

export const form = $("view");
export const ALL = Object.keys(GROUPS);
const SHOWN = ["mines", "unclear", "plan", "factors", "water_lines", "ponds", "zones"];
export const CHOICES = ["line", "hazard", "as_of", "district", "kind", "source"];
export const KINDS = [...form.querySelectorAll('[name="kinds"]')].map((box) => box.value);

const under = (name) => JSON.parse($("map").dataset[name] ?? "null");
export const BASES = { ground: under("ground"), online: under("online") };

const pair = (text) => text.split(",").map(Number);
const isPlace = (place) => place.length === 2 && place.every(Number.isFinite)
  && Math.abs(place[0]) <= 180 && Math.abs(place[1]) < 86;

function read() {
  const asked = new URLSearchParams(location.search);
  const layers = asked.has("layers") ? asked.get("layers").split(",").filter((l) => ALL.includes(l)) : SHOWN;
  const at = (asked.get("at") ?? "").split("/").map(Number);
  const pin = pair(asked.get("pin") ?? "");
  return {
    line: "effective",
    ...Object.fromEntries(CHOICES.filter((name) => asked.get(name)).map((name) => [name, asked.get(name)])),
    known: asked.get("known") === "now" ? "now" : "",
    layers,
    kinds: asked.has("kinds") ? asked.get("kinds").split(",").filter((k) => KINDS.includes(k)) : KINDS,
    mine: asked.get("mine") ?? "",
    pond: asked.get("pond") ?? "",
    base: BASES[asked.get("base")] ? asked.get("base") : "",
    pin: isPlace(pin) ? pin : null,
    measure: (asked.get("measure") ?? "").split(";").map(pair).filter(isPlace),
    at: at.length === 3 && at.every(Number.isFinite) && isPlace([at[2], at[1]]) ? at : null,
  };
}

export const view = read();

/** Write the view into the address. */
export function write() {
  const asked = new URLSearchParams();
  for (const name of [...CHOICES, "known", "mine", "pond", "base"]) {
    if (view[name] && !(name === "line" && view.line === "effective")) asked.set(name, view[name]);
  }
  if (view.layers.join() !== SHOWN.join()) asked.set("layers", view.layers.join(","));
  if (view.kinds.length < KINDS.length) asked.set("kinds", view.kinds.join(","));
  if (view.pin) asked.set("pin", view.pin.join(","));
  if (view.measure.length) asked.set("measure", view.measure.map((p) => p.join(",")).join(";"));
  if (view.at) asked.set("at", view.at.join("/"));
  const text = asked.toString().replaceAll("%2F", "/").replaceAll("%2C", ",").replaceAll("%3B", ";");
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

export const DAY = 86400000;
export const today = Date.parse($("slide").dataset.today);

/** Let the form show the view. */
export function fillForm() {
  for (const name of CHOICES) form.elements[name].value = view[name] ?? "";
  form.elements.known.checked = view.known === "now";
  form.elements.known.disabled = !view.as_of;
  if (form.elements.base) form.elements.base.value = view.base;
  $("slide").value = view.as_of ? Math.round((Date.parse(view.as_of) - today) / DAY) : 0;
  $("slide").setAttribute("aria-valuetext", view.as_of || $("slide").dataset.today);
  for (const box of form.querySelectorAll('[name="layers"]')) box.checked = view.layers.includes(box.value);
  for (const box of form.querySelectorAll('[name="kinds"]')) box.checked = view.kinds.includes(box.value);
}

/** What the tiles are asked: a day sets both times, unless what we know now is wanted. */
export const times = () => (view.as_of ? { [view.known ? "valid_on" : "as_of"]: view.as_of } : {});

/** What the server is asked of grades. */
export const question = () => new URLSearchParams(
  [...CHOICES, "known"].filter((name) => view[name]).map((name) => [name, view[name]]),
);

fillForm();
