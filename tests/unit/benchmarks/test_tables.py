import pytest

from benchmarks.all import NAMES
from benchmarks.document import DOCUMENT, ON_PIXELS, blocks_of, fill
from benchmarks.report import Figure, Findings, Line, Plot, Report, above, below
from benchmarks.tables import number, table


def make_report(*figures: Figure, plots: tuple[Plot, ...] = (), quick: bool = False) -> Report:
    return Report(
        name="noop",
        quick=quick,
        measured_at="2026-11-27T12:00:00+00:00",
        machine={"cores": "2"},
        findings=Findings(figures=figures, plots=plots, notes=("A note.",)),
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.000"), (0.98765, "0.988"), (1.5, "1.50"), (-12.34, "-12.3"), (1234.5, "1,234")],
)
def test_three_digits_of_a_number_matter(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_table_says_how_far_values_stray_and_whether_targets_are_met() -> None:
    report = make_report(
        Figure.middle("ours", [2.0, 3.0, 4.0], "ms", below(2.5)),
        Figure.tail("the same, p99", [1.0, 101.0], "ms"),
        Figure(what="share", value=0.99, target=above(0.98)),
        Figure(what="threads", value=40),
    )
    assert table(report) == (
        "| what | measured | p10 to p90 | target | |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ours | 3.00 ms | 2.20 to 3.80 | ≤ 2.50 ms | **missed** |\n"
        "| the same, p99 | 100 ms |  |  |  |\n"
        "| share | 0.990 |  | ≥ 0.980 | met |\n"
        "| threads | 40.0 |  |  |  |\n"
        "\n"
        "A note.\n"
        "\n"
        "Measured: 2026-11-27; cores 2."
    )


def test_a_quick_run_is_called_one() -> None:
    assert "Quick run, of no meaning: 2026-11-27" in table(make_report(quick=True))


class TestFill:
    TEXT = "Before.\n<!-- noop -->\nOld.\n<!-- /noop -->\nAfter.\n"

    def test_puts_table_and_plots_in_place_of_the_old_ones(self) -> None:
        line = Line(label="ours", points=((1, 2),))
        plot = Plot(name="noop", title="Nothing", x="x", y="y", lines=(line,))
        report = make_report(plots=(plot,))
        assert fill(self.TEXT, {"noop": report}) == (
            f"Before.\n<!-- noop -->\n{table(report)}\n\n"
            "![Nothing](performance/noop.svg)\n<!-- /noop -->\nAfter.\n"
        )

    def test_says_what_was_not_measured(self) -> None:
        filled = fill(self.TEXT, {})
        assert filled == self.TEXT.replace("Old.", "Not measured yet.")

    def test_changes_nothing_the_second_time(self) -> None:
        reports = {"noop": make_report(Figure(what="ours", value=1))}
        filled = fill(self.TEXT, reports)
        assert fill(filled, reports) == filled


def test_the_document_has_a_block_for_each_benchmark() -> None:
    assert blocks_of(DOCUMENT.read_text(encoding="utf-8")) == list(NAMES)


def test_the_document_on_pixels_has_a_block_for_their_differences() -> None:
    assert blocks_of(ON_PIXELS.read_text(encoding="utf-8")) == ["reproducibility"]
