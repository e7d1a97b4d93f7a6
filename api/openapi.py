"""What `/docs` and `/openapi.json` say beyond the routes' own signatures."""

from typing import Any

from fastapi import FastAPI

from shared.generation import GenerationDefaults


def describe(app: FastAPI, defaults: GenerationDefaults) -> None:
    """Show the defaults of this installation instead of the code's."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        properties = schema["components"]["schemas"]["GenerationRequest"]["properties"]
        for name, value in defaults.model_dump(mode="json").items():
            properties[name]["default"] = value
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
