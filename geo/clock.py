"""The day and the hour of the place: all of China keeps one time, wherever the server stands."""

import datetime as dt
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Asia/Shanghai")


def now() -> dt.datetime:
    """Return this moment as the clocks of the place show it."""
    return dt.datetime.now(HERE)


def today() -> dt.date:
    """Return the day it is at the place: a server's own may be yesterday's until eight."""
    return now().date()


def local(moment: dt.datetime) -> dt.datetime:
    """Return a moment as the clocks of the place show it; one without a zone is the place's."""
    return moment.astimezone(HERE) if moment.tzinfo else moment.replace(tzinfo=HERE)
