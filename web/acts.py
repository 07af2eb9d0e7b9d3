"""What people do by form: send, submit, accept, return, revoke, decide, end, confirm.

Each act answers with a redirect, so that a reload asks for nothing twice, and the next page says in
one sentence what was done.
"""

import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse, Response

from geo.problems import Problem
from geo.settings import settings
from geo.store import accounts, decisions, intake, matches, rawfiles, survey_queries
from geo.store.engine import SYSTEM, connect
from geo.survey.reading import ReadOptions
from web import view
from web.door import COOKIE, PageRoute, Reader, checked_form, missing, same_site
from web.render import THEME, TOLD, draw, told_cookie
from web.sent import register, upload_before
from web.translate import COOKIE as LANG

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)
YEAR = 365 * 24 * 3600

Text = Annotated[str, Form(max_length=4000)]


def back(path: str) -> str:
    """Return `path` if it is one of ours, else the first page: no form sends a reader elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _keep(answer: Response, name: str, value: str, life: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=life,
        httponly=True,
        samesite="lax",
        secure=settings().secure_cookie,
    )


def told(path: str, code: str, **params: Any) -> Response:
    """Send the reader on; the next page says in one sentence what was done."""
    answer = RedirectResponse(path, 303)
    _keep(answer, TOLD, told_cookie(code, params), 60)
    return answer


@router.post("/sign-in", dependencies=[Depends(same_site)])
def sign_in(request: Request, login: Text = "", password: Text = "", next: Text = "/") -> Response:
    """Open a session."""
    try:
        with connect(settings(), "worker", SYSTEM) as conn:
            actor = accounts.verify(conn, login.strip(), password)
        if actor is None:
            raise Problem("web.error.sign_in", http_status=403)
    except Problem as problem:
        return draw(
            request,
            "sign_in.html",
            status=problem.http_status,
            next=back(next),
            login=login,
            trouble=problem,
        )
    with connect(settings(), "worker", SYSTEM) as conn:
        session = accounts.open_session(conn, actor)
    answer = RedirectResponse(back(next), 303)
    _keep(answer, COOKIE, session.token, int(accounts.SESSION_LIFE.total_seconds()))
    return answer


@forms.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    with connect(settings(), "worker", SYSTEM) as conn:
        accounts.close_session(conn, request.cookies[COOKIE])
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


@forms.post("/password")
def change_password(
    request: Request, reader: Reader, present: Text, fresh: Text, again: Text
) -> Response:
    """Change one's own password; every session of it ends, this one too."""
    try:
        if fresh != again:
            raise Problem("web.error.password_twice")
        with connect(settings(), "worker", SYSTEM) as conn:
            known = accounts.verify(conn, reader.actor.login, present)
            if known is not None:
                accounts.set_password(conn, reader.actor.login, fresh)
        # Only now: a failure that is counted must not be rolled back.
        if known is None:
            raise Problem("accounts.wrong", http_status=403)
    except Problem as problem:
        status = problem.http_status
        return draw(request, "password.html", reader=reader, status=status, trouble=problem)
    answer = told("/sign-in", "web.told.password")
    answer.delete_cookie(COOKIE)
    return answer


@router.post("/prefer")
def prefer(request: Request, next: Text = "/", lang: Text = "", theme: Text = "") -> Response:
    """Remember the language or the theme; needs no sign-in and changes nothing but cookies."""
    answer = RedirectResponse(back(next), 303)
    for name, value, allowed in ((LANG, lang, ("zh", "en")), (THEME, theme, ("light", "dark"))):
        if value in allowed:
            _keep(answer, name, value, YEAR)
    return answer


@forms.post("/uploads")
def send(
    request: Request,
    reader: Reader,
    file: Annotated[UploadFile, File()],
    crs: Text = "",
    encoding: Text = "",
    layer: Text = "",
    mine: Text = "",
) -> Response:
    """Take one file; it is read in the background and its page says how far that is."""
    wanted = view.options(crs, encoding, layer, mine)
    with NamedTemporaryFile(prefix="minerisk-") as kept:
        shutil.copyfileobj(file.file, kept, 1 << 20)
        kept.flush()
        upload_id = register(reader, file.filename or "", Path(kept.name), wanted)
    href = f"/uploads/{upload_id}"
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"href": href}, status_code=201)
    return RedirectResponse(href, 303)


@forms.post("/uploads/{upload_id}/again")
def read_again(
    reader: Reader,
    upload_id: UUID,
    crs: Text = "",
    encoding: Text = "",
    layer: Text = "",
    mine: Text = "",
    source: Text = "",
    about: Annotated[str, Form(pattern="^(crs|encoding)$")] = "crs",
) -> Response:
    """Read the same bytes in another way, as a new upload.

    Of one source only its coordinates, or only its encoding.
    """
    found = upload_before(reader, upload_id)
    wanted = ReadOptions.model_validate(found["options"])
    said = view.read_otherwise(wanted, view.options(crs, encoding, layer, mine), source, about)
    bytes_ = rawfiles.path_of(settings(), found["sha256"])
    fresh = register(reader, found["filename"], bytes_, said)
    return told(f"/uploads/{fresh}", "web.told.uploaded_again")


@forms.post("/uploads/{upload_id}/mapping")
def map_again(
    reader: Reader,
    upload_id: UUID,
    source: Text,
    kind: Text = "",
    column: Annotated[list[str], Form(max_length=500)] = [],  # noqa: B006 -- FastAPI copies it
    field: Annotated[list[str], Form(max_length=500)] = [],  # noqa: B006
) -> Response:
    """Read the same bytes with another layer type or other fields for one source."""
    found = upload_before(reader, upload_id)
    if not found["result"]:
        raise missing()
    part = next((p for p in found["result"]["layers"] if p["source_name"] == source), None)
    if part is None or len(column) != len(field):
        raise missing()
    wanted = ReadOptions.model_validate(found["options"])
    fresh = register(
        reader,
        found["filename"],
        rawfiles.path_of(settings(), found["sha256"]),
        view.mapped(wanted, part, kind, dict(zip(column, field, strict=True))),
    )
    return told(f"/uploads/{fresh}", "web.told.uploaded_again")


@forms.post("/uploads/{upload_id}/matches/{match_id}")
def settle_match(reader: Reader, upload_id: UUID, match_id: UUID, same: Text) -> Response:
    """Answer whether a row is the object it looks like."""
    with connect(settings(), "app", reader.actor) as conn:
        if not matches.seen(conn, upload_id, match_id):
            raise missing()
    agreed = same == "yes"
    with reader.working() as conn:
        matches.settle(conn, reader.actor, upload_id, match_id, agreed)
    return told(f"/uploads/{upload_id}#matches", "web.told.same" if agreed else "web.told.another")


@forms.post("/uploads/{upload_id}/submit")
def submit(reader: Reader, upload_id: UUID, supersedes: Text = "") -> Response:
    """Submit a staged upload for review, naming the survey it replaces if it does."""
    replaced = UUID(supersedes) if supersedes else None
    with connect(settings(), "app", reader.actor) as conn:
        # What one may not see, one may not replace.
        if replaced and survey_queries.survey(conn, replaced) is None:
            raise missing()
    with reader.working() as conn:
        survey_id = intake.submit(conn, reader.actor, upload_id, supersedes=replaced)
    return told(f"/surveys/{survey_id}", "web.told.submitted")


@forms.post("/surveys/{survey_id}/accept")
def accept(
    request: Request,
    reader: Reader,
    survey_id: UUID,
    reason: Text,
    document: Text,
) -> Response:
    """Accept a survey; what would lower a grade waits for a second person."""
    with reader.working() as conn:
        result = decisions.accept(conn, reader.actor, survey_id, reason, document)
    if result["state"] == "needs_second":
        return told("/inbox", "web.told.needs_second")
    return told(f"/surveys/{survey_id}", "web.told.accepted", n=len(result["moves"]))


@forms.post("/surveys/{survey_id}/return")
def return_(reader: Reader, survey_id: UUID, reason: Text) -> Response:
    """Return a survey with a remark."""
    with reader.working() as conn:
        decisions.return_(conn, reader.actor, survey_id, reason)
    return told("/inbox", "web.told.returned")


@forms.post("/surveys/{survey_id}/revoke")
def revoke(reader: Reader, survey_id: UUID, reason: Text, document: Text) -> Response:
    """Revoke an accepted survey as false (L17)."""
    with reader.working() as conn:
        decisions.revoke(conn, reader.actor, survey_id, reason, document)
    return told(f"/surveys/{survey_id}", "web.told.revoked")


@forms.post("/proposals/{proposal_id}")
def settle(
    reader: Reader, proposal_id: UUID, confirm: Text, read: Text = "", reason: Text = ""
) -> Response:
    """Confirm or refuse what another proposed; who confirms has read it, who refuses says why."""
    agreed = confirm == "yes"
    if agreed and read != "yes":
        raise Problem("web.error.read_first")
    with reader.working() as conn:
        decisions.settle(conn, reader.actor, proposal_id, agreed, reason)
    return told("/inbox", "web.told.confirmed" if agreed else "web.told.refused")


@forms.post("/mines/{code}/decide")
def decide(
    reader: Reader,
    code: str,
    grade: Text,
    source: Text,
    document: Text,
    valid_from: Text,
    seam: Text = "",
) -> Response:
    """Put a declared, appraised or decided grade on record."""
    hazard, _, wanted = grade.partition(":")
    with reader.working() as conn:
        decisions.assert_claim(
            conn,
            reader.actor,
            code,
            hazard,
            wanted,
            source,
            document,
            view.day(valid_from),
            seam=seam.strip() or None,
        )
    return told(f"/mines/{code}#lines", "web.told.decided")


@forms.post("/mines/{code}/end")
def end(
    reader: Reader,
    code: str,
    target: Text,
    kind: Text,
    reason: Text,
    document: Text,
    cites_survey: Text = "",
) -> Response:
    """Propose that a claim or a factor end; a second person confirms it (L3)."""
    target_kind, _, key = target.partition(":")
    cited = UUID(cites_survey) if cites_survey else None
    with reader.working() as conn:
        decisions.propose_ending(
            conn, reader.actor, target_kind, key, kind, reason, document, cites_survey=cited
        )
    return told(f"/mines/{code}", "web.told.proposed")


router.include_router(forms)
