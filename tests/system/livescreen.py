"""posternctl top: as text, as JSON, and as a screen that an emulator of a terminal looks at."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import peers
from claims import expect, needs_postern
from lab import GATE_OUT, SERVER, wait_for

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whatever python3 this is
import pyte  # noqa: E402

TITLES = ["INTERFACE", "WORKER", "OUTSIDE ADDRESS", "DROPPED"]


class Terminal:
    """posternctl on a terminal of so many columns and lines."""

    def __init__(self, gate, *words, columns=80, lines=24):
        self.master, slave = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.set_size(columns, lines)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.proc = subprocess.Popen([gate.ctl, "-s", gate.socket, *words], stdin=slave,
                                     stdout=slave, stderr=slave, start_new_session=True,
                                     preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def set_size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            got = os.read(self.master, 65536)
            self.bytes += got
            self.stream.feed(got)

    def shows(self, text):
        self.read()
        return any(text in line for line in self.screen.display)

    def key(self, key):
        os.write(self.master, key)

    def ended(self):
        self.read()
        return self.proc.poll() is not None

    def expect_as_before(self, how):
        """The other screen is gone, the cursor is back, and keys are echoed line by line."""
        self.read()
        expect(self.bytes.rstrip().endswith(b"\x1b[?25h\x1b[?1049l") or
               b"\x1b[?1049l" in self.bytes[-200:], f"{how}: {self.bytes[-200:]!r}")
        expect(self.bytes.count(b"\x1b[?1049h") == self.bytes.count(b"\x1b[?1049l"),
               f"{how}: the screen is not left as often as entered")
        now = termios.tcgetattr(self.slave)
        expect(now == self.before, f"{how}: the terminal's settings are others: {now}")

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        os.close(self.master)
        os.close(self.slave)


def pings(lab, seconds):
    return lab.start(lab.client, "ping", "-i", "0.02", "-w", str(seconds), SERVER)


def looks_right(terminal, columns, lines):
    """Everything is there, in its order, and nothing is wider than the screen."""
    display = terminal.screen.display
    at = []
    for title in TITLES:
        found = [k for k, line in enumerate(display) if line.startswith(title)]
        expect(len(found) == 1, f"{title} is on lines {found} of:\n" + "\n".join(display))
        at.append(found[0])
    expect(at == sorted(at), f"{at}")
    expect(len(display) == lines and all(len(line) <= columns for line in display), "size")
    expect(display[0].startswith("postern ") and ", ready, up " in display[0], display[0])
    for title, row in (("INTERFACE", "inside"), ("OUTSIDE ADDRESS", GATE_OUT)):
        below = display[[k for k, line in enumerate(display) if line.startswith(title)][0] + 1:]
        expect(any(line.startswith(row) for line in below[:4]), f"no {row}:\n" + "\n".join(display))
    return display


def top_is_right_on_80x24(lab, gate):
    needs_postern(gate)
    ping = pings(lab, 30)
    terminal = Terminal(gate, "top", "-i", "0.3")
    wait_for("a screen with traffic", lambda: terminal.shows("WORKER") and
             not terminal.shows("received 0 "))
    display = looks_right(terminal, 80, 24)
    row = [line for line in display if line.startswith("inside")][0].split()
    expect(row[1] == "up" and 20 <= float(row[2]) <= 200, f"pings twice 50 a second: {row}")
    notes = [line.rstrip() for line in display]
    terminal.set_size(120, 40)
    wait_for("the larger screen", lambda: terminal.shows("WORKER"))
    looks_right(terminal, 120, 40)
    terminal.set_size(60, 12)
    wait_for("the smaller screen", lambda: terminal.shows("WORKER") and
             not terminal.shows("OUTSIDE ADDRESS"))
    expect(terminal.screen.display[0].startswith("postern "), "it has scrolled")
    terminal.key(b"q")
    wait_for("its end", terminal.ended)
    expect(terminal.proc.returncode == 0, f"exit {terminal.proc.returncode}")
    terminal.expect_as_before("q")
    terminal.close()
    lab.stop(ping)
    return notes


def signals_restore_the_terminal(lab, gate):
    needs_postern(gate)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV,
                   signal.SIGABRT, signal.SIGUSR1, signal.SIGALRM):
        terminal = Terminal(gate, "top", "-i", "0.2")
        wait_for("its screen", lambda: terminal.shows("WORKER"))
        os.kill(terminal.proc.pid, number)
        wait_for("its end", terminal.ended)
        expect(terminal.proc.returncode == -number, f"exit {terminal.proc.returncode}")
        terminal.expect_as_before(number.name)
        terminal.close()


def state_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def stopping_restores_the_terminal(lab, gate):
    """Control-Z, and on again."""
    needs_postern(gate)
    terminal = Terminal(gate, "top", "-i", "0.2")
    wait_for("its screen", lambda: terminal.shows("WORKER"))
    os.kill(terminal.proc.pid, signal.SIGTSTP)
    wait_for("it to stop", lambda: state_of(terminal.proc.pid) == "T")
    terminal.expect_as_before("stopped")
    terminal.screen.reset()
    os.kill(terminal.proc.pid, signal.SIGCONT)
    wait_for("its screen again", lambda: terminal.shows("WORKER"))
    expect(terminal.bytes.count(b"\x1b[?1049h") == 2, "the screen is not entered again")
    terminal.key(b"Q")
    wait_for("its end", terminal.ended)
    terminal.expect_as_before("Q")
    terminal.close()


def top_is_text_and_json(lab, gate):
    needs_postern(gate)
    ping = pings(lab, 20)
    wait_for("pings", lambda: len(gate.show("show", "connections", "icmp")) > 0)
    text = gate.table("top", "--once", "--interval", "0.5")
    for title in TITLES:
        expect(any(line.startswith(title) for line in text.splitlines()), f"{title}: {text}")
    expect("\x1b" not in text, "control characters in text")
    rates = gate.show("top", "--once", "-i", "0.5")
    inside = [row for row in rates["interfaces"] if row["name"] == "inside"][0]
    expect(20 <= inside["rx_packets_per_s"] <= 80, f"50 pings a second: {inside}")
    expect(20 * 98 * 8 <= inside["rx_bits_per_s"] <= 80 * 98 * 8, f"{inside}")
    expect(40 <= rates["received_per_s"] <= 160, f"{rates}")
    expect(rates["connections"] == sum(w["connections"] for w in rates["workers"]) > 0, f"{rates}")
    icmp = [row for row in rates["ports"] if row["protocol"] == "icmp"]
    expect(len(icmp) == 1 and icmp[0]["used"] >= 1 and icmp[0]["free"] > 60000, f"{icmp}")
    several = gate.table("--json", "top", "--count", "3", "-i", "0.1").splitlines()
    expect(len([json.loads(line) for line in several]) == 3, f"{several}")
    lab.stop(ping)
    return text.splitlines()


def top_counts_drops(lab, gate):
    """What is dropped meanwhile is a rate, and comes first."""
    needs_postern(gate)
    top = subprocess.Popen([gate.ctl, "-s", gate.socket, "--json", "top", "-i", "1.5"], text=True,
                           stdout=subprocess.PIPE)
    sock = peers.socket_in(lab.server, protocol=0, kind=2)
    end = time.monotonic() + 1.2
    while time.monotonic() < end:  # at no mapping of ours
        sock.sendto(b"x", (GATE_OUT, 4000))
        time.sleep(0.01)
    rates = json.loads(top.communicate(timeout=20)[0])
    sock.close()
    expect(rates["drops"][0]["reason"] == "no_mapping" and rates["drops"][0]["per_s"] > 20,
           f"{rates['drops']}")
    expect(rates["dropped_per_s"] >= rates["drops"][0]["per_s"], f"{rates}")


def top_ends_with_the_appliance(lab, gate):
    """Without one it says so, and the terminal is as before."""
    needs_postern(gate)
    done = subprocess.run([gate.ctl, "-s", lab.path("none.sock"), "top", "--once"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 3 and "no appliance runs there" in done.stderr, done.stderr)
    done = subprocess.run([gate.ctl, "-s", gate.socket, "top"], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 2 and "wants a terminal" in done.stderr, done.stderr)


CASES = [
    ("top is right on 80x24", top_is_right_on_80x24),
    ("signals restore the terminal", signals_restore_the_terminal),
    ("stopping restores the terminal", stopping_restores_the_terminal),
    ("top is text and JSON", top_is_text_and_json),
    ("top counts drops", top_counts_drops),
    ("top without an appliance", top_ends_with_the_appliance),
]
