"""The worker as it is, but for a model that costs nothing, where the picture does not matter."""

from tests.support.pipelines import PaintsFlat
from worker.main import main
from worker.model_source import NamedModel


class FlatLoader:
    """Loads nothing."""

    def __call__(self, model: NamedModel) -> PaintsFlat:  # noqa: ARG002  # The protocol's.
        return PaintsFlat()

    def free(self) -> None:
        """There is nothing."""


if __name__ == "__main__":
    main(lambda *_: FlatLoader())
