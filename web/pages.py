"""The pages people read. What they do by form stands in ``acts``."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from geo.crs import candidates_of_china
from geo.hazards import hazards, hazards_of
from geo.problems import Problem
from geo.settings import settings
from geo.store import audit, intake, queries
from geo.survey.layers import layer_names
from web import acts, view
from web.door import AppConn, PageRoute, Reader, Signed, WorkerConn, not_found
from web.render import STATIC, draw

router = APIRouter(route_class=PageRoute, include_in_schema=False)
files = StaticFiles(directory=STATIC)

PAGE_SIZE = 100
HORIZONS = (90, 180, 365)
FOREVER = "public, max-age=31536000, immutable"
