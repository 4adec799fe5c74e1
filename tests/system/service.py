"""The program as a service: what it tells systemd, when it does not; and what doctor says."""
import contextlib
import ctypes
import json
import os
import socket
import subprocess
import time

from claims import expect
from lab import Postern, wait_for

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WATCHDOG_US = 1_000_000
LOOK_S = WATCHDOG_US / 4 / 1e6


class Systemd:
    """The socket that a service manager listens on."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)  # the last case's
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self.socket.recv(4096).decode().split("\n")
        return self.heard

    def count(self, text):
        return sum(line.startswith(text) for line in self.listen())

    @contextlib.contextmanager
    def around(self):
        """Programs that are started meanwhile are its services."""
        os.environ.update(NOTIFY_SOCKET=self.path, WATCHDOG_USEC=str(WATCHDOG_US))
        try:
            yield
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


def thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            if f.read().strip().endswith(name):
                return int(tid)
    raise RuntimeError(f"no thread {name}")


@contextlib.contextmanager
def halted(tid):
    """One thread stands still, the others go on: as if it hung."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, tid, None, None) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(tid, 0x40000000)  # __WALL: a thread, of another process
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, tid, None, None)


def told_to_systemd(lab, gate):
    """Ready, alive while both workers move, not while one hangs, alive again, stopping."""
    systemd = Systemd(lab.folder)
    with systemd.around():
        postern = Postern(lab, workers=2).start()
    try:
        expect(systemd.count("READY=1") == 1, f"{systemd.heard}")
        wait_for("the watchdog to be fed", lambda: systemd.count("WATCHDOG=1") >= 3)
        expect(systemd.count("STATUS=0 connections of 0 clients") >= 3, f"{systemd.heard}")
        with halted(thread_of(postern.proc.pid, "worker-2")):
            still = "STATUS=worker 1 does not move"
            wait_for("a look that finds it", lambda: systemd.count(still) >= 1)
            fed = systemd.count("WATCHDOG=1")
            wait_for("five more looks", lambda: systemd.count(still) >= 6)
            expect(systemd.count("WATCHDOG=1") == fed, f"fed while a worker hangs: {systemd.heard}")
        start = time.monotonic()
        wait_for("the watchdog to be fed again", lambda: systemd.count("WATCHDOG=1") >= fed + 3)
    finally:
        code = postern.stop()
    expect(code == 0 and systemd.count("STOPPING=1") == 1, f"exit {code}, {systemd.heard}")
    return [f"fed again {time.monotonic() - start:.1f} s after the worker moved, "
            f"a look each {LOOK_S} s"]


def waits_for_a_link(lab, gate):
    """Without a link it is not ready, and asks for time."""
    systemd = Systemd(lab.folder)
    lab.run(lab.server, "ip", "link", "set", "s0", "down")
    try:
        with systemd.around():
            postern = Postern(lab)
            postern.is_ready = lambda: systemd.count("EXTEND_TIMEOUT_USEC=") >= 2
            postern.start()
        expect(systemd.count("STATUS=no link on net_af_packet1") >= 2, f"{systemd.heard}")
        expect(systemd.count("READY=1") == 0, f"ready without a link: {systemd.heard}")
        lab.run(lab.server, "ip", "link", "set", "s0", "up")
        wait_for("it to be ready", lambda: systemd.count("READY=1") == 1)
    finally:
        lab.run(lab.server, "ip", "link", "set", "s0", "up")
        postern.stop()


def doctor(lab, postern):
    done = subprocess.run(["ip", "netns", "exec", lab.gate, postern.ctl, "--json", "doctor",
                           "--config", postern.file], text=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    expect(done.returncode == (found["wrong"] > 0), f"exit {done.returncode}: {found}")
    return {row["check"] + " " + row["text"]: row["state"] for row in found["findings"]}


def doctor_sees_it(lab, gate):
    """The machine as it is: while the appliance runs, when its NIC is missing, and when it ended."""
    with Postern(lab, workers=2) as postern:
        found = doctor(lab, postern)
        expect(found[f"appliance it runs and answers on {postern.socket}"] == "ok", f"{found}")
        for name in ("net_af_packet0", "net_af_packet1"):
            expect(found[f"{name} rss off: one queue: workers hand packets to each other by rings"]
                   == "warning", f"{found}")
        expect("wrong" not in found.values(), f"{found}")
        expect(any(key.startswith("memlock ") for key in found), f"{found}")
    found = doctor(lab, postern)
    expect(found[f"appliance none runs ({postern.socket})"] == "warning", f"{found}")
    with open(postern.file) as f:
        text = f.read().replace("iface=gi", "iface=nope")
    with open(postern.file, "w") as f:
        f.write(text)
    found = doctor(lab, postern)
    expect(found["net_af_packet0 there is no interface nope of the kernel's"] == "wrong",
           f"{found}")
    table = subprocess.run([postern.ctl, "doctor", "--config", postern.file], text=True,
                           stdout=subprocess.PIPE)
    expect(table.returncode == 1 and " wrong\n" in table.stdout, table.stdout)
    return table.stdout.splitlines()


CASES = [
    ("what systemd is told", told_to_systemd),
    ("asks for time without a link", waits_for_a_link),
    ("posternctl doctor", doctor_sees_it),
]
