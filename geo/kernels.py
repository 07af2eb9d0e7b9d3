"""The compiler that every kernel goes through."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


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
