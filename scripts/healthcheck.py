"""Ask a process on this machine whether it lives; the exit status says so.

    python -m scripts.healthcheck 8000 /livez

For the health checks of containers, in which there is no curl.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

_TIMEOUT_SECONDS = 5


def complaint(port: int, path: str) -> str | None:
    """Say in what the answer falls short of 200; nothing where it is that."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"port {port} does not answer: {error}"
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"port {port} answers {path} with {status}"


if __name__ == "__main__":
    sys.exit(complaint(int(sys.argv[1]), sys.argv[2]))
