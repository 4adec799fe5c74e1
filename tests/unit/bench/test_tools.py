#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench makes of reports: which windows count, what is met, what is drawn."""

import argparse
import os
import sys
import unittest
import xml.etree.ElementTree as tree
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from benchlib import acceptance, chart, figures, fill, programs, rows  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def report(costs, probe=100, **more):
    return {"raw": [[ns, probe] for ns in costs], "sent": 10, "lost": 0, "bad": 0, **more}


class Replay:
    """A program whose runs are known."""

    def __init__(self, *reports):
        self.reports = list(reports)

    def run(self, _traffic):
        return self.reports.pop(0)


def case_of(**programs_by_name):
    traffic = programs.Traffic()
    return figures.Case([figures.Entry(name, program, traffic, name != "testpmd")
                         for name, program in programs_by_name.items()])


class Figures(unittest.TestCase):
    def test_a_disturbed_window_takes_its_neighbours_along(self):
        raw = [[1, 100], [2, 100], [3, 100], [4, 200], [5, 100], [6, 100]]
        self.assertEqual(figures.quiet_windows(raw, 106), [1, 2, 6])
        self.assertEqual(figures.quiet_windows(raw, None), [1, 2, 3, 4, 5, 6])
        self.assertEqual(figures.quiet_windows([], 106), [])

    def test_rounds_go_there_and_back(self):
        order = []

        class Noting(Replay):
            def run(self, traffic):
                order.append(self)
                return super().run(traffic)

        a, b = (Noting(report([1]), report([1])) for _ in range(2))
        case = case_of(a=a, b=b)
        case.run_round()
        case.run_round()
        self.assertEqual(order, [a, b, b, a])

    def test_a_run_without_quiet_windows_has_no_cost(self):
        case = case_of(testpmd=Replay(report([10] * 5), report([10] * 5)),
                       postern=Replay(report([30, 31, 32]), report([30] * 5, probe=300)))
        case.run_round()
        case.run_round()
        self.assertEqual(case.round_costs(100), [{"testpmd": 10, "postern": 31}, {"testpmd": 10}])
        self.assertEqual(figures.summary(case, "postern", 100)["kept"], 3)
        self.assertFalse(case.is_enough(100))

    def test_every_wrong_packet_is_a_problem(self):
        faults = {"ethernet": 0, "length": 2}
        for wrong in ({"lost": 1}, {"bad": 2, "faults": faults}, {"failure": "no packet"},
                      {"untranslated": 3}, {"exit": 1}, {"exit": 1, "lost": 1}):
            case = case_of(postern=Replay(report([1], **wrong)))
            case.run_round()
            self.assertEqual(len(case.problems), 1, wrong)
        case = case_of(testpmd=Replay(report([1], untranslated=3, exit=-15)))
        case.run_round()
        self.assertEqual(case.problems, [])

    def test_an_interval_is_about_the_mean(self):
        middle, low, high = figures.interval([1.0, 1.1, 1.0, 1.1])
        self.assertAlmostEqual(middle, 1.1 ** 0.5)
        self.assertAlmostEqual(low * high, middle ** 2)
        self.assertGreater(figures.interval([1.0, 1.1] * 20)[1], low)
        self.assertEqual(figures.interval([1.5])[1:], (0, float("inf")))

    def test_the_document_is_behind_what_was_said_before(self):
        self.assertEqual(programs.json_in(b'EAL: ready\n{\n "a": 1}\n'), {"a": 1})
        self.assertEqual(programs.json_in(b'{"a": 1}'), {"a": 1})
        self.assertEqual(programs.json_in(b"testpmd> "), {})

    def test_the_traffic_maker_hears_of_bytes_in_the_mbuf(self):
        self.assertEqual(programs.Traffic(packet_size="128").environment()["PST_TRAFFIC_SIZE"],
                         "124")
        self.assertEqual(programs.Traffic(packet_size="imix").environment()["PST_TRAFFIC_SIZE"],
                         "imix")


class Acceptance(unittest.TestCase):
    def test_what_is_added_is_a_difference_within_a_round(self):
        traffic = programs.Traffic()
        runs = {"testpmd udp": [10, 20, 30], "postern udp": [30, 41, 52], "testpmd tcp": [10] * 3,
                "postern tcp": [35] * 3}
        case = figures.Case([
            figures.Entry(name, Replay(*(report([cost] * 5) for cost in costs)), traffic)
            for name, costs in runs.items()])
        for _ in range(3):
            case.run_round()
        self.assertEqual(acceptance.added_costs(case, 100), {"udp": 21, "tcp": 25})
        self.assertEqual(acceptance.added_costs(case, 90), {"udp": None, "tcp": None})

    def test_the_longest_loop_is_that_of_all_runs(self):
        runs = [{"connections_per_s": 1, "loop_max_us": 9}, {"connections_per_s": 2,
                "loop_max_us": 70}, {"connections_per_s": 6, "loop_max_us": 8}]
        found = acceptance.setup_figures(runs)
        self.assertEqual((found["connections_per_s"], found["loop_max_us"]), (2, 70))
        self.assertIsNone(acceptance.setup_figures([{}])["loop_max_us"])

    def plan(self, free_mb):
        with mock.patch.object(acceptance, "has_huge", lambda flows: free_mb >= flows >> 10), \
                mock.patch.object(acceptance, "has_memory", lambda flows: free_mb >= flows >> 10):
            args = argparse.Namespace(quick=False, pairs=5)
            return {flows: set(kinds) for flows, kinds, _ in acceptance.plan(args)}

    def test_every_target_has_its_flows(self):
        kinds = self.plan(8192)
        for flows in rows.ADDED_NS:
            self.assertLessEqual({"udp", "tcp"}, kinds[flows])
        self.assertLessEqual({"imix", "vlan"}, kinds[1 << 20])
        self.assertEqual((min(kinds), max(kinds)), (1, 1 << 23))

    def test_flows_that_find_no_memory_are_left_out(self):
        self.assertEqual(max(self.plan(4096)), 1 << 22)
        self.assertEqual(max(self.plan(4095)), 1 << 20)


class Rows(unittest.TestCase):
    def verdicts(self, row):
        return [part.met for part in row.parts]

    def test_the_limit_itself_is_met(self):
        self.assertTrue(rows.Part("", 18, 18).met)
        self.assertFalse(rows.Part("", 18.1, 18).met)
        self.assertTrue(rows.Part("", 2, 2, at_most=False).met)
        self.assertFalse(rows.Part("", 1.9, 2, at_most=False).met)
        self.assertIsNone(rows.Part("", None, 2).met)

    def test_a_row_is_missed_by_one_part(self):
        good, bad, none = rows.Part("", 1, 2), rows.Part("", 3, 2), rows.Part("", None, 2)
        told = rows.Part("", 9)
        self.assertTrue(rows.Row("", [good, told]).met)
        self.assertFalse(rows.Row("", [good, bad, none]).met)
        self.assertIsNone(rows.Row("", [good, none]).met)

    def test_forwarding_is_judged_by_what_is_added(self):
        added = {1024: {"udp": 18, "tcp": 23.5, "imix": 19.7, "vlan": 20},
                 65536: {"udp": 31, "tcp": 30, "imix": None}}
        udp, tcp, mixed = rows.forward_rows(added)
        self.assertEqual(self.verdicts(udp), [True, False, None, None])
        self.assertEqual(self.verdicts(tcp), [False, True, None, None])
        self.assertEqual([part.what for part in mixed.parts],
                         ["IMIX, 1,024 flows", "IMIX, 65,536 flows", "VLAN, 1,024 flows"])
        self.assertEqual(self.verdicts(mixed), [True, None, False])

    def test_what_is_the_same_is_written_once(self):
        for texts, wanted in ((["18 ns", "30 ns"], "18 / 30 ns"), (["1 ns", "1 ns"], "1 / 1 ns"),
                              (["at most 5 ns"] * 2, "at most 5 ns"),
                              (["a 1 x", "a 2 x", "b 1 x"], "a 1 / 2 x, b 1 x"),
                              (["9 ns", "not measured", "8 us"], "9 ns, not measured, 8 us")):
            self.assertEqual(rows.joined(texts), wanted)
        parts = [rows.Part("a", 1.25, 18, "ns"), rows.Part("b", 31, 30, "ns"), rows.Part("c", 3)]
        self.assertEqual(rows.markdown([rows.Row("row", parts)]).splitlines()[-1],
                         "| row: a / b | at most 18 / 30 ns | 1.2 / 31.0 ns | missed |")

    def test_what_nobody_measured_is_said_so(self):
        every = (rows.forward_rows({}) + rows.setup_rows({}, {}) + [rows.memory_row(None)] +
                 rows.bind_rows(None, None) + [rows.edit_row(None), rows.start_row(None)])
        self.assertEqual(len(every), 11)
        self.assertEqual({row.met for row in every}, {None})
        self.assertIn("11 rows: 0 met, 0 missed, 11 not measured", rows.table(every))

    def test_figures_of_programs_are_found(self):
        bind = [{"cpus": "shared", "fill_percent": 0, "n": 1, "p50_us": 9},
                {"cpus": "dedicated", "fill_percent": 0, "n": 1, "p50_us": 1, "p99_us": 11,
                 "calls_per_s": 500000}]
        load = {"loaded": [{"n": 0, "serve_share": 0.5}, {"n": 1, "serve_share": 0.04}]}
        trips, loaded = rows.bind_rows(bind, load)
        self.assertEqual(self.verdicts(trips), [True, None, None, False, None, None, True])
        self.assertEqual(loaded.parts[0].verdict, "met")
        self.assertEqual(rows.bind_rows(bind, None)[1].met, None)
        setup = {"connections_per_s": 1.9e6, "loop_p9999_us": 40, "loop_max_us": 900}
        udp, tcp, loop = rows.setup_rows(setup, setup)
        self.assertEqual((udp.met, tcp.met, loop.met), (False, True, True))
        self.assertTrue(rows.memory_row(192).met)
        self.assertFalse(rows.memory_row(251).met)
        edits = [{"edits": False, "segments_a_second": 5e6},
                 {"edits": True, "segments_a_second": 1e6}]
        self.assertEqual(self.verdicts(rows.edit_row(edits)), [True, False])
        self.assertEqual(self.verdicts(rows.start_row({"ready_s": 1.5})), [True])


class Fill(unittest.TestCase):
    @staticmethod
    def case(*rates):
        case = case_of(postern=Replay(*(report([10], connections_per_s=rate) for rate in rates)))
        for _ in rates:
            case.run_round()
        return case

    def test_setups_are_medians_by_load(self):
        cases = {(50, "udp"): self.case(1e6, 5e6, 2e6), (50, "tcp"): self.case(7e5),
                 (95, "udp"): self.case(1.5e6), (95, "tcp"): self.case(0)}
        self.assertEqual(fill.setup_series(cases),
                         [("UDP", [(50, 2000), (95, 1500)]), ("TCP", [(50, 700)])])

    def test_binds_are_those_of_two_cpus(self):
        rows_of = [{"cpus": cpus, "fill_percent": percent, "n": n, "p50_us": n * percent}
                   for cpus in ("dedicated", "shared") for percent in (25, 99) for n in (1, 64)]
        rows_of[-1]["p50_us"] = 1
        self.assertEqual(fill.bind_series(rows_of),
                         [("n = 1", [(25, 25e3), (99, 99e3)]),
                          ("n = 64", [(25, 1600e3), (99, 6336e3)])])

    def test_tables_are_as_full_as_is_said(self):
        for percent in fill.LOADS:
            self.assertAlmostEqual(100 * fill.LIVE / fill.tables_for(percent), percent, 3)


class Chart(unittest.TestCase):
    SERIES = [("below", [(1, 18.0), (1024, 18.5), (1 << 22, 22.0)]),
              ("a < b", [(1, 38.0), (1024, 40.0), (1 << 22, 77.0)])]

    def drawn(self, series):
        return tree.fromstring(chart.svg(series, "title", "flows", "ns"))

    def test_every_point_is_in_the_plot(self):
        root = self.drawn(self.SERIES)
        lines = root.findall(f"{SVG}polyline")
        self.assertEqual(len(lines), 2)
        for line in lines:
            for place in line.get("points").split():
                x, y = map(float, place.split(","))
                self.assertTrue(chart.LEFT <= x <= chart.WIDTH - chart.RIGHT, place)
                self.assertTrue(chart.TOP <= y <= chart.HEIGHT - chart.BOTTOM, place)

    def test_axes_and_lines_have_names(self):
        words = [text.text for text in self.drawn(self.SERIES).findall(f"{SVG}text")]
        for wanted in ("title", "flows", "ns", "below", "a < b", "1", "1 k", "4 M", "0", "80"):
            self.assertIn(wanted, words)

    def test_flows_are_on_a_logarithmic_scale(self):
        plot = chart.Plot(self.SERIES)
        self.assertAlmostEqual(plot.x(16) - plot.x(1), plot.x(1 << 22) - plot.x(1 << 18))
        self.assertGreater(plot.y(20), plot.y(40))

    def test_names_do_not_cover_each_other(self):
        self.assertEqual(chart.spread([100, 10, 104], 18), [100, 10, 118])

    def test_one_point_is_enough(self):
        self.assertEqual(len(self.drawn([("one", [(1024, 20.0)])]).findall(f"{SVG}polyline")), 1)

    def test_shares_are_on_a_linear_scale(self):
        plot = chart.Plot([("one", [(12, 3.0), (95, 4.0)])], percent=True)
        self.assertAlmostEqual(plot.x(75) - plot.x(50), plot.x(25) - plot.x(0))
        self.assertEqual((plot.x(0), plot.x(100)), (chart.LEFT, chart.WIDTH - chart.RIGHT))
        self.assertEqual(plot.x_text(50), "50 %")

    def test_disturbed_cases_are_left_out(self):
        details = [{"mode": "forward", "flows": 1, "testpmd udp": {"kept": 9, "median": 18.0},
                    "postern udp": {"kept": 0}},
                   {"mode": "setup", "flows": 2, "postern udp": {"kept": 9, "median": 400.0}}]
        self.assertEqual(acceptance.chart_series(details), [("testpmd macswap", [(1, 18.0)])])


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    wrong = len(result.failures) + len(result.errors)
    print(f"[  PASSED  ] {result.testsRun - wrong} test(s).")  # as cmocka says it
    if wrong:
        print(f"[  FAILED  ] {wrong} test(s).")
    sys.exit(1 if wrong else 0)
