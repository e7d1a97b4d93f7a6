"""What a viewer costs a job: pictures with and without previews, in turns.

./run.sh, then: python -m benchmarks.previews
"""

import json
from statistics import median

from benchmarks.service import arguments, connected, end_of, submit, watch


def main() -> None:
    """Paint pairs, one of each with a viewer, and compare the medians of the worker's own times."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    previews = 0
    with connected(options.url) as client:
        for seed in range(options.pairs):
            for with_previews in (False, True) if seed % 2 else (True, False):
                job = submit(client, seed=seed, width=options.size, height=options.size)
                previews += watch(client, job, preview=with_previews)
                timings = end_of(client, job)["result"]["timings"]
                seconds[with_previews].append(timings["total"])
    ratios = [shown / plain for shown, plain in zip(seconds[True], seconds[False], strict=True)]
    report = {
        "pairs": options.pairs,
        "previews_per_picture": round(previews / options.pairs, 1),
        "ratio_of_medians": round(median(seconds[True]) / median(seconds[False]), 4),
        "median_of_ratios": round(median(ratios), 4),
        "spread_of_ratios": [round(min(ratios), 4), round(max(ratios), 4)],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
