import pytest

from shared.job_parts import FailureType
from tests.support.builders import BUILD, make_request
from tests.support.pipelines import PaintsFlat
from worker.blocking import BlockingPipeline
from worker.painting import PaintingFailed


@pytest.mark.parametrize("flagged", [False, None])
def test_what_is_not_flagged_passes(flagged: bool | None) -> None:  # noqa: FBT001
    pipeline = BlockingPipeline(PaintsFlat(flagged=flagged))
    assert pipeline.build_of(make_request()) is BUILD
    assert pipeline.generate(make_request(), lambda *_: None).flagged is flagged


def test_what_is_flagged_fails_with_its_own_type() -> None:
    pipeline = BlockingPipeline(PaintsFlat(flagged=True))
    with pytest.raises(PaintingFailed) as failed:
        pipeline.generate(make_request(), lambda *_: None)
    assert failed.value.failure.type is FailureType.CONTENT_BLOCKED
