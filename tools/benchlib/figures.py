# SPDX-License-Identifier: BSD-3-Clause
"""From reports to figures: which windows count, medians, intervals."""

import math
import statistics

PROBE_SLACK = 1.06
PROBE_QUIET = 0.005  # the quantile that is quiet: the very fastest are flukes
ENOUGH = 30  # quiet windows for a figure
ENOUGH_OF_ROUND = 3  # and for each run of a round
# of a t distribution, two-sided, by degrees of freedom; more of them are near the last
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 8: 2.31, 10: 2.23, 12: 2.18,
       15: 2.13, 20: 2.09, 30: 2.04, 60: 2.00}


class Entry:
    """A program with the traffic it gets, under a name; routed: it has to translate."""

    def __init__(self, name, program, traffic, routed=True):
        self.name = name
        self.program = program
        self.traffic = traffic
        self.routed = routed


class Case:
    """Entries that run in turn: the reports of all their runs."""

    def __init__(self, entries):
        self.entries = entries
        self.runs = {entry.name: [] for entry in entries}
        self.problems = []
        self.rounds = 0

    @property
    def traffic(self):
        return self.entries[0].traffic

    def run_round(self):
        """Each entry once: in order, then in reverse order, A B B A."""
        backwards = self.rounds % 2 != 0
        for entry in self.entries[::-1] if backwards else self.entries:
            self.add(entry, entry.program.run(entry.traffic))
        self.rounds += 1

    def add(self, entry, report):
        before = len(self.problems)
        self.runs[entry.name].append(report)
        where = f"{entry.name}, {entry.traffic.mode}, {entry.traffic.flows} flows"
        if report.get("failure"):
            self.problems.append(f"{where}: {report['failure']}")
        if report.get("lost"):
            self.problems.append(f"{where}: lost {report['lost']} of {report['sent']}")
        if entry.routed and report.get("untranslated"):
            self.problems.append(f"{where}: {report['untranslated']} packets not translated")
        if report.get("bad"):
            faults = {k: v for k, v in report["faults"].items() if v}
            self.problems.append(f"{where}: {report['bad']} bad packets: {faults}")
        if entry.routed and report.get("exit") and len(self.problems) == before:
            self.problems.append(f"{where}: ended with {report['exit']}")

    def windows(self, name, limit=None):
        return [ns for run in self.runs[name] for ns in quiet_windows(run.get("raw", []), limit)]

    def probes(self):
        return [probe for runs in self.runs.values() for run in runs
                for _, probe in run.get("raw", [])]

    def is_enough(self, quiet):
        return all(len(self.windows(name, quiet * PROBE_SLACK)) >= ENOUGH for name in self.runs)

    def round_costs(self, quiet):
        """By round: the median of each run's quiet windows, of the runs that have enough."""
        costs = []
        for reports in zip(*self.runs.values()):
            kept = {name: quiet_windows(report.get("raw", []), quiet * PROBE_SLACK)
                    for name, report in zip(self.runs, reports)}
            costs.append({name: statistics.median(windows) for name, windows in kept.items()
                          if len(windows) >= ENOUGH_OF_ROUND})
        return costs


def quiet_windows(raw, limit):
    """The ns of windows that are quiet together with those before and behind them."""
    quiet = [limit is None or probe <= limit for _, probe in raw]
    return [ns for i, (ns, _) in enumerate(raw) if all(quiet[max(i - 1, 0):i + 2])]


def quiet_probe(probes):
    return sorted(probes)[int(PROBE_QUIET * (len(probes) - 1))] if probes else 0


def median(values):
    """None for no values."""
    values = list(values)
    return statistics.median(values) if values else None


def interval(ratios):
    """The ratios' geometric mean, and the ends of its 95 % interval."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.mean(logs)
    if len(logs) < 2:
        return math.exp(middle), 0, math.inf
    t = T95[max(n for n in T95 if n <= len(logs) - 1)]
    half = t * statistics.stdev(logs) / math.sqrt(len(logs))
    return tuple(math.exp(x) for x in (middle, middle - half, middle + half))


def summary(case, name, quiet):
    """Of all quiet windows of an entry's runs."""
    every = case.windows(name)
    kept = sorted(case.windows(name, quiet * PROBE_SLACK))
    if not kept:
        return {"windows": len(every), "kept": 0}
    runs = case.runs[name]
    middle = statistics.median(kept)
    return {"windows": len(every), "kept": len(kept), "min": kept[0], "median": middle,
            "p99": kept[int(0.99 * (len(kept) - 1))], "max": kept[-1], "runs": len(runs),
            "mpps": 1000 / middle, "sent": sum(run.get("sent", 0) for run in runs),
            "lost": sum(run.get("lost", 0) for run in runs),
            "checked": sum(run.get("checked", 0) for run in runs),
            "bad": sum(run.get("bad", 0) for run in runs)}
