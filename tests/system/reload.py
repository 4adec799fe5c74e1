"""Reload: the file is changed, and the appliance goes over to it while traffic flows."""
import contextlib
import copy
import json
import signal
import subprocess

import peers
from claims import expect, needs_postern
from lab import SECOND, SERVER, wait_for

SETTINGS = {"reload": {"forbidden_connections": "cut"}}
DENY = {"name": "not there", "action": "deny", "destinations": [f"{SECOND}/32"]}


def ctl(gate, *words):
    return subprocess.run([gate.ctl, "-s", gate.socket, *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def write(gate, config):
    with open(gate.file, "w") as f:
        json.dump(config, f, indent=2)


def reload(gate, *words):
    done = ctl(gate, "--json", "reload", *words)
    expect(done.returncode == 0, f"reload exits {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def changed(gate):
    """A copy of the config to change; the file is as it was at the end, and runs again."""
    needs_postern(gate)
    try:
        yield copy.deepcopy(gate.config)
    finally:
        write(gate, gate.config)
        wait_for("the file to run again", lambda: ctl(gate, "reload").returncode == 0, 10)


def log_of(gate):
    with open(gate.log) as f:
        return f.read()


@contextlib.contextmanager
def flow(lab, to):
    """A TCP connection that is open, as (client's end, server's end)."""
    listener = peers.listen_in(lab.server, to, 0)
    client = peers.connect_in(lab.client, (lab.clients[0], 0), listener.getsockname())
    server, _ = listener.accept()
    listener.close()
    try:
        yield client, server
    finally:
        client.close()
        server.close()


def passes(ends, seconds=2):
    client, server = ends
    client.sendall(b"still there?")
    server.settimeout(seconds)
    try:
        return server.recv(100) == b"still there?"
    except TimeoutError:
        return False


def dry_run_changes_nothing(lab, gate):
    with changed(gate) as config, flow(lab, SERVER) as kept, flow(lab, SECOND) as bad:
        config["rules"].insert(0, DENY)
        config.setdefault("nat", {})["timeouts"] = {"udp": 299}
        write(gate, config)
        plan = reload(gate, "--dry-run")
        expect([change["key"] for change in plan["changes"]] == ["/nat/timeouts/udp", "/rules/0"],
               f"{plan}")
        cut = plan["connections"]["cut"]  # some of cases before are not quite over
        expect(plan["dry_run"] and cut >= 1 and plan["connections"]["kept"] >= 1, f"{plan}")
        table = ctl(gate, "reload", "--dry-run").stdout
        expect("/nat/timeouts/udp" in table and f"{cut} cut" in table, table)
        expect(gate.show("show", "config")["nat"]["timeouts"]["udp"] == 300, "it was changed")
        expect(passes(kept) and passes(bad), "a connection is gone")
    return table.splitlines()


def file_with_errors_changes_nothing(lab, gate):
    with changed(gate) as config, flow(lab, SERVER) as kept:
        before = gate.show("show", "config")
        config["nat"]["filterng"] = "endpoint-independent"
        config["rules"].insert(0, DENY)
        config["rules"][0] = {**DENY, "protocols": ["ftpp"]}
        write(gate, config)
        for words in ([], ["--dry-run"]):
            done = ctl(gate, "reload", *words)
            expect(done.returncode == 1, f"exit {done.returncode}")
            for wanted in ('/nat/filterng: unknown key "filterng", did you mean "filtering"?',
                           '/rules/0/protocols/0: unknown protocol "ftpp", did you mean "ftp"?'):
                line = next((x for x in done.stderr.splitlines() if x.endswith(wanted)), "")
                expect(line.startswith(f"{gate.file}:") and line.split(":")[1].isdigit(),
                       f"{wanted!r} has no line in {done.stderr}")
                expect(line in log_of(gate), f"{line!r} is not in the log")
        expect(gate.show("show", "config") == before, "it was changed")
        expect(passes(kept), "a connection is gone")
    return done.stderr.splitlines()


def restart_is_refused_whole(lab, gate):
    with changed(gate) as config, flow(lab, SECOND) as kept:
        config["rules"].insert(0, DENY)
        config["nat"]["sessions"] = 32768
        config["interfaces"]["inside"]["mtu"] = 1400
        write(gate, config)
        done = ctl(gate, "reload")
        expect(done.returncode == 1, f"exit {done.returncode}")
        for key in ("/nat/sessions", "/interfaces/inside/mtu"):
            expect(f"{key}: needs a restart, as " in done.stderr, done.stderr)
        expect(len(gate.show("show", "rules")) == 1, "the rule counts")
        expect(passes(kept), "a connection is gone")
    return done.stderr.splitlines()


def what_is_forbidden_is_cut(lab, gate):
    with changed(gate) as config, flow(lab, SERVER) as kept, flow(lab, SECOND) as bad:
        config["rules"].insert(0, DENY)
        write(gate, config)
        plan = reload(gate)
        cut = plan["connections"]["cut"]
        expect(cut >= 1, f"{plan}")
        expect(f"0 drained, {cut} cut" in log_of(gate), log_of(gate))
        expect(passes(kept), "an allowed connection is gone")
        expect(not passes(bad, 0.5), "a forbidden connection is there")


def what_is_forbidden_is_drained(lab, gate):
    with changed(gate) as config, flow(lab, SECOND) as bad:
        config["rules"].insert(0, DENY)
        config["reload"] = {"forbidden_connections": "drain", "drain_time": 2}
        write(gate, config)
        plan = reload(gate)
        expect(plan["connections"]["drained"] >= 1 and plan["connections"]["cut"] == 0, f"{plan}")
        expect(passes(bad), "it is gone at once")
        wait_for("it to be cut", lambda: " connections were cut that the " in log_of(gate), 10)
        expect(not passes(bad, 0.5), "it is there")


def goes_back_unless_confirmed(lab, gate):
    with changed(gate) as config, flow(lab, SECOND) as ends:
        config["rules"].insert(0, DENY)
        write(gate, config)
        expect(ctl(gate, "confirm").returncode == 1, "there was nothing to be confirmed")
        plan = reload(gate, "--confirm", "1")
        expect(plan["connections"]["cut"] == 0 and plan["confirm_within"] == 1, f"{plan}")
        expect(ctl(gate, "reload").returncode == 1, "another reload came between")
        expect(len(gate.show("show", "rules")) == 2, "the rule is not there")
        wait_for("the rule to go", lambda: len(gate.show("show", "rules")) == 1, 10)
        expect(passes(ends), "the connection did not live that long")
        reload(gate, "--confirm", "60")
        expect(ctl(gate, "confirm").returncode == 0, "it can't be confirmed")
        wait_for("it to be cut", lambda: not passes(ends, 0.2), 10)
        expect(len(gate.show("show", "rules")) == 2, "the rule is not there")


def by_sighup(lab, gate):
    with changed(gate) as config, flow(lab, SERVER) as kept:
        config["log"] = {"level": "debug"}
        config["nat"]["timeouts"] = {"udp": 123}
        write(gate, config)
        gate.proc.send_signal(signal.SIGHUP)
        wait_for("it to run", lambda: gate.show("show", "config")["nat"]["timeouts"]["udp"] == 123)
        expect(gate.show("show", "config")["log"]["level"] == "debug", "the log's level is as it was")
        expect("SIGHUP: reload of " in log_of(gate), log_of(gate))
        expect(passes(kept), "a connection is gone")


CASES = [
    ("a dry run changes nothing", dry_run_changes_nothing),
    ("a file with errors changes nothing", file_with_errors_changes_nothing),
    ("what needs a restart is refused, whole", restart_is_refused_whole),
    ("what is forbidden is cut", what_is_forbidden_is_cut),
    ("what is forbidden is drained", what_is_forbidden_is_drained),
    ("goes back unless it is confirmed", goes_back_unless_confirmed),
    ("reloads by SIGHUP", by_sighup),
]
