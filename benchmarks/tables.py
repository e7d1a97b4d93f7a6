"""Reports as tables of Markdown."""

from benchmarks.report import Figure, Report, Target

_HEAD = "| what | measured | p10 to p90 | target | |\n| --- | --- | --- | --- | --- |"
_SIGNS = {"below": "≤", "above": "≥"}


def table(report: Report) -> str:
    """Give a report's figures as a table, its notes under it, and where they come from."""
    rows = "\n".join(map(_row, report.findings.figures))
    remarks = [*report.findings.notes, _origin(report)]
    return "\n\n".join([f"{_HEAD}\n{rows}", *remarks])


def number(value: float) -> str:
    """Show three digits that matter, and all of those before the point."""
    size = abs(value)
    decimals = next((digits for digits, least in enumerate((100, 10, 1)) if size >= least), 3)
    return f"{value:,.{decimals}f}"


def _row(figure: Figure) -> str:
    cells = (
        figure.what,
        _with_unit(figure.value, figure.unit),
        _around_the_middle(figure),
        _in_words(figure.target, figure.unit),
        _verdict(figure),
    )
    return f"| {' | '.join(cells)} |"


def _around_the_middle(figure: Figure) -> str:
    spread = figure.spread
    if spread is None or figure.value != spread.median:
        return ""
    return f"{number(spread.p10)} to {number(spread.p90)}"


def _in_words(target: Target | None, unit: str) -> str:
    return f"{_SIGNS[target.side]} {_with_unit(target.limit, unit)}" if target else ""


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "met" if figure.target.is_met_by(figure.value) else "**missed**"


def _origin(report: Report) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    kind = "Quick run, of no meaning" if report.quick else "Measured"
    return f"{kind}: {report.measured_at[:10]}; {machine}."
