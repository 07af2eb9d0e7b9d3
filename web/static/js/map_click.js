// The reading of a click: what is drawn there, in words.

import { comeNearer } from "./chart.js";
import { GROUPS, WATER_LINES } from "./chart_style.js";
import { answerMine, answerPond, openAnswer } from "./map_answer.js";
import { calm, map } from "./map_drawn.js";
import { say } from "./page.js";

function layerText(feature) {
  const p = feature.properties;
  const name = p.name ?? "";
  if (feature.source === "unclear") {
    const kinds = (p.kinds ?? "").match(/\w+/g) ?? [];
    const comma = document.documentElement.lang === "en" ? ", " : "、";
    return say("map.at_unclear", { kinds: kinds.map((kind) => say(`layer.${kind}`)).join(comma) });
  }
  if (feature.source === "water_lines") return say("map.at_water_line", { line: say(WATER_LINES[p.layer]), name: name || say("layer.goaf"), metres: Math.round(p.beyond_m) });
  if (feature.source === "models") return say(p.in_force ? "map.at_model" : "map.at_model_idle", { source: p.source, dated: p.dated });
  if (feature.source === "zones") return say(`map.at_${p.kind}`, { pond: p.pond_code ?? "" });
  if (feature.source === "ponds") return say("map.at_pond_layer", { kind: say(`layer.${p.layer}`), name });
  if (feature.source === "extents") return say("map.at_extent", { mine: p.mine_code ?? "" });
  if (feature.source === "plan") return say("map.at_plan", { name: name || p.item || "", start: p.start ?? "?", end: p.end ?? "?" });
  if (feature.source === "factors") {
    return say("map.at_factor", {
      kind: say(`layer.${p.layer}`), name,
      verification: say(`verification.${p.verification ?? "unclear"}`),
    });
  }
  return null;
}

// What stands accepted may be corrected by drawing it anew.
const drawnId = ({ source, properties }) => (
  ["plan", "factors", "extents"].includes(source) && properties.state === "accepted" ? properties.id : null
);

/** Say what lies at a point of the screen: why, of a mine or a pond, and what else is drawn there. */
export function ask(at) {
  const near = [[at.x - 4, at.y - 4], [at.x + 4, at.y + 4]];
  const hits = map.queryRenderedFeatures(near, {
    layers: ["ponds-mark", "ponds-together", "ponds-fill", "ponds-toe", "ponds-point", "zones-ban", "zones-undecided", "zones-prohibited", "zones-strip", "zones-bank", "mines-gathered", "mines-mark", "mines-fill", "unclear-fill", "extents-line", "plan-fill", "plan-line", "factors-fill", "factors-water", "factors-goaf", "factors-line", "factors-guessed", "factors-point", ...GROUPS.water_lines, "models-line", "models-idle"],
  });
  const mark = hits.find((hit) => hit.properties.cluster);
  if (mark) {
    comeNearer(map, mark, !calm());
    return;
  }
  const mine = hits.find((hit) => hit.source === "mines" || hit.source === "marks");
  const also = [...new Map(hits.map((hit) => [layerText(hit), drawnId(hit)]).filter(([text]) => text))].slice(0, 12);
  const pond = hits.find((hit) => hit.source === "pond-marks" || (hit.source === "ponds" && hit.properties.layer === "pond"));
  if (pond && (!mine || pond.source === "pond-marks")) answerPond(pond.properties.pond_code, false, also);
  else if (mine) answerMine(mine.properties.mine_code, false, also);
  else if (also.length) openAnswer(`<h2>${say("map.here")}</h2>`, also);
}
