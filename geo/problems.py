"""The one exception that is meant for a reader."""

from typing import Any

from geo.messages import catalogue, language, say

# What is kept as a code and told in words, by the name of the parameter.
_WORDS = {"action": ("store.act.",), "state": ("web.survey_state.", "web.upload_state.")}


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
        return say(self.code, lang, **{n: _word(n, v, lang) for n, v in self.params.items()})

    def __str__(self) -> str:
        return self.say("en")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.code, self.http_status, self.params))


def _word(name: str, value: Any, lang: str) -> Any:
    texts = catalogue()
    found = (texts.get(f"{room}{value}") for room in _WORDS.get(name, ()))
    return next((text[language(lang)] for text in found if text), value)


def _rebuild(code: str, http_status: int, params: dict[str, Any]) -> Problem:
    return Problem(code, http_status=http_status, **params)
