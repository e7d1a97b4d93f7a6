"""`key` makes an API key: the key for its owner, its hash for the server."""

import hashlib
import re
from secrets import token_urlsafe
from typing import Annotated

import typer

from scripts.cli.failures import WrongUsage
from scripts.cli.output import messages, print_json, results

_KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def key(
    name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits, . _ -")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Make an API key, and print the lines for API_KEYS_FILE, which hold only its hash."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} is not a name: letters, digits, . _ - are allowed, 64 at most"
        raise WrongUsage(message)
    secret = f"sk-{token_urlsafe(_KEY_BYTES)}"
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    if as_json:
        print_json({"name": name, "key": secret, "sha256": sha256})
        return
    messages().print(f"The key of {name}, shown this once: {secret}", soft_wrap=True)
    messages().print("For API_KEYS_FILE:")
    table = f'"{name}"' if "." in name else name
    results().print(f'[{table}]\nsha256 = "{sha256}"', soft_wrap=True)
