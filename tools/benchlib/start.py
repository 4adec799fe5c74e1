# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's start: seconds from exec to "postern: ready"."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from .machine import HUGE_MB, find_built, free_huge_mb, note

CONNECTIONS = 1 << 20


def write_config(folder, huge):
    path = os.path.join(folder, "start.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({
            "memory": {"hugepages": huge},
            "interfaces": {
                "inside": {"device": "net_null0", "zone": "internal", "address": "10.0.0.1/24"},
                "outside": {"device": "net_null1", "zone": "external",
                            "address": "198.51.100.1/24"}},
            "routes": [{"to": "0.0.0.0/0", "via": "198.51.100.254"}],
            "nat": {"sessions": CONNECTIONS, "pool": ["192.0.2.0-192.0.2.31"]},
            "control": {"socket": os.path.join(folder, "start.sock")}}, file)
    return path


def time_start(build, folder, huge):
    """Seconds until the daemon says that it is ready; None when it does not."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [find_built(build, "postern"), "-c", write_config(folder, huge), "--", "--no-pci",
         "--no-telemetry", "--file-prefix", f"pststart{os.getpid()}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    seconds = None
    for line in process.stdout:
        said.append(line)
        if line.startswith("postern: ready"):
            seconds = time.monotonic() - begin
            break
    process.terminate()
    process.communicate()
    if seconds is None:
        note("not ready: " + "".join(said[-5:]))
    return seconds


def measure(build, runs):
    """Results with hugepages, where there are enough, and without; None when a start failed."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for huge in (True, False) if free_huge_mb() >= HUGE_MB else (False,):
            times = [time_start(build, folder, huge) for _ in range(runs)]
            if None in times:
                return None
            results.append({"hugepages": huge, "connections": CONNECTIONS, "min_s": min(times),
                            "ready_s": statistics.median(times), "max_s": max(times),
                            "runs": runs})
    return results


def run(args):
    if find_built(args.build, "postern") is None:
        sys.exit(f"bench: no postern in {args.build}")
    results = measure(args.build, args.pairs)
    if results is None:
        return 1
    if args.json:
        print(json.dumps({"results": results}, indent=1))
        return 0
    for res in results:
        print(f"start to ready, {res['connections']} connections, "
              f"{'hugepages' if res['hugepages'] else 'small pages'}: {res['ready_s']:.2f} s "
              f"({res['min_s']:.2f} to {res['max_s']:.2f}, {res['runs']} starts)")
    return 0
