"""Whether the cost grows as the work does: more jobs, larger pictures, more workers."""

from benchmarks.command import Effort, run
from benchmarks.growth import by_jobs, by_size, by_workers
from benchmarks.report import Figure, Findings, Line, Plot, above, below

_JOBS = (1, 10, 100, 1000, 10000)
_FEW_JOBS = (1, 10, 50)
_SIZES = (256, 384, 512, 640, 768)
_FEW_SIZES = (256, 384)
_WORKERS = (1, 2, 3, 4)
_FEW_WORKERS = (1, 2)

_NOTE = (
    "Jobs and workers are those of a model that does nothing, and of one that sleeps for 0.2 s;"
    " sizes those of the real one."
)

Growth = dict[int, float]


def measure(effort: Effort) -> Findings:
    """Measure each at a few points."""
    jobs = by_jobs(_FEW_JOBS if effort.quick else _JOBS)
    ours, bare = by_size(_FEW_SIZES if effort.quick else _SIZES, rounds=effort.of(9, 1))
    workers = by_workers(_FEW_WORKERS if effort.quick else _WORKERS, effort.of(100, 5))
    return Findings(
        figures=(_of_jobs(jobs), *_of_sizes(ours, bare), _of_workers(workers)),
        plots=_plots(jobs, ours, bare, workers),
        notes=(_NOTE,),
    )


def _of_jobs(jobs: Growth) -> Figure:
    few, many = sorted(jobs)[1], max(jobs)  # A single job is claimed before the clock starts.
    what = f"seconds a job, {many:,} queued to {few}"
    return Figure(what=what, value=jobs[many] / jobs[few], target=below(1.2))


def _of_sizes(ours: Growth, bare: Growth) -> tuple[Figure, ...]:
    small, large = min(ours), max(ours)
    pixels = (large / small) ** 2
    grown, beside = ours[large] / ours[small], bare[large] / bare[small]
    between = f"{small} to {large} px"
    return (
        Figure(
            what=f"growth from {between}, ours to the bare call's",
            value=grown / beside,
            target=below(1.05),
        ),
        Figure(what=f"growth from {between} to that of the pixels", value=grown / pixels),
    )


def _of_workers(workers: Growth) -> Figure:
    many = max(workers)
    what = f"pictures a second, {many} workers to 1"
    return Figure(what=what, value=workers[many] / workers[1], target=above(0.95 * many))


def _plots(jobs: Growth, ours: Growth, bare: Growth, workers: Growth) -> tuple[Plot, ...]:
    return (
        Plot(
            name="scaling-jobs",
            title="Jobs that do nothing",
            x="jobs queued at once",
            y="seconds until the last has ended",
            lines=(_line("ours", {count: count * each for count, each in jobs.items()}),),
            logarithmic="xy",
        ),
        Plot(
            name="scaling-size",
            title="Larger pictures",
            x="thousands of pixels",
            y="seconds a picture",
            lines=(_line("over HTTP", _pixels(ours)), _line("bare call", _pixels(bare))),
        ),
        Plot(
            name="scaling-workers",
            title="More workers, of a model that sleeps",
            x="workers",
            y="pictures a second",
            lines=(_line("ours", workers),),
        ),
    )


def _pixels(growth: Growth) -> Growth:
    return {round(size * size / 1000): seconds for size, seconds in growth.items()}


def _line(label: str, growth: Growth) -> Line:
    return Line(label=label, points=tuple(growth.items()))


if __name__ == "__main__":
    run("scaling", __doc__, measure)
