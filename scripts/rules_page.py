"""Write docs/rules.md from the rule catalogue; a test holds the two together."""

from pathlib import Path

from geo.report.rules import page
from geo.rules import national_rules

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    (ROOT / "docs" / "rules.md").write_text(page(national_rules(), ROOT / "tests"), "utf-8")
