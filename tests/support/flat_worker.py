"""The worker as it is, but for a model that costs nothing, where the picture does not matter."""

from shared.settings import Settings
from tests.support.builders import BUILD
from tests.support.pipelines import PaintsFlat
from tests.support.tokenizers import make_tokenizer
from worker.main import Publish, main
from worker.metrics import OnAgain
from worker.model_source import NamedModel


class FlatLoader:
    """Loads nothing."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def __call__(self, model: NamedModel) -> PaintsFlat:  # noqa: ARG002  # The protocol's.
        tokenizer = make_tokenizer()
        self._publish(tokenizer)
        return PaintsFlat(build=BUILD.model_copy(update={"tokenizer": tokenizer.id}))

    def free(self) -> None:
        """There is nothing."""


def load(_: Settings, __: OnAgain, publish: Publish) -> FlatLoader:
    return FlatLoader(publish)


if __name__ == "__main__":
    main(load)
