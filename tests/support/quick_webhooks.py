"""The delivery worker as it is, but for its times."""

from datetime import timedelta

from worker.webhooks.main import main

LIMIT_SECONDS = 3.0
DELAYS = (timedelta(seconds=0.1),) * 2
DUE_AGAIN = timedelta(seconds=5)

TRIES = len(DELAYS) + 1

if __name__ == "__main__":
    main(limit_seconds=LIMIT_SECONDS, delays=DELAYS, due_again=DUE_AGAIN)
