"""What it means that no answer came."""

from scripts.cli.failures import ConnectionLost, Unreachable, WrongUsage

_EVERY_ADDRESS_TRIED = "All connection attempts failed"  # Says nothing more.


def wrong_url(url: str, error: Exception) -> WrongUsage:
    """Give the failure for an address that is none."""
    hint = "it looks like http://localhost:8000: see --url, SEMANTIC_BIT_URL, HOST and PORT"
    return WrongUsage(f"{url} is no address: {error}", hint=hint)


def silent(url: str, error: Exception) -> Unreachable:
    """Give the failure for an address where nothing listens."""
    reason = "" if str(error) == _EVERY_ADDRESS_TRIED else f" ({_reason(error)})"
    hint = "semantic-bit serve starts a service here; --url names one elsewhere"
    return Unreachable(f"nothing answers at {url}{reason}", hint=hint)


def lost(url: str, error: Exception) -> ConnectionLost:
    """Give the failure for a connection that broke, or brought nonsense."""
    message = f"the connection to {url} broke ({_reason(error)})"
    return ConnectionLost(message, hint="semantic-bit doctor says whether the service lives")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
