"""What a route asks for, by which the document knows what it can answer."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext

Part = Callable[..., Any]


def parts_of(route: RouteContext) -> set[Part]:
    """Give every dependency of a route, and those of the dependencies."""
    return set(_below(route.dependant))


def has_part(route: RouteContext, part: Part) -> bool:
    """Say whether a route asks for it."""
    return part in parts_of(route)


def _below(dependant: Dependant) -> Iterator[Part]:
    for child in dependant.dependencies:
        if child.call is not None:
            yield child.call
        yield from _below(child)
