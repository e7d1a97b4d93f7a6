from benchmarks.turns import in_turns


def test_nothing_is_always_the_first_of_its_round() -> None:
    order: list[str] = []

    def way(name: str) -> int:
        order.append(name)
        return len(order)

    taken = in_turns({"a": lambda: way("a"), "b": lambda: way("b")}, rounds=3)
    assert "".join(order) == "abbaab"
    assert taken == {"a": [1, 4, 5], "b": [2, 3, 6]}
