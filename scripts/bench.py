"""How fast the numerical core is, next to ripser.py and persim on the same clouds in the same run; and the pages.

    python scripts/bench.py
    python scripts/bench.py --cloud earlier.npy later.npy
    python scripts/bench.py --only pages

One thread, medians over repeats; ours and theirs take turns, so that a busy machine slows both. Times of the
core are CPU seconds of this process. Pages run without a browser, on the study that ships.
"""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import persim
from ripser import ripser
from scipy.spatial.distance import pdist, squareform
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phcore.topology.clouds import distance_matrix, subsamples
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import cell_diagrams
from phcore.topology.summaries import summary

TARGET_CELL = 0.25  # seconds for the diagrams of one cell
TARGET_H1 = 0.6e-3  # seconds for one exact distance between H1 diagrams
TARGET_SELECTION = 0.3  # seconds of the server for one selection
TARGET_EVIDENCE = 2.0  # seconds of the server for all sections of the Evidence page

# Selections on the Trajectories page: another value of a widget, by its key.
SELECTIONS = (
    ("selectbox", "t_scale", "median"),
    ("selectbox", "t_per", "step"),
    ("selectbox", "t_order", "1"),
    ("selectbox", "t_degree", "H0 components"),
    ("toggle", "t_log", False),
    ("selectbox", "t_layer", 6),
    ("selectbox", "t_way", "two features"),
    ("selectbox", "t_way", "mean landscapes"),
    ("selectbox", "t_way", "all distances"),
)

SECTIONS = (
    "More than noise?", "Early?", "Apart?", "More than geometry?", "Before behaviour?", "Robust?", "Other models?",
)  # fmt: skip


def synthetic_pair(n: int = 320, d: int = 576, rank: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Two consecutive checkpoints, (2, n, d) each: a cloud moved a little, over decaying axes with noise.

    First clusters, with about as many H1 bars as hidden states of a small model; then a Gaussian of the
    same axes, the control, with twice as many.
    """
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(rank, d)) * np.arange(1, rank + 1)[:, None] ** -0.8
    gaussian = rng.normal(size=(n, rank))
    clusters = gaussian + 2.5 * rng.normal(size=(12, rank))[rng.integers(12, size=n)]
    cloud = np.stack([clusters, gaussian]) @ axes + 0.05 * rng.normal(size=(2, n, d))
    moved = cloud + 0.08 * rng.normal(size=(2, n, rank)) @ axes
    return cloud.astype(np.float32), moved.astype(np.float32)


def take_turns(ours: Callable, theirs: Callable, repeats: int) -> tuple[float, float]:
    """Median CPU seconds of both, measured alternately."""
    spent = [[], []]
    for _ in range(repeats):
        for call, times in zip((ours, theirs), spent, strict=True):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
    return tuple(np.median(times) for times in spent)


def ripser_cell(distances: np.ndarray, indices: np.ndarray) -> list:
    return [ripser(distances[np.ix_(row, row)], distance_matrix=True, maxdim=1)["dgms"] for row in indices]


def bench_layer(earlier: np.ndarray, later: np.ndarray, repeats: int) -> None:
    """Print the table of one layer: two clouds (n, d)."""
    indices = subsamples(len(earlier))
    distances = distance_matrix(earlier)
    before, after = (cell_diagrams(distance_matrix(cloud), indices) for cloud in (earlier, later))
    bars = [len(h1) for _, h1 in before]
    print(
        f"{len(earlier)} prompts x {earlier.shape[1]}, {len(indices)} subsamples of {indices.shape[1]}, "
        f"H1 bars {min(bars)}-{max(bars)} (mean {np.mean(bars):.0f})"
    )
    print(f"  {'':46}{'ours':>10}{'theirs':>10}{'ratio':>8}")

    def row(name: str, ours: Callable, theirs: Callable, per: int = 1, target: float | None = None) -> None:
        mine, other = (seconds / per for seconds in take_turns(ours, theirs, repeats))
        verdict = "" if target is None else f"  target {target * 1e3:g} ms: {'met' if mine <= target else 'MISSED'}"
        print(f"  {name:46}{mine * 1e3:8.2f}ms{other * 1e3:8.2f}ms{other / mine:7.1f}x{verdict}")

    row(
        "distances of a cloud (scipy pdist)",
        lambda: distance_matrix(earlier),
        lambda: squareform(pdist(earlier.astype(np.float64))),
    )
    row(
        "diagrams of a cell (ripser.py)",
        lambda: cell_diagrams(distances, indices),
        lambda: ripser_cell(distances, indices),
        target=TARGET_CELL,
    )
    for degree in (0, 1):
        pairs = [(a[degree], b[degree]) for a, b in zip(before, after, strict=True)]
        for order in (1, 2):
            row(
                f"H{degree} Wasserstein, order {order} (persim{', order 1' if order == 2 else ''})",
                lambda pairs=pairs, order=order: [wasserstein(a, b, order=order) for a, b in pairs],
                lambda pairs=pairs: [persim.wasserstein(a, b) for a, b in pairs],
                per=len(pairs),
                target=TARGET_H1 if degree else None,
            )
    agreement = max(
        abs(wasserstein(a[1], b[1], order=1) / persim.wasserstein(a[1], b[1]) - 1)
        for a, b in zip(before[:8], after[:8], strict=True)
    )
    start = time.process_time()
    for pair in before:
        summary(pair)
    print(f"  41 summaries of a cell: {(time.process_time() - start) * 1e3:.1f} ms")
    print(f"  largest relative difference to persim (order 1, H1): {agreement:.1e}\n")


def bench_pages(repeats: int) -> None:
    """Print how long the server takes for the first visit of each selection, and for a later one from memory."""
    logging.disable(logging.WARNING)  # of running without a server
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    pages = Path(__file__).resolve().parents[1] / "pages"

    def opened(page: str = "trajectories", **query: str) -> AppTest:
        app = AppTest.from_file(str(pages / "shell.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = value
        app.switch_page(str(pages / f"{page}.py"))
        return app.run()

    def seconds(app: AppTest, kind: str, key: str, value: object) -> float:
        getattr(app, kind)(key=key).set_value(value)
        start = time.perf_counter()
        app.run()
        spent = time.perf_counter() - start
        if app.exception:
            raise RuntimeError(app.exception[0].message)
        return spent

    opened()  # imports everything
    print(f"Selections on the Trajectories page, seconds of the server, medians of {repeats}")
    print(f"  {'':46}{'first':>10}{'later':>10}")
    for kind, key, value in SELECTIONS:
        first, later = [], []
        for _ in range(repeats):
            st.cache_resource.clear()
            st.cache_data.clear()
            app = opened()
            usual = getattr(app, kind)(key=key).value
            first.append(seconds(app, kind, key, value))
            seconds(app, kind, key, usual)
            later.append(seconds(app, kind, key, value))
        slow, quick = np.median(first), np.median(later)
        verdict = f"target {TARGET_SELECTION * 1e3:g} ms: {'met' if slow <= TARGET_SELECTION else 'MISSED'}"
        print(f"  {f'{key} = {value}':46}{slow * 1e3:8.0f}ms{quick * 1e3:8.0f}ms  {verdict}")

    print(f"The Evidence page, section by section in one visit, seconds of the server, medians of {repeats}")
    print(f"  {'':46}{'first':>10}{'later':>10}")
    spent: dict[str, list[list[float]]] = {section: [[], []] for section in SECTIONS}
    for _ in range(repeats):
        st.cache_resource.clear()
        st.cache_data.clear()
        start = time.perf_counter()
        app = opened("evidence")
        spent[SECTIONS[0]][0].append(time.perf_counter() - start)
        for section in SECTIONS[1:]:
            spent[section][0].append(seconds(app, "segmented_control", "e_section", section))
        for section in SECTIONS:
            spent[section][1].append(seconds(app, "segmented_control", "e_section", section))
    for section, (first, later) in spent.items():
        print(f"  {section:46}{np.median(first) * 1e3:8.0f}ms{np.median(later) * 1e3:8.0f}ms")
    whole = float(np.median(np.sum([first for first, _ in spent.values()], axis=0)))
    verdict = f"target {TARGET_EVIDENCE:g} s: {'met' if whole <= TARGET_EVIDENCE else 'MISSED'}"
    print(f"  {'all of it':46}{whole * 1e3:8.0f}ms{'':10}  {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cloud",
        nargs="+",
        metavar="FILE.npy",
        help="one or two (layers, prompts, hidden) arrays; with one, its rows in reverse are the later checkpoint",
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["core", "pages"], help="one of the two parts")
    options = parser.parse_args()
    if options.only != "pages":
        bench_core(options)
    if options.only != "core":
        bench_pages(options.repeats)


def bench_core(options: argparse.Namespace) -> None:
    if options.cloud:
        earlier = np.load(options.cloud[0])
        later = np.load(options.cloud[1]) if len(options.cloud) > 1 else earlier[:, ::-1]
    else:
        earlier, later = synthetic_pair()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for layer in range(len(earlier)):
            bench_layer(earlier[layer], later[layer], options.repeats)


if __name__ == "__main__":
    main()
