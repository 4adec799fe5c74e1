# SPDX-License-Identifier: BSD-3-Clause
"""The machine: its CPUs and hugepages, and what was built on it."""

import functools
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HUGE_MB = 1024  # what a run needs, and half a kilobyte for each flow


@functools.cache
def note(text):
    """Say it, once."""
    print(f"bench: {text}", file=sys.stderr)


def find_built(build, name):
    for folder in ("app", "app/bench"):
        path = os.path.join(build, folder, name)
        if os.path.exists(path):
            return path
    return None


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as file:
        return {key: int(value.split()[0]) for key, value in (line.split(":") for line in file)}


def free_huge_mb():
    fields = meminfo()
    with open("/proc/mounts", encoding="ascii") as file:
        mounted = any(line.split()[2] == "hugetlbfs" for line in file)
    if not mounted:
        return 0
    return fields.get("HugePages_Free", 0) * fields.get("Hugepagesize", 0) // 1024


def wanted_mb(flows):
    return HUGE_MB + flows // 2048


def has_huge(flows):
    return free_huge_mb() >= wanted_mb(flows)


def has_memory(flows):
    """Of large pages or of small ones."""
    return has_huge(flows) or meminfo()["MemAvailable"] // 1024 >= wanted_mb(flows)


def memory_args(flows):
    wanted = wanted_mb(flows)
    if has_huge(flows):
        return ["--in-memory"]
    note(f"{free_huge_mb()} MB of free hugepages, {wanted} wanted: using small pages, "
         "figures for many flows are higher than they need be")
    return ["--no-huge", "--no-shconf", "-m", str(wanted)]


def lcore_args():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        note("one CPU only: main and worker share it")
    return ["--lcores", f"0@{cpus[0]},1@{cpus[-1]}", "--main-lcore", "0"]


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else "unknown"


class Keeper:
    """Keeps the main lcore's CPU awake, at the lowest priority.

    Seen on a virtual machine: while the CPU beside the worker is idle its host lends it out,
    and the worker is disturbed in 98 of 100 windows, against 50 with the CPU busy.
    """

    def __init__(self):
        self.child = None

    def __enter__(self):
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) > 1:
            self.child = os.fork()
            if self.child == 0:
                os.sched_setaffinity(0, {cpus[0]})
                os.nice(19)
                while os.getppid() != 1:
                    pass
                os._exit(0)

    def __exit__(self, *_):
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
