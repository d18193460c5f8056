"""``python -m benchmarks.scale``: measure what is to be at scale, print it, and write it for the documentation."""

import argparse
import os
import platform
from pathlib import Path

STORES = ("SQLite", "PostgreSQL", "MariaDB", "Redis")
PARTS = ("serving", "crowd", "flows")
FILE = Path(__file__).resolve().parents[2] / "docs" / "scale-tables.rst"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help="serving, crowd, flows (all of them)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each site (5)")
    parser.add_argument("--seconds", type=float, default=15, help="seconds of each turn (15)")
    parser.add_argument("--tasks", type=int, default=1_000_000, help="live tasks, and as many that expired (1000000)")
    parser.add_argument(
        "--stores", nargs="+", default=STORES, help="those that are filled (SQLite PostgreSQL MariaDB Redis)"
    )
    parser.add_argument("--flows", type=int, default=1000, help="flows of one process (1000)")
    parser.add_argument("--turns", type=int, default=25, help="turns of a small store and a large one (25)")
    parser.add_argument("--docs", action="store_true", help="write docs/scale-tables.rst")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    from ..report import table
    from . import crowd, many_flows, serving

    found = []
    if "serving" in options.parts:
        found += serving.tables(serving.measure(options.rounds, options.seconds))
    if "crowd" in options.parts:
        found += crowd.tables(crowd.measure(options.stores, options.tasks, options.turns), options.tasks)
    if "flows" in options.parts:
        found += many_flows.tables(many_flows.measure(options.flows, options.rounds))
    versions = f"Python {platform.python_version()}, Django {django.__version__}, {os.cpu_count()} processors.\n"
    text = "\n".join([*(table(*each) for each in found), versions])
    print(text)
    if options.docs:
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
