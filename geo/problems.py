"""The one exception that is meant for a reader."""

from typing import Any

from geo.messages import say


class Problem(Exception):  # noqa: N818 -- it is shown to people, who meet problems, not errors
    """Something a user must be told, in one clear sentence of their language.

    Parameters
    ----------
    code : str
        Key in the message catalogue.
    http_status : int
        Status the web service answers with.
    **params
        Values for the sentence: what, where (file, row, field), what to do.
    """

    def __init__(self, code: str, /, *, http_status: int = 422, **params: Any) -> None:
        self.code = code
        self.params = params
        self.http_status = http_status
        super().__init__(code)

    def say(self, lang: str) -> str:
        """Return the sentence in `lang`."""
        return say(self.code, lang, **self.params)

    def __str__(self) -> str:
        return self.say("en")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.code, self.http_status, self.params))


def _rebuild(code: str, http_status: int, params: dict[str, Any]) -> Problem:
    return Problem(code, http_status=http_status, **params)
