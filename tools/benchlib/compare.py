# SPDX-License-Identifier: BSD-3-Clause
"""Postern beside testpmd, and with a policy beside none: pairs of runs, tables of both."""

import json
import statistics
import sys

from .figures import ENOUGH, Case, Entry, interval, quiet_probe, summary
from .machine import find_built, note
from .programs import Postern, Testpmd, Traffic


def traffics(args):
    common = {"transport": args.transport, "packet_size": args.packet_size, "vlan": args.vlan,
              "seconds": args.seconds}
    for mode in args.modes.split(","):
        if mode == "setup":
            yield Traffic(mode, args.setup_flows, **common)
        elif mode == "forward":
            for flows in args.flows.split(","):
                yield Traffic(mode, int(flows), **common)
        else:
            sys.exit(f"bench: no such mode: {mode}")


def programs(args, bench):
    found = {}
    if args.only != "postern":
        found["testpmd"] = Testpmd(bench, args.forward_mode)
    if args.only != "testpmd" and (find_built(args.build, "postern-bench") or args.only):
        found["postern"] = Postern(bench)
    elif args.only != "testpmd":
        note("postern-bench is not built: testpmd only")
    return found


def run_case(args, case, probes):
    """Run pairs until there are enough quiet windows; add to the probes of all runs."""
    before = list(probes)
    for pair in range(args.max_pairs):
        case.run_round()
        probes[:] = before + case.probes()
        if case.problems or (pair + 1 >= args.pairs and case.is_enough(quiet_probe(probes))):
            break


def summarize(case, quiet):
    traffic = case.traffic
    result = {"mode": traffic.mode, "flows": traffic.flows}
    for name in case.runs:
        result[name] = summary(case, name, quiet)
    base = result.get("testpmd", {}).get("median")
    ours = result.get("postern", {}).get("median")
    if base and ours:
        result["difference_ns"] = ours - base
        result["ratio"] = ours / base
        if traffic.mode == "setup":
            packets = case.runs["postern"][0].get("packets_per_connection", 1)
            result["new_connections_per_s"] = 1e9 / (ours * packets)
            result["new_connection_ns"] = (ours - base) * packets
    return result


def cell(figure):
    if not figure:
        return "-"
    if not figure.get("kept"):
        return "disturbed"
    few = "" if figure["kept"] >= ENOUGH else "?"
    return f"{figure['min']:.1f}/{figure['median']:.1f}/{figure['p99']:.1f}{few}"


def print_table(results, args, quiet):
    left = "testpmd " + args.forward_mode
    print(f"ns per received packet, min/median/p99 of quiet windows (probe {quiet} ns); "
          f"?: fewer than {ENOUGH}")
    print(f"{'mode':8} {'flows':>8}  {left:>20} {'postern':>20} {'difference':>10} "
          f"{'ratio':>6}  quiet windows")
    for res in results:
        kept = ", ".join(f"{res[n]['kept']}/{res[n]['windows']}"
                         for n in ("testpmd", "postern") if n in res)
        diff = f"{res['difference_ns']:.1f}" if "ratio" in res else "-"
        ratio = f"{res['ratio']:.2f}" if "ratio" in res else "-"
        print(f"{res['mode']:8} {res['flows']:8}  {cell(res.get('testpmd')):>20} "
              f"{cell(res.get('postern')):>20} {diff:>10} {ratio:>6}  {kept}")
        if "new_connections_per_s" in res:
            print(f"  {res['new_connections_per_s'] / 1e6:.2f} M new connections a second, "
                  f"{res['new_connection_ns']:.0f} ns each on top of testpmd")


def say_problems(cases):
    problems = [problem for case in cases for problem in case.problems]
    for problem in problems:
        note(problem)
    return 1 if problems else 0


def run_all(args, bench):
    progs = programs(args, bench)
    probes, cases = [], []
    for traffic in traffics(args):
        if not args.json:
            note(f"{traffic.mode}, {traffic.flows} flows")
        cases.append(Case([Entry(name, program, traffic, name != "testpmd")
                           for name, program in progs.items()]))
        run_case(args, cases[-1], probes)
    quiet = quiet_probe(probes)
    results = [summarize(case, quiet) for case in cases]
    if args.json:
        print(json.dumps({"probe_quiet_ns": quiet, "results": results}, indent=1))
    else:
        print_table(results, args, quiet)
    return say_problems(cases)


def policy_costs(case):
    """Of the pairs that were quiet: the costs without and with the policy."""
    costs = case.round_costs(quiet_probe(case.probes()))
    return [(cost["none"], cost["policy"]) for cost in costs if len(cost) == 2]


def policy_result(case):
    costs = policy_costs(case)
    result = {"mode": case.traffic.mode, "flows": case.traffic.flows, "pairs": len(costs)}
    if costs:
        ratio, low, high = interval([policy / none for none, policy in costs])
        result.update(none_ns=statistics.median(none for none, _ in costs),
                      policy_ns=statistics.median(policy for _, policy in costs),
                      ratio=ratio, low=low, high=high)
    return result


def print_policy(filters, rules, results):
    print(f"{filters} packet filters and {rules} rules against none: ns per packet, and the ratio "
          "with its 95 % interval")
    for res in results:
        if res["pairs"] == 0:
            print(f"{res['mode']:8} {res['flows']:8} flows  disturbed")
            continue
        print(f"{res['mode']:8} {res['flows']:8} flows  {res['none_ns']:7.1f} "
              f"{res['policy_ns']:7.1f}  {res['ratio']:.3f} ({res['low']:.3f} to "
              f"{res['high']:.3f}), {res['pairs']} quiet pairs")


def run_policy(args, bench):
    """Established and new connections with a policy, against none: paired runs."""
    filters, rules = args.policy.split(",")
    none = Postern(bench)
    policy = Postern(bench, ["--filters", filters, "--rules", rules])
    cases = []
    for traffic in traffics(args):
        if not args.json:
            note(f"{traffic.mode}, {traffic.flows} flows")
        case = Case([Entry("none", none, traffic), Entry("policy", policy, traffic)])
        cases.append(case)
        while case.rounds < args.max_pairs and len(policy_costs(case)) < args.pairs:
            case.run_round()
    if say_problems(cases):
        return 1
    results = [policy_result(case) for case in cases]
    if args.json:
        print(json.dumps({"filters": int(filters), "rules": int(rules), "results": results},
                         indent=1))
    else:
        print_policy(filters, rules, results)
    return 0
