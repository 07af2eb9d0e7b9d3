"""The answers asked for last, kept in memory: bounded, and safe for threads."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """At most so many answers, by what they hang on; the one not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._guard = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> T | None:
        """Return the answer kept under a key; None where there is none."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, answer: T) -> None:
        """Keep an answer, and let go of what is one too many."""
        with self._guard:
            self._kept[key] = answer
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
