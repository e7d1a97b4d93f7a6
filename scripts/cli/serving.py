"""`serve` starts everything on this machine, as ./run.sh does."""

import typer

from scripts.cli.failures import Failure


def serve(context: typer.Context) -> None:
    """Start Redis, the worker and the API here; --with-flower adds Flower. Ctrl-C stops them."""
    try:
        from scripts.serve import main  # noqa: PLC0415  # Clients need none of its packages.
    except ImportError as error:
        message = f"{error.name} is not installed, which serving needs"
        hint = "pip install 'semantic-bit-gpu-server[api,worker,webhooks,serve]', or ./run.sh"
        raise Failure(message, hint=hint) from None
    main(context.args, program="semantic-bit serve")
