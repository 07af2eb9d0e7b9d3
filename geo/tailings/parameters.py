"""The figures of ``terrain.yaml``, and the compiler every kernel of this room goes through."""

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any, TypeVar, cast

import yaml

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


@cache
def terrain_rules() -> dict[str, Any]:
    """Return the figures of terrain, paths and capture, each with source and ``verified``."""
    text = resources.files(__package__).joinpath("terrain.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def compiled(function: Kernel) -> Kernel:
    """Compile a kernel that frees the interpreter's lock, kept on disk where there is a place.

    A user without a writable folder still gets the kernel: compiled anew in each process. The
    compiler is loaded here, for it is slow and who asks for the figures alone needs none of it.
    """
    import numba

    try:
        return cast(Kernel, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder to keep it in
        return cast(Kernel, numba.njit(nogil=True)(function))
