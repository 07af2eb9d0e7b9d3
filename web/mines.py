"""The register of mines: who there is, with the four lines of each hazard, as asked and sorted."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from geo.report.grades import write_xlsx
from geo.store import map_reads, mine_queries
from geo.survey.counties import county_name
from web import view
from web.boards import boards_of
from web.door import AppConn, PageRoute, Reader
from web.render import draw, lang_of
from web.saved import XLSX, saved

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Row = dict[str, Any]
# What the register may be sorted by, as its columns' heads link; the worst colour comes first.
SORTS: dict[str, Any] = {
    "name": lambda row: (row["name"], row["code"]),
    "code": lambda row: row["code"],
    "kind": lambda row: (view.KINDS.index(row["kind"]), row["code"]),
    "district": lambda row: (row["district"], row["code"]),
    "colour": lambda row: (view.SHORT.index(row["colour"] or view.GREY), row["code"]),
    "ground": lambda row: (not row["unclear"], row["code"]),
}


class Asked:
    """Which mines are asked for, of which hazard, in what order, and as of which day."""

    def __init__(
        self,
        q: Annotated[str, Query(max_length=200)] = "",
        district: str = "",
        kind: str = "",
        colour: str = "",
        hazard: str = "",
        sort: str = "code",
        on: str = "",
    ) -> None:
        self.q, self.district, self.kind, self.colour = q.strip(), district, kind, colour
        self.hazard = view.hazard(hazard)
        self.sort = sort if sort in SORTS else "code"
        self.on = on

    def chosen(self, rows: list[Row]) -> list[Row]:
        """Return the mines that pass, in order, each with the lines that are asked for."""
        wanted = self.q.casefold()
        found = [
            {**row, "lines": [x for x in row["lines"] if self.hazard in ("", x["hazard"])]}
            for row in rows
            if wanted in f"{row['name']} {row['code']}".casefold()
            and row["district"].startswith(self.district)
            and self.kind in ("", row["kind"])
            and self.colour in ("", row["colour"] or view.GREY)
        ]
        return sorted((row for row in found if row["lines"]), key=SORTS[self.sort])

    def query(self, **other: str) -> str:
        """Return this question as a query, with what differs."""
        said = vars(self) | other
        return urlencode({name: value for name, value in said.items() if value})


Question = Annotated[Asked, Depends()]


@router.get("/mines")
def register(request: Request, reader: Reader, conn: AppConn, asked: Question) -> Response:
    """Draw the mines one may see, each with its lines."""
    made, lang = boards_of(reader, conn, asked.on), lang_of(request)
    rows = asked.chosen(made.mines)
    return draw(
        request,
        "mines.html",
        reader=reader,
        rows=[{**row, "place": county_name(row["district"], lang)} for row in rows],
        every=len(made.mines),
        question=asked,
        day=made.on.isoformat(),
        sorts=list(SORTS),
        districts=[(code, county_name(code, lang)) for code in map_reads.districts(conn)],
        kinds=view.KINDS,
        colours=view.SHORT,
        hazards=sorted({line["hazard"] for row in made.mines for line in row["lines"]}),
    )


@router.get("/mines.xlsx")
def sheet(request: Request, reader: Reader, conn: AppConn, asked: Question) -> Response:
    """Return the four lines of the mines asked for, as an Excel sheet a bureau can file."""
    made, lang = boards_of(reader, conn, asked.on), lang_of(request)
    rows = mine_queries.flat(asked.chosen(made.mines))
    return saved(f"mines-{made.on}.xlsx", XLSX, lambda path: write_xlsx(path, rows, made.on, lang))
