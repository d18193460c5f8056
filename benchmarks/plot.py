"""The plot of cost against length."""

import matplotlib as mpl

mpl.use("svg")
# The same figures give the same file.
mpl.rcParams["svg.hashsalt"] = "benchmarks"

from matplotlib import pyplot as plt  # noqa: E402


def draw(costs, file):
    """Draw what journeys cost by their length, both logarithmic, and the page as the least there is."""
    lengths = list(costs)
    figure, axes = plt.subplots(figsize=(8, 5))
    for contender in costs[lengths[0]]:
        milliseconds = [costs[pages][contender].milliseconds / pages for pages in lengths]
        axes.plot(lengths, milliseconds, marker="o", label=contender.name)
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(pages) for pages in lengths])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("pages of the journey")
    axes.set_ylabel("CPU for each page, ms (GET and POST)")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
