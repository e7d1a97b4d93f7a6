"""Ask a process on this machine whether it lives; the exit status says so.

    python -m scripts.healthcheck 8000 /livez
    python -m scripts.healthcheck 9101 /metrics 'semantic_bit_model_loaded 1.0'

The second wants the answer to have a text in it, too. For the health checks of containers, in which
there is no curl.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

_TIMEOUT_SECONDS = 5


def complaint(port: int, path: str, wanted: str = "") -> str | None:
    """Say in what the answer falls short of 200 with the wanted text; nothing where it is that."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"port {port} does not answer: {error}"
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        return f"port {port} answers {path} with {answer.status}"
    return None if wanted in text else f"port {port} answers {path} without {wanted!r}"


if __name__ == "__main__":
    sys.exit(complaint(int(sys.argv[1]), *sys.argv[2:]))
