from shared.worker_groups import WorkerGroup, groups_of, queue_name
from shared.worker_registry import Heartbeat, ServedModel, WorkerState
from tests.support.builders import BUILD


def beat(worker: str, *models: str) -> Heartbeat:
    served = tuple(ServedModel(name=name) for name in models)
    return Heartbeat(worker=worker, state=WorkerState.LOADING, models=served)


class TestGroups:
    def test_are_of_workers_with_the_same_models_in_whatever_order(self) -> None:
        groups = groups_of([beat("a", "x", "y"), beat("b", "y", "x"), beat("c", "x")])
        assert groups == [
            WorkerGroup("generate.x+y", frozenset("xy"), 2),
            WorkerGroup("generate.x", frozenset("x"), 1),
        ]

    def test_have_a_plain_queue_for_workers_that_do_not_list_their_models(self) -> None:
        ready = Heartbeat(worker="a", state=WorkerState.READY, build=BUILD)
        loading = Heartbeat(worker="b", state=WorkerState.LOADING)
        assert groups_of([ready]) == [WorkerGroup("generate", frozenset({"demo"}), 1)]
        assert groups_of([loading]) == [WorkerGroup("generate", frozenset(), 1)]

    def test_are_none_without_workers(self) -> None:
        assert groups_of([]) == []


class TestQueueName:
    def test_is_short_however_many_models_there_are(self) -> None:
        many = [f"model-{number}" for number in range(100)]
        assert len(queue_name(many)) < 40
        assert queue_name(many) == queue_name(reversed(many)) != queue_name(many[1:])
