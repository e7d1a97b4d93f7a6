"""Which methods a path has, for the answer to one that it has not."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


def allowed_methods(app: FastAPI, path: str) -> str:
    """Give the methods of every route of a path, as the header `Allow` has them.

    The router's own answer knows those of the first route alone.
    """
    methods = {
        method
        for route in iter_route_contexts(app.routes)
        if (regex := route.path_regex) and regex.match(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods))
