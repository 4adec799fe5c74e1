# SPDX-License-Identifier: BSD-3-Clause
"""What it costs when tables and pools get full: charts of both.

Set-ups a second: a million connections live, in tables for more and more of them; rounds of all
tables in turn, each figure the median of its rounds. Bind round trips: as postern-bench --mode bind
has them, with two CPUs, for each share of the pool that is taken.
"""

import json
import os
import subprocess
import sys

from . import chart
from .figures import Case, Entry, median
from .machine import Keeper, has_huge, note
from .programs import Postern, Traffic

FLOWS = 1 << 20
LIVE = FLOWS // 64 * 61
LOADS = (12, 25, 50, 75, 90, 95)  # per cent of the tables
TRANSPORTS = ("udp", "tcp")


def tables_for(percent):
    return LIVE * 100 // percent


def setup_cases(args, bench):
    """By share of the tables and transport."""
    return {(percent, transport): Case([Entry(
        f"{transport} {percent} %",
        Postern(bench, ["--connections", str(tables_for(percent))]),
        Traffic("setup", FLOWS, transport=transport, seconds=args.seconds))])
            for percent in LOADS if has_huge(tables_for(percent)) for transport in TRANSPORTS}


def thousands(case):
    """Connections a second: the median of the rounds that have a figure."""
    runs = next(iter(case.runs.values()))
    rate = median(run["connections_per_s"] for run in runs if run.get("connections_per_s"))
    return None if rate is None else rate / 1e3


def setup_series(cases):
    """The lines of a chart: thousand set-ups a second against the tables' load."""
    series = []
    for transport in TRANSPORTS:
        points = [(percent, thousands(case)) for (percent, of), case in cases.items()
                  if of == transport and thousands(case) is not None]
        if points:
            series.append((transport.upper(), points))
    return series


def bind_series(document):
    """The same: median ns of a round trip against the pool's load."""
    rows = [row for row in document if row["cpus"] == "dedicated"]
    return [(f"n = {n}", [(row["fill_percent"], 1e3 * row["p50_us"]) for row in rows
                          if row["n"] == n])
            for n in sorted({row["n"] for row in rows})]


def bind_document(bench):
    done = subprocess.run([bench.binary(), "--mode", "bind", "--json"], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"bench: mode bind ended with {done.returncode}")
    return json.loads(done.stdout)


def print_series(title, series):
    print(title)
    for name, points in series:
        print(f"  {name:8}" + "".join(f"{percent:5} %: {value:6.0f}" for percent, value in points))


def draw(folder, name, series, title, x_name, y_name):
    if not series:
        note(f"no {name}: no figures")
        return
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(chart.svg(series, title, x_name, y_name, percent=True))


def run(args, bench, folder):
    """Measure, print and draw into the folder. The exit code."""
    cases = setup_cases(args, bench)
    with Keeper():
        for _ in range(args.pairs):
            for case in cases.values():
                case.run_round()
    setups, binds = setup_series(cases), bind_series(bind_document(bench))
    print_series("thousand set-ups a second, by share of the tables in use", setups)
    print_series("ns of a bind round trip, median, by share of the pool in use", binds)
    draw(folder, "bench-setup.svg", setups, "New connections, a million live, as many expire",
         "share of the tables in use", "thousand a second")
    draw(folder, "bench-bind.svg", binds, "BindForClient of n ports, from one CPU to another",
         "share of the pool in use", "ns a round trip")
    problems = [problem for case in cases.values() for problem in case.problems]
    for problem in problems:
        note(problem)
    return 1 if problems else 0
