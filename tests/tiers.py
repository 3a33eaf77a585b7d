"""Tiers of tests: what ``./dev test`` runs of a long table; the rest is marked `ci`, for ``./dev test --ci``."""

from collections.abc import Callable, Container, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def one_of_each(rows: Iterable[tuple[Any, ...]], kind: Callable[..., object]) -> list[ParameterSet]:
    """Rows for ``parametrize``: the first of each kind is in the quick tier, the others are run by CI."""
    seen: set[object] = set()
    marked = []
    for row in rows:
        known = kind(*row) in seen
        seen.add(kind(*row))
        marked.append(pytest.param(*row, marks=pytest.mark.ci if known else ()))
    return marked


def chosen(names: Container[str], rows: Iterable[str]) -> list[ParameterSet]:
    """Names for ``parametrize``: those chosen are in the quick tier, the others are run by CI."""
    return [pytest.param(row, marks=() if row in names else pytest.mark.ci) for row in rows]


def every(step: int, rows: Iterable[Any]) -> list[ParameterSet]:
    """Values for ``parametrize``: every ``step``-th is in the quick tier, the others are run by CI."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.ci if at % step else ())
        for at, row in enumerate(rows)
    ]
