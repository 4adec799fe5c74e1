# SPDX-License-Identifier: BSD-3-Clause
"""Traffic, and the programs under test that get it."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from .machine import find_built, lcore_args, memory_args, note

GRACE_S = 60  # to start, to fill the tables and to end


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What the traffic maker makes; packet_size is in bytes on the wire, or "imix"."""

    mode: str = "forward"
    flows: int = 65536
    transport: str = "udp"
    packet_size: str = "64"
    vlan: str = "none"
    seconds: int = 2

    def options(self):
        return ["--mode", self.mode, "--flows", str(self.flows), "--transport", self.transport,
                "--packet-size", self.packet_size, "--vlan", self.vlan,
                "--seconds", str(self.seconds)]

    def environment(self):
        size = self.packet_size if self.packet_size == "imix" else str(int(self.packet_size) - 4)
        return {"PST_TRAFFIC_MODE": self.mode, "PST_TRAFFIC_FLOWS": str(self.flows),
                "PST_TRAFFIC_TRANSPORT": self.transport, "PST_TRAFFIC_SIZE": size,
                "PST_TRAFFIC_VLAN": self.vlan, "PST_TRAFFIC_SECONDS": str(self.seconds)}


class Bench:
    """Where the programs are, and a place for their reports."""

    def __init__(self, build, folder):
        shared = find_built(build, "libpst_traffic.so")
        if shared is None:
            sys.exit(f"bench: no libpst_traffic.so in {build}: build first")
        self.build = build
        self.shared = shutil.copy(shared, folder)
        self.report = os.path.join(folder, "report")

    def eal(self, flows):
        # the traffic maker sets each frame's length itself
        return (lcore_args() + memory_args(flows) +
                ["--no-pci", "--no-telemetry", "--file-prefix", f"pstbench{os.getpid()}",
                 "-d", self.shared, "--vdev", "net_null0,size=60,copy=0",
                 "--vdev", "net_null1,size=60,copy=0"])

    def binary(self, name="postern-bench"):
        path = find_built(self.build, name)
        if path is None:
            sys.exit(f"bench: no {name} in {self.build}")
        return path


class Program:
    """A program under test."""

    def __init__(self, bench):
        self.bench = bench

    def command(self, traffic):
        raise NotImplementedError

    def environment(self, traffic):
        return {**os.environ, **traffic.environment(), "PST_TRAFFIC_REPORT": self.bench.report}

    def run(self, traffic):
        """Run it to its end: the traffic maker's report, and what else the program has to say."""
        report = self.bench.report
        if os.path.exists(report):
            os.unlink(report)
        with tempfile.TemporaryFile() as errors:
            # testpmd stops when its standard input ends: keep a pipe open.
            process = subprocess.Popen(self.command(traffic), env=self.environment(traffic),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=errors, start_new_session=True)
            try:
                output = communicate(process, traffic.seconds + GRACE_S)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            if not os.path.exists(report):
                errors.seek(0)
                sys.stderr.buffer.write(errors.read()[-2000:])
                return {"failure": f"{process.args[0]} ended with {process.returncode}, no report"}
        with open(report, encoding="ascii") as file:
            return {**json_in(output), **json.load(file), "exit": process.returncode}


class Testpmd(Program):
    """It sends on what it gets, with other MACs; and leaves tags alone."""

    def __init__(self, bench, forward_mode="macswap"):
        super().__init__(bench)
        self.forward_mode = forward_mode
        self.binary = shutil.which("dpdk-testpmd")
        if self.binary is None:
            sys.exit("bench: no dpdk-testpmd: install the package dpdk-dev")

    def command(self, traffic):
        return [self.binary, *self.bench.eal(traffic.flows), "--",
                f"--forward-mode={self.forward_mode}", "--nb-cores=1", "--burst=32",
                "--total-num-mbufs=32768"]

    def environment(self, traffic):
        return {**super().environment(traffic), "PST_TRAFFIC_BRIDGED": "1",
                "PST_TRAFFIC_SWAPPED": str(int(self.forward_mode == "5tswap"))}


class Postern(Program):
    """The appliance's worker; it has to translate."""

    def __init__(self, bench, more=()):
        super().__init__(bench)
        self.more = more
        self.binary = bench.binary()

    def command(self, traffic):
        return [self.binary, *traffic.options(), "--workers", "1", *self.more, "--json", "--",
                *self.bench.eal(traffic.flows)]


def json_in(output):
    """The document at the end of what a program printed; {} when there is none."""
    text = output.decode(errors="replace")
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    try:
        return json.loads(text[start:])
    except ValueError:
        return {}


def communicate(process, limit):
    """Like Popen.communicate, but leaves standard input open until the process is gone."""
    output = b""
    deadline = signal.alarm(limit)
    try:
        output = process.stdout.read()
        process.wait()
    except TimeoutError:
        note(f"no end after {limit} s")
    finally:
        signal.alarm(deadline)
    return output


def on_alarm(_number, _frame):
    raise TimeoutError
