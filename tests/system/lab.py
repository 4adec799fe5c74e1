"""Network namespaces for the system tests: client -- gate -- server.

The server has no route to the inside: an address left untranslated can't be
answered by luck. Names are made free by the process id; all is taken down at exit.
"""
import atexit
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GROWS = ("10.1.1", range(7, 15))  # a PORT from here gets longer with GATE_OUT's address
SHRINKS = ("192.168.177", range(107, 115))
GATE_OUT = "198.18.0.1"
SERVER = "198.18.0.9"
SECOND = "198.18.0.10"
THIRD = "198.18.0.77"
AF_PACKET = "net_af_packet{number},iface={device},framecnt=4096"
# For these the kernel does not put fragments together; this one keeps buffers that were sent for
# a while, that one is slow.
AF_XDP = "net_af_xdp{number},iface={device}"
PCAP = "net_pcap{number},rx_iface_in={device},tx_iface={device}"


def sh(*argv, check=True, **kw):
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, **kw)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout


def wait_for(what, condition, seconds=10):
    """Look until a condition holds; what it is makes the error."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Lab:
    """Three namespaces and what runs in them; the inside is a prefix and its hosts."""

    numbers = itertools.count()
    routed = ()  # networks behind the server, for the gate to know

    def __init__(self, names=None, inside=GROWS):
        tag = f"pst{os.getpid()}.{next(Lab.numbers)}"
        prefix, hosts = inside
        self.clients = [f"{prefix}.{i}" for i in hosts]
        self.gate_in = f"{prefix}.254"
        self.tag = tag
        self.client, self.gate, self.server = names or [f"{tag}-{k}" for k in ("c", "g", "s")]
        self.folder = tempfile.mkdtemp(prefix="postern-lab-")
        self.processes = []
        self.made = []
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.build()

    def build(self):
        there = sh("ip", "netns", "list").split()
        for name in (self.client, self.gate, self.server):
            if name in there:
                raise RuntimeError(f"a namespace {name} exists already; nothing was touched")
        for name in (self.client, self.gate, self.server):
            sh("ip", "netns", "add", name)
            self.made.append(name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        self.cable(self.client, "c0", "gi")
        self.cable(self.server, "s0", "ge")
        for address in self.clients:
            sh("ip", "-n", self.client, "addr", "add", f"{address}/24", "dev", "c0")
        sh("ip", "-n", self.client, "route", "add", "default", "via", self.gate_in)
        for address in (SERVER, SECOND, THIRD):
            sh("ip", "-n", self.server, "addr", "add", f"{address}/24", "dev", "s0")
        self.sysctl(self.server, "net.ipv4.tcp_max_tw_buckets=0")
        for name in (self.client, self.server):
            self.sysctl(name, "net.ipv4.icmp_ratelimit=0")

    def cable(self, name, far, near):
        sh("ip", "link", "add", far, "netns", name, "type", "veth", "peer", "name", near,
           "netns", self.gate)
        self.sysctl(self.gate, f"net.ipv6.conf.{near}.disable_ipv6=1")
        self.sysctl(name, f"net.ipv6.conf.{far}.disable_ipv6=1")
        sh("ip", "-n", name, "link", "set", far, "up")
        sh("ip", "-n", self.gate, "link", "set", near, "up")
        sh("ip", "netns", "exec", name, "ethtool", "-K", far, "tx", "off", "tso", "off", "gso",
           "off", "gro", "off")

    def sysctl(self, name, setting):
        sh("ip", "netns", "exec", name, "sysctl", "-qw", setting)

    def run(self, name, *argv, check=True, **kw):
        return sh("ip", "netns", "exec", name, *argv, check=check, **kw)

    def start(self, name, *argv, **kw):
        """A program in the background, in a process group of its own; silent by default."""
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        proc = subprocess.Popen(["ip", "netns", "exec", name, *argv], start_new_session=True,
                                stdin=subprocess.DEVNULL, text=True, **kw)
        self.processes.append(proc)
        return proc

    def stop(self, proc, number=signal.SIGTERM, seconds=15):
        """End a process group; returns the exit code."""
        if proc in self.processes:
            self.processes.remove(proc)
        if proc.poll() is None:
            os.killpg(proc.pid, number)
            try:
                proc.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(proc.pid, signal.SIGKILL)
                proc.wait()
        try:  # its children, if it left some
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return proc.returncode

    def path(self, name):
        return os.path.join(self.folder, name)

    def leave(self):
        """Leave all up when this process ends."""
        self.processes, self.made, self.folder = [], [], ""

    def close(self):
        for proc in list(self.processes):
            self.stop(proc)
        for name in self.made:
            sh("ip", "netns", "del", name, check=False)
        self.made = []
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class Postern:
    """The appliance in the gate's namespace."""

    def __init__(self, lab, workers=1, queues=1, program=None, driver=AF_PACKET, **config):
        self.lab = lab
        self.program = program or os.path.join(ROOT, "build", "app", "postern")
        self.ctl = os.path.join(os.path.dirname(self.program), "posternctl")
        self.socket = lab.path("control.sock")
        self.file = lab.path("postern.json")
        self.log = lab.path("postern.log")
        self.prefix = f"pst{os.getpid()}"
        extra = f",qpairs={queues}" if queues > 1 else ""
        self.config = {
            "lcores": {"main": 0, "workers": list(range(1, workers + 1)),
                       "editors": [workers + 1]},
            "memory": {"hugepages": False, "megabytes": 256},
            "interfaces": {
                "inside": {"device": driver.format(number=0, device="gi") + extra,
                           "zone": "internal", "address": f"{lab.gate_in}/24"},
                "outside": {"device": driver.format(number=1, device="ge") + extra,
                            "zone": "external", "address": f"{GATE_OUT}/24"},
            },
            "nat": {"sessions": 65536},
            "rules": [{"name": "all", "action": "allow"}],
            "control": {"socket": self.socket},
        }
        for section, value in config.items():
            if isinstance(value, list):
                self.config[section] = value
            else:
                self.config.setdefault(section, {}).update(value)
        self.proc = None

    def start(self):
        with open(self.file, "w") as f:
            json.dump(self.config, f, indent=2)
        out = open(self.log, "w")
        self.proc = self.lab.start(self.lab.gate, self.program, "-c", self.file, "--",
                                   "--file-prefix", self.prefix, stdout=out,
                                   stderr=subprocess.STDOUT)
        out.close()
        wait_for("postern to be ready", self.is_ready, 30)
        return self

    def is_ready(self):
        with open(self.log) as f:
            text = f.read()
        if self.proc.poll() is not None:
            raise RuntimeError(f"postern ended ({self.proc.returncode}):\n{text}")
        return "postern: ready" in text

    def stop(self, number=signal.SIGTERM):
        return self.lab.stop(self.proc, number)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        code = self.stop()
        if kind is None and code != 0:
            with open(self.log) as f:
                raise RuntimeError(f"postern exited {code}:\n{f.read()[-3000:]}")

    def show(self, *words):
        return json.loads(sh(self.ctl, "-s", self.socket, "--json", *words))

    def table(self, *words):
        return sh(self.ctl, "-s", self.socket, *words)

    def drops(self):
        return {row["reason"]: row["total"] for row in self.show("show", "drops")}

    def listeners(self):
        return self.show("show", "listeners")


def account_error(gate):
    """What does not add up in the packet account, or None (contract: Metrics)."""
    account = gate.show("status")["account"]
    total = (account["received"] + sum(account["originated"].values()) - account["sent"] -
             sum(account["dropped"].values()) - sum(account["consumed"].values()))
    if total != account["held"]:
        return f"held is {account['held']}, and the rest leaves {total}: {account}"
    if account["held"] != 0:
        return f"{account['held']} held: {account}"
    rows = gate.show("show", "interfaces")
    for device, port in {row["device"]: row["port"] for row in rows}.items():
        received = sum(row["rx_packets"] for row in rows if row["device"] == device)
        sent = sum(row["tx_packets"] for row in rows if row["device"] == device)
        if received != port["ipackets"]:
            return f"{device}: {received} counted, the port says {port}"
        if sent != port["opackets"]:
            return f"{device}: {sent} sent, the port says {port}"
    if sum(row["rx_packets"] for row in rows) != account["received"]:
        return f"interfaces and account differ: {rows} {account}"
    return None


def check_account(gate):
    """At a quiet moment all packets are accounted for; wait for that moment."""
    try:
        wait_for("the packet account", lambda: account_error(gate) is None, 5)
    except RuntimeError:
        raise RuntimeError(account_error(gate) or "the packet account was not quiet") from None


class KernelGate:
    """The kernel's own NAT in the gate's place, to show that a test is right."""

    def __init__(self, lab, helper=True):
        self.lab, self.helper = lab, helper
        self.proc = None

    def addresses(self):
        return ("gi", self.lab.gate_in), ("ge", GATE_OUT)

    def __enter__(self):
        gate = self.lab.gate
        for near, address in self.addresses():
            sh("ip", "-n", gate, "addr", "add", f"{address}/24", "dev", near)
        for network in self.lab.routed:
            sh("ip", "-n", gate, "route", "add", network, "via", SERVER)
        self.lab.sysctl(gate, "net.ipv4.ip_forward=1")
        rules = "table ip nat { chain post { type nat hook postrouting priority 100; " \
                "oifname \"ge\" masquerade random; }; }\n"
        if self.helper:
            rules += "table ip help { ct helper ftp { type \"ftp\" protocol tcp; }; " \
                     "ct helper tftp { type \"tftp\" protocol udp; }; " \
                     "chain pre { type filter hook prerouting priority 0; " \
                     "tcp dport 21 ct helper set ftp; udp dport 69 ct helper set tftp; }; }\n"
        self.lab.run(gate, "nft", rules)
        return self

    def __exit__(self, *_):
        self.lab.run(self.lab.gate, "nft", "flush", "ruleset")
        for near, address in self.addresses():
            sh("ip", "-n", self.lab.gate, "addr", "del", f"{address}/24", "dev", near)
