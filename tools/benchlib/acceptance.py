# SPDX-License-Identifier: BSD-3-Clause
"""All that has a target, run in one go, in rounds that are spread over the whole time.

A round runs, for each number of flows, testpmd and postern with each kind of traffic in turn. What
postern adds is the difference of two runs of one round, and the figure the median of the rounds'.
"""

import json
import subprocess
import sys
import time

from . import chart, rows
from .figures import Case, Entry, median, quiet_probe, summary
from .machine import Keeper, cpu_name, has_huge, has_memory, note
from .programs import Postern, Testpmd, Traffic

LATEST_S = 400  # no round begins later, but for the first
SETUP_FLOWS = 1 << 20
SETUP_LONGER = 4  # one loop in 10,000 is to be many
KINDS = {"udp": {}, "tcp": {"transport": "tcp"}, "imix": {"packet_size": "imix"},
         "vlan": {"vlan": "inside"}}
ALL = tuple(KINDS)
MANY = ("udp", "tcp")
CHART_LINES = (("testpmd macswap", "testpmd udp"), ("postern, UDP", "postern udp"),
               ("postern, TCP", "postern tcp"))


def plan(args):
    """(flows, kinds of traffic, rounds) of the forward cases."""
    if args.quick:
        return [(1024, ALL, 1), (65536, MANY, 1)]
    cases = [(flows, ALL if flows <= 1 << 20 else MANY, args.pairs) for flows in rows.ADDED_NS
             if has_memory(flows)]
    more = [1, 16, 256, 8192, 262144] + [1 << 23] * has_huge(1 << 23)
    return cases + [(flows, MANY, 1) for flows in more]


class Acceptance:
    def __init__(self, args, bench):
        self.args = args
        self.bench = bench
        self.began = time.monotonic()
        self.testpmd, self.postern = Testpmd(bench), Postern(bench)
        self.forward = []  # (rounds, case)
        self.setup = {}
        self.documents = {}
        self.problems = []

    def forward_case(self, flows, kinds):
        entries = []
        for kind in kinds:
            traffic = Traffic(flows=flows, seconds=self.args.seconds, **KINDS[kind])
            entries.append(Entry(f"testpmd {kind}", self.testpmd, traffic, routed=False))
            entries.append(Entry(f"postern {kind}", self.postern, traffic))
        return Case(entries)

    def setup_case(self, kind):
        flows = SETUP_FLOWS // (16 if self.args.quick else 1)
        seconds = self.args.seconds * (1 if self.args.quick else SETUP_LONGER)
        traffic = Traffic("setup", flows, seconds=seconds, **KINDS[kind])
        return Case([Entry(f"postern {kind}", self.postern, traffic)])

    def cases(self):
        return [case for _, case in self.forward] + list(self.setup.values())

    def seconds_gone(self):
        return time.monotonic() - self.began

    def run_round(self, number):
        due = [case for rounds, case in self.forward if number < rounds]
        for case in due + list(self.setup.values()):
            if number > 0 and self.seconds_gone() > LATEST_S:
                note(f"round {number + 1} ends early: {LATEST_S} s are over")
                return
            case.run_round()

    def run_packets(self):
        self.forward = [(rounds, self.forward_case(flows, kinds))
                        for flows, kinds, rounds in plan(self.args)]
        self.setup = {kind: self.setup_case(kind) for kind in MANY}
        for number in range(1 if self.args.quick else self.args.pairs):
            note(f"round {number + 1}, after {self.seconds_gone():.0f} s")
            self.run_round(number)
        for case in self.cases():
            self.problems += case.problems

    def run_document(self, name, command):
        """What a program prints as JSON; None when it can't be run so."""
        note(f"{name}, after {self.seconds_gone():.0f} s")
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.documents[name] = json.loads(done.stdout)
        except ValueError:
            return
        if done.returncode != 0:
            sys.stderr.buffer.write(done.stderr[-2000:])
            self.problems.append(f"{name}: ended with {done.returncode}")

    def run(self):
        with Keeper():
            self.run_packets()
            self.run_document("edit", [self.postern.binary, "--mode", "edit", "--seconds",
                                       str(self.args.seconds), "--json"])
        self.run_document("bind", [self.postern.binary, "--mode", "bind", "--json"])
        self.run_document("load", [self.postern.binary, "--mode", "bind", "--load", "--seconds",
                                   str(self.args.seconds + 1), "--json"])
        self.run_document("start", [sys.argv[0], "--build", self.args.build, "--start", "--json"])

    def quiet(self):
        return quiet_probe([probe for case in self.cases() for probe in case.probes()])

    def bytes_each(self):
        """Of the largest tables there were."""
        sizes = [(run["connections"], run["bytes_per_connection"])
                 for _, case in self.forward for run in case.runs["postern udp"]
                 if "bytes_per_connection" in run]
        return max(sizes)[1] if sizes else None

    def rows(self, quiet):
        added = {case.traffic.flows: added_costs(case, quiet) for _, case in self.forward}
        setup = {kind: setup_figures(case.runs[f"postern {kind}"])
                 for kind, case in self.setup.items()}
        return (rows.forward_rows(added) + rows.setup_rows(setup["udp"], setup["tcp"]) +
                [rows.memory_row(self.bytes_each())] +
                rows.bind_rows(self.documents.get("bind"), self.documents.get("load")) +
                [rows.edit_row(self.documents.get("edit")),
                 rows.start_row(self.documents.get("start"))])

    def details(self, quiet):
        return [{"mode": case.traffic.mode, "flows": case.traffic.flows, "rounds": case.rounds,
                 **{name: summary(case, name, quiet) for name in case.runs}}
                for case in sorted(self.cases(), key=lambda case: case.traffic.flows)]


def added_costs(case, quiet):
    """By kind of traffic: what postern costs more than testpmd, the median of the rounds."""
    costs = case.round_costs(quiet)
    kinds = [name.split()[1] for name in case.runs if name.startswith("postern")]
    return {kind: median(cost[f"postern {kind}"] - cost[f"testpmd {kind}"] for cost in costs
                         if {f"postern {kind}", f"testpmd {kind}"} <= cost.keys())
            for kind in kinds}


def setup_figures(runs):
    """The medians of the runs' figures, and the longest loop of all."""
    found = {key: median(run[key] for run in runs if key in run)
             for key in ("connections_per_s", "live", "expired", "loop_p9999_us",
                         "idle_p9999_us", "every_p9999_us")}
    found["loop_max_us"] = max((run["loop_max_us"] for run in runs if "loop_max_us" in run),
                               default=None)
    return found


def chart_series(details):
    """The lines of the chart, of the forward cases that have a figure."""
    series = []
    for title, name in CHART_LINES:
        points = [(case["flows"], case[name]["median"]) for case in details
                  if case["mode"] == "forward" and case.get(name, {}).get("kept")]
        if points:
            series.append((title, points))
    return series


def write_chart(path, details):
    series = chart_series(details)
    if not series:
        note("no chart: everything was disturbed")
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(chart.svg(series, "Cost of a 64-byte packet, both directions, one worker",
                             "flows (log scale)", "ns a packet"))


def run(args, bench):
    acceptance = Acceptance(args, bench)
    acceptance.run()
    quiet = acceptance.quiet()
    found, details = acceptance.rows(quiet), acceptance.details(quiet)
    document = {"cpu": cpu_name(), "seconds": round(acceptance.seconds_gone()),
                "probe_quiet_ns": quiet, "rows": rows.as_json(found), "cases": details,
                **acceptance.documents}
    if args.output:
        with open(args.output, "w", encoding="ascii") as file:
            json.dump(document, file, indent=1)
    if args.json:
        print(json.dumps(document, indent=1))
    else:
        print(rows.markdown(found) if args.markdown else rows.table(found))
    if args.chart:
        write_chart(args.chart, details)
    for problem in acceptance.problems:
        note(problem)
    missed = args.strict and any(row.met is False for row in found)
    return 1 if acceptance.problems or missed else 0
