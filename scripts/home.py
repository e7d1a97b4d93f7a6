"""Where the service is at home: the folder whose `.env` it reads and where its `.data` is."""

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Give the checkout that this program is part of; where it was installed alone, here."""
    return _CHECKOUT if (_CHECKOUT / "run.sh").is_file() else Path.cwd()
