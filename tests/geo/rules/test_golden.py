"""Every figure of the catalogue against a table typed by hand from DOMAIN.md or a text, not the YAML.

A wrong figure in the YAML would pass every test that draws its limits from there; it fails here.
"""

from importlib import resources

import pytest
import yaml

from geo.rules import national_rules
from geo.rules.conditions import comparisons
from geo.survey.formulae import constants

RULES = national_rules()
Q, W = "3 hydrogeology type table", "3b rock burst"
# 煤矿安全规程 (2025), with the number of the article; see docs/sources.md.
R25 = "Safety Regulations for Coal Mines (2025), art. "
# Rule: section of DOMAIN.md (or of LOGIC.md), then its limits in the order of its rows.
LIMITS = {
    "hydro.unit_inflow.2018": (Q, "mine.q_l_sm gt 5.0, gt 1.0, gt 0.1, le 0.1"),
    "hydro.unit_inflow.2009": (Q, "mine.q_l_sm gt 5.0, gt 1.0, gt 0.1, le 0.1"),
    "hydro.aquifer": (Q, "q_l_sm gt 5.0, gt 1.0, gt 0.1, le 0.1"),
    "hydro.mean_inflow.2018": (Q, "mine.q1_m3h gt 2100, gt 600, gt 180, le 180"),
    "hydro.mean_inflow.2009": (Q, "mine.q1_m3h gt 2100, gt 600, gt 180, le 180"),
    "hydro.mean_inflow.2018.north_west": (Q, "mine.q1_m3h gt 1200, gt 180, gt 90, le 90"),
    "hydro.mean_inflow.2009.north_west": (Q, "mine.q1_m3h gt 1200, gt 180, gt 90, le 90"),
    "hydro.peak_inflow.2018": (Q, "mine.q2_m3h gt 3000, gt 1200, gt 300, le 300"),
    "hydro.peak_inflow.2009": (Q, "mine.q2_m3h gt 3000, gt 1200, gt 300, le 300"),
    "hydro.predicted_inflow.2018": (Q, "mine.predicted_inflow_m3h gt 3000, gt 1200, gt 300, le 300"),
    "hydro.peak_inflow.2018.north_west": (Q, "mine.q2_m3h gt 2100, gt 600, gt 210, le 210"),
    "hydro.peak_inflow.2009.north_west": (Q, "mine.q2_m3h gt 2100, gt 600, gt 210, le 210"),
    "hydro.inrush.2018": ("3b table 2-1 of 2018", "mine.q3_m3h gt 1800, gt 600, gt 60, le 60"),
    "hydro.inrush.2009": (Q, "mine.q3_m3h gt 1800, gt 600, gt 0, le 0"),
    "hydro.boundary_pillar": ("3c artificial mine boundary", "margin_m lt 40"),
    "hydro.fault_pillar": ("3c fault", "margin_m lt 20"),
    "hydro.inrush_coefficient": ("critical coefficient T = P/M", "inrush_mpa_m gt 0.1, gt 0.06"),
    "gas.four_limits": (
        R25 + "188",
        "mine.gas_relative_m3t gt 10, mine.gas_absolute_m3min gt 40, mine.gas_heading_m3min gt 3, "
        "mine.gas_face_m3min gt 5, mine.gas_relative_m3t le 10, mine.gas_absolute_m3min le 40, "
        "mine.gas_heading_m3min le 3, mine.gas_face_m3min le 5",
    ),
    "gas.outbursts": (R25 + "210", "mine.outbursts gt 0"),
    "gas.ejection": (R25 + "188", "mine.gas_ejections gt 0"),
    "gas.pressure": (R25 + "210", "pressure_mpa ge 0.74"),
    "gas.pressure_appraisal": (R25 + "210", "pressure_mpa ge 0.74"),
    "rock_burst.index": (W, "index_w gt 0.75, gt 0.5, gt 0.25, le 0.25"),
    "rock_burst.mine_index": (W, "mine.burst_index_w gt 0.75, gt 0.5, gt 0.25, le 0.25"),
    "rock_burst.neighbour": (W, "index_w gt 0.5"),
    "rock_burst.neighbour_appraisal": (W, "index_w gt 0.25"),  # art. 331: a burst seam of any degree
    "rock_burst.depth": (
        R25 + "331",
        "mine.depth_m gt 400, mine.hard_layer_m gt 10, mine.hard_layer_ucs_mpa gt 60, "
        "mine.hard_layer_distance_m le 100",
    ),
    "rock_burst.quake": (R25 + "331", "mine.quake_ml ge 2.0"),
    "combustion.oxygen_uptake": ("3b combustion", "mine.oxygen_uptake_cm3g ge 0.70, gt 0.40, le 0.40"),
    "combustion.oxygen_uptake.sulphur": (
        "3b combustion",
        "mine.sulphur_pct ge 2, mine.oxygen_uptake_cm3g ge 1.00, mine.sulphur_pct ge 2, "
        "mine.oxygen_uptake_cm3g lt 1.00, mine.sulphur_pct lt 2",
    ),
    "metal.rockburst_ratio": ("3b GB 50487", "strength_ratio lt 1, lt 2, lt 4, le 7"),
    "metal.goaf_volume": ("disaster factor lists, two offices' opinion", "void_volume_m3 gt 1000000"),
    "item13.depth": ("LOGIC L28", "mine.depth_m gt 800"),
    "item13.output": ("LOGIC L28", "mine.output_kt gt 300"),
    "item13.vertical": ("LOGIC L28", "mine.vertical_m gt 50"),
    "item13.levels": ("LOGIC L28", "mine.levels_at_once ge 4"),
}  # fmt: skip
# DOMAIN.md gives none of these figures: the rules are unverified, and nobody vouches for them here.
NOT_IN_DOMAIN = {
    "roof.immediate.first_caving",
    "roof.main.weighting",
    "dust.flame",
    "metal.aquifer",
    "metal.pressure_events",
}
MARGINS = (
    "margin_m",
    "search_margin_m",
    "warning_margin_m",
    "pillar_margin_m",
    "aquifer_pillar_margin_m",
    "fracture_margin_m",
)


def typed(text):
    """Read "a gt 1, le 2": an attribute stands until another is named."""
    found, attr = [], ""
    for part in text.split(", "):
        *named, op, figure = part.split()
        attr = named[0] if named else attr
        found.append((attr, op, float(figure)))
    return found


def limits(rule):
    """Return the limits of a rule; a margin against nought is no figure but a touch."""
    return [
        (one.attr, op, float(getattr(one, op)))
        for row in rule.rows
        for one in comparisons(row.when)
        for op in ("lt", "le", "gt", "ge")
        if getattr(one, op) is not None and not (one.attr in MARGINS and getattr(one, op) == 0)
    ]


@pytest.mark.parametrize("rule", [r for r in RULES.rules if limits(r)], ids=lambda rule: rule.id)
def test_each_limit_is_the_one_that_was_typed_from_the_source(rule):
    if rule.id in NOT_IN_DOMAIN:
        assert not rule.verified
    else:
        _, text = LIMITS[rule.id]
        assert limits(rule) == typed(text)


def test_the_table_speaks_of_rules_there_are_and_each_once():
    figured = {rule.id for rule in RULES.rules if limits(rule)}
    assert set(LIMITS) | NOT_IN_DOMAIN == figured
    assert not set(LIMITS) & NOT_IN_DOMAIN


def test_the_parameters():
    found = {name: one.value for name, one in RULES.parameters}
    assert found == {
        "surroundings_m": 500,  # LOGIC L11
        "horizon_years": 5,  # LOGIC L10
        "boundary_pillar_m": 40,  # 3c
        "search_line_m": 150,  # 3c three lines
        "coverage_tolerance_m2": 1,  # not in DOMAIN.md: this system's convention
    }


# Sections 3 (fracture zone), 3b (caving, steep, top-coal caving) and 3c (pillars, lines).
FORMULAE = {
    "fracture_zone": {
        "valid_up_to_m": 3, "sliced_up_to_m": 15, "steep_from_deg": 45,
        "sliced": {
            "hard": {"a": 1.2, "b": 2.0, "c": 8.9, "f": 30, "g": 10},
            "medium": {"a": 1.6, "b": 3.6, "c": 5.6, "f": 20, "g": 10},
            "soft": {"a": 3.1, "b": 5.0, "c": 4.0, "f": 10, "g": 5},
            "very_soft": {"a": 5.0, "b": 8.0, "c": 3.0},
        },
        "top_coal_caving": {
            "hard": {"a": 0.15, "b": 3.12, "c": 11.18, "f": 30, "g": 10},
            "medium": {"a": 0.23, "b": 6.10, "c": 10.42, "f": 20, "g": 10},
            "soft": {"a": 0.31, "b": 8.81, "c": 8.21, "f": 10, "g": 10},
        },
        "steep": {
            "hard": {"a": 4.1, "b": 133, "c": 8.4},
            "medium": {"a": 7.5, "b": 293, "c": 7.3},
            "soft": {"a": 7.5, "b": 293, "c": 7.3},
        },
    },
    "caving_zone": {
        "classes": {
            "hard": {"a": 2.1, "b": 16, "c": 2.5}, "medium": {"a": 4.7, "b": 19, "c": 2.2},
            "soft": {"a": 6.2, "b": 32, "c": 1.5}, "very_soft": {"a": 7.0, "b": 63, "c": 1.2},
        }
    },
    "rock_class": {"from": {"hard": 40, "medium": 20, "soft": 10, "very_soft": 0}},
    "fault_pillar": {"factor": 5, "least_m": 20},
    "aquifer_fault_pillar": {"critical_mpa_m": 0.06, "beyond_m": 10, "least_m": 20},
    "search_line": {"beyond_m": {"verified": 30, "inferred": 60, "unclear": 150}},
    "warning_line": {"beyond_m": 150},
    # Not in DOMAIN.md: which provinces are the north-west; LOGIC L7 says that Shanxi (14) is not.
    "north_west": {"provinces": ["61", "62", "63", "64", "65"]},
}  # fmt: skip


def test_the_constants_of_the_formulae():
    told = ("standard", "clause", "verified")
    found = {n: {k: v for k, v in t.items() if k not in told} for n, t in constants().items()}
    assert found == FORMULAE


def test_the_figures_of_screening_are_conventions_and_say_so():
    text = (resources.files("geo.survey") / "screening.yaml").read_text("utf-8")
    # None of them is in DOMAIN.md: LOGIC L18 asks the questions and gives no figure.
    assert yaml.safe_load(text) == {
        "standard": "本系统筛查约定", "verified": False, "same_shape_m": 0.01, "least_corners": 6,
        "void_share": 0.5, "density_t_m3": 1.35, "recovery": 0.85, "boundary_m": 50,
        "surroundings_share": 0.01,
    }  # fmt: skip
