"""What the fuzzer has to know of us that no schema can say."""

import re
from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from shared.picture_metadata import INFOTEXT
from tests.support.pngs import flat_png, make_png

_SAID_BY_A_SCHEMA = re.compile(
    r"(Input|String|List|Value|Dictionary) should|Field required|Extra inputs"
)
_CAT = "a cat on a mat\nSteps: 5, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 256x256"
_A1111 = "/sdapi/"

schemathesis.openapi.media_type(
    "image/png",
    strategies.one_of(
        strategies.just(flat_png({INFOTEXT: _CAT})),
        strategies.just(make_png()),
        strategies.text().map(lambda text: flat_png({INFOTEXT: text}, size=(2, 1))),
        strategies.binary(),
    ),
)


@schemathesis.hook
def filter_failure(_: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep a failure, unless it is none."""
    match failure:
        case RejectedPositiveData():
            return bool(_SAID_BY_A_SCHEMA.search(_detail_of(response.json())))
        case AcceptedNegativeData():
            return not _is_harmless(failure.message, case.path)
        case _:
            return True


def _detail_of(body: Mapping[str, object]) -> str:
    error = body["error"]
    return str(error["message"] if isinstance(error, dict) else body["detail"])


def _is_harmless(message: str, path: str) -> bool:
    # A client may send headers that are none of ours.
    is_header = "in header - object with unexpected properties" in message
    # A1111 reads numbers in quotes, and so does its stand-in here.
    return is_header or (path.startswith(_A1111) and "Incorrect type" in message)
