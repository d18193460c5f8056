"""``python -m benchmarks``: measure, print, and write the page of the documentation."""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

LENGTHS = (3, 10, 30, 100)
#: Journeys of each contender that are looked into, for each round.
WALKS_A_ROUND = 6
DOCS = Path(__file__).resolve().parent.parent / "docs"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each run (15)")
    parser.add_argument("--pages", type=int, nargs="+", default=LENGTHS, help="lengths of the journeys (3 10 30 100)")
    parser.add_argument("--least", type=int, default=30, help="pages that each shows in a round, at least (30)")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks-tables.rst and the plot")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCHMARKS_FOLDER"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        missed = run(options)
    sys.exit(f"{missed} of the figures to reach do not hold." if missed else 0)


def run(options):
    """Measure all there is; return how many of the figures to reach do not hold."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)

    from . import journeys, report, starting, where
    from .contenders import all_contenders

    contenders = all_contenders()
    plain, conditional = [{}, {}], [{}, {}]
    for number in (0, 1):
        for pages in options.pages:
            plain[number][pages], conditional[number][pages] = journeys.measure(
                contenders, pages, rounds=options.rounds, least=options.least, seed=number + 1
            )
    counts = {contender: journeys.count(contender, max(options.pages)) for contender in contenders}
    header, *places = where.rows(where.sample(WALKS_A_ROUND * options.rounds))
    names = [name for name in starting.MODULES if any(each.name == name for each in contenders)]
    imports = {name: starting.import_milliseconds(name) for name in names}
    urls = {name: starting.build_and_resolve(name) for name in names}
    tables = [
        report.costs_table("A whole journey, as a multiple of the reference", plain),
        report.costs_table("The same, every second page under a condition on an answer of the first", conditional),
        report.growth_table(f"Of {max(options.pages)} pages, the last as a multiple of the second", plain),
        report.counts_table(f"One page of {max(options.pages)}", counts),
        report.table(f"A page of {where.PAGES}, in parts of what it costs by hand", header, places),
        report.starting_table(f"What is made once, with {starting.POSITIONS} positions", imports, urls),
        f"Python {platform.python_version()}, Django {django.__version__}, {options.rounds} rounds in each run.\n",
    ]
    print("\n".join(tables))
    missed = 0
    for number, figures in enumerate(zip(plain, conditional, strict=True), 1):
        for what, value, limit in report.verdicts(*figures):
            missed += value > limit
            print(f"run {number}: {value:5.2f}  (at most {limit:.2f}{', MISSED' if value > limit else ''})  {what}")
    if options.docs:
        from .plot import draw

        (DOCS / "benchmarks-tables.rst").write_text("\n".join(tables), encoding="utf-8")
        draw(plain[0], DOCS / "benchmarks-plot.svg")
    return missed


main()
