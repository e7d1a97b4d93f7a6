"""The worker as it is, but for a model that costs nothing, where the picture does not matter."""

from shared.settings import Settings
from tests.support.builders import BUILD
from tests.support.pipelines import Gives, PaintsFlat
from tests.support.tokenizers import make_tokenizer
from worker.child import Publish
from worker.main import main
from worker.metrics import OnAgain


def load(_: Settings, __: OnAgain, publish: Publish) -> Gives:
    tokenizer = make_tokenizer()
    publish(tokenizer)
    return Gives(PaintsFlat(build=BUILD.model_copy(update={"tokenizer": tokenizer.id})))


if __name__ == "__main__":
    main(load)
