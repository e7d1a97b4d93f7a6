"""How far off the estimates are: of jobs of several shapes that wait behind one another.

./run.sh, then: python -m benchmarks.estimates
"""

import json
from datetime import datetime
from itertools import islice, product
from statistics import median

from benchmarks.service import Job, arguments, connected, end_of, submit

SHAPES = list(product((256, 384, 512), (10, 20, 28), (1.0, 7.0)))


def main() -> None:
    """Queue every shape twice, the second time with what the first has taught, and compare."""
    parser = arguments(__doc__)
    parser.add_argument("--shapes", type=int, default=len(SHAPES))
    options = parser.parse_args()
    report = {}
    with connected(options.url) as client:
        for label in ("first", "second"):
            jobs = [
                submit(
                    client, width=size, height=size, num_inference_steps=steps, guidance_scale=scale
                )
                for size, steps, scale in islice(SHAPES, options.shapes)
            ]
            report[label] = _errors([(job, end_of(client, job)) for job in jobs])
    print(json.dumps(report, indent=2))


def _errors(jobs: list[tuple[Job, Job]]) -> dict[str, float | int | None]:
    ratios = [
        job["eta_seconds"] / _seconds(job["created_at"], ended["finished_at"])
        for job, ended in jobs
        if job["eta_seconds"] is not None
    ]
    return {
        "jobs": len(jobs),
        "with_estimate": len(ratios),
        "median_estimate_to_truth": round(median(ratios), 3) if ratios else None,
        "median_error": round(median(abs(ratio - 1) for ratio in ratios), 3) if ratios else None,
        "largest_error": round(max(abs(ratio - 1) for ratio in ratios), 3) if ratios else None,
    }


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


if __name__ == "__main__":
    main()
