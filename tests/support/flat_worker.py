"""The worker as it is, but for a model that costs nothing, where the picture does not matter."""

from tests.support.pipelines import PaintsFlat
from worker.main import main

if __name__ == "__main__":
    main(lambda *_: PaintsFlat())
