"""Reading strangers' files: unpacked with care, opened in a child, checked again here.

The names below are looked up when first used: the child is a module of this package, and must set
its limits before anything heavy is imported.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geo.survey.reading.files import read_file
    from geo.survey.reading.result import LayerRead, ReadOptions, ReadResult

__all__ = ["LayerRead", "ReadOptions", "ReadResult", "read_file"]


def __getattr__(name: str) -> Any:
    if name == "read_file":
        from geo.survey.reading.files import read_file

        return read_file
    if name in __all__:
        from geo.survey.reading import result

        return getattr(result, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
