"""The program itself: its config's errors, its end, and what it leaves behind."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import peers
from claims import expect
from lab import ROOT, SERVER, Postern, sh, wait_for


BAD = """{
  "interfaces": {
    "inside": { "device": "net_null0", "zone": "internl", "address": "10.1.1.254/24" },
    "outside": { "device": "net_null1", "zone": "external", "address": "198.18.0.1" }
  },
  "nat": {
    "pool": [ "10.0.0.x" ],
    "filterng": "endpoint-independent",
    "ports_per_client": 0
  },
  "nat": {}
}
"""


def bad_config(lab, gate):
    path = lab.path("bad.json")
    with open(path, "w") as f:
        f.write(BAD)
    done = subprocess.run([os.path.join(ROOT, "build", "app", "postern"), "-c", path], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    expect(done.returncode == 2, f"exit {done.returncode}")
    lines = done.stderr.splitlines()
    for line in lines:
        expect(re.match(re.escape(path) + r":\d+: ", line), f"no file and line in {line!r}")
    expect(any(":11: /nat: this key is there twice" in line for line in lines), done.stderr)
    with open(path, "w") as f:
        f.write(BAD.replace(',\n  "nat": {}', ""))
    done = subprocess.run([os.path.join(ROOT, "build", "app", "postern"), "-c", path, "--check"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    expect(done.returncode == 2, f"exit {done.returncode}")
    for wanted in (":3: /interfaces/inside/zone: ", ":4: /interfaces/outside/address: ",
                   ':7: /nat/pool/0: not an IPv4 range: "10.0.0.x"',
                   ':8: /nat/filterng: unknown key "filterng", did you mean "filtering"?',
                   ":9: /nat/ports_per_client: "):
        expect(wanted in done.stderr, f"{wanted!r} is not in:\n{done.stderr}")
    return done.stderr.splitlines()


def pids_in(name):
    """None, if there is no such namespace either."""
    return [word for word in sh("ip", "netns", "pids", name, check=False).split()
            if word.isdigit()]


def left_behind(postern):
    """What of a stopped appliance is still there."""
    left = [path for path in (postern.socket, f"/run/dpdk/{postern.prefix}")
            if os.path.exists(path)]
    if os.path.isdir("/dev/hugepages"):
        left += [name for name in os.listdir("/dev/hugepages") if postern.prefix in name]
    return left + pids_in(postern.lab.gate)


def expect_orderly_end(postern, code):
    with open(postern.log) as f:
        log = f.read()
    expect(code == 0, f"exit {code}: {log[-500:]}")
    expect(left_behind(postern) == [], f"left behind: {left_behind(postern)}")
    expect("unaccounted 0" in log, log[-500:])


def is_alone(lab, gate):
    """A second one refuses its config's socket; posternctl tells when there is none."""
    with Postern(lab) as postern:
        second = subprocess.run(["ip", "netns", "exec", lab.gate, postern.program, "-c",
                                 postern.file, "--", "--file-prefix", postern.prefix + "b"],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=30)
        expect(second.returncode == 1,
               f"a second one exits {second.returncode}: {second.stdout[-1500:]}")
        lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
    done = subprocess.run([postern.ctl, "-s", lab.path("none.sock"), "status"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    expect(done.returncode == 3, f"posternctl exits {done.returncode} on no socket")
    return second.stdout.splitlines()[-1:]


def stops_by(number):
    def case(lab, gate):
        with Postern(lab) as postern:
            expect(len(left_behind(postern)) == 3, "nothing to look for later: "
                   f"{left_behind(postern)}")  # the socket, the EAL's folder, the process
            lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
            expect_orderly_end(postern, postern.stop(number))

    return case


def goes_on_after_sighup(lab, gate):
    with Postern(lab) as postern:
        postern.proc.send_signal(signal.SIGHUP)
        lab.run(lab.client, "ping", "-c", "3", "-i", "0.1", "-W", "2", SERVER)
        expect_orderly_end(postern, postern.stop())


def stops_under_load(lab, gate):
    """In the midst of a transfer: packets are in the rings, and all are told of."""
    root = lab.path("www")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "endless"), "w") as f:
        f.truncate(4 << 30)
    server = peers.start_http(lab, root)
    with Postern(lab, workers=2) as postern:
        client = lab.start(lab.client, "curl", "-sS", f"http://{SERVER}/endless", "-o",
                           "/dev/null")
        wait_for("the transfer", lambda: postern.show("status")["account"]["sent"] > 20000)
        start = time.monotonic()
        code = postern.stop()
        seconds = time.monotonic() - start
        expect(client.poll() is None, "the transfer had ended before")
        expect_orderly_end(postern, code)
    lab.stop(client)
    lab.stop(server)
    with open(postern.log) as f:
        told = [line.strip() for line in f if "unaccounted" in line]
    return [f"stopped in {seconds:.1f} s: {told[-1]}"]


def interrupted_run_leaves_nothing(lab, gate):
    """A run of these tests, ended in the midst of a case."""
    runner = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
    proc = subprocess.Popen([sys.executable, runner, "--only", "one worker: 200 MB"],
                            start_new_session=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.processes.append(proc)  # to be stopped in any case
    names = [f"pst{proc.pid}.0-{end}" for end in "cgs"]
    wait_for("programs in all its namespaces", lambda: all(map(pids_in, names)), 30)
    folder = f"/run/dpdk/pst{proc.pid}"
    expect(os.path.exists(folder), f"there is no {folder} to look for later")
    proc.send_signal(signal.SIGTERM)
    code = proc.wait(30)
    lab.stop(proc)
    expect(code != 0, "the runner says that all went well")
    left = [name for name in sh("ip", "netns", "list").split() if name in names]
    expect(left == [], f"left behind: {left}")
    expect(not os.path.exists(folder), f"left behind: {folder}")


def binds_are_timed(lab, gate):
    """The bench of binds, whole; other work may make it slow, but not so much slower when the
    pool is full."""
    bench = os.path.join(ROOT, "build", "app", "postern-bench")
    rows = json.loads(sh(bench, "--mode", "bind", "--json"))
    seen = {(row["cpus"], row["fill_percent"], row["n"]) for row in rows}
    for cpus in {row["cpus"] for row in rows}:
        for key in [(cpus, fill, n) for fill in (0, 99) for n in (1, 2, 64)]:
            expect(key in seen, f"{key} is missing: {seen}")
    for row in rows:
        expect(0 < row["p50_us"] <= row["p99_us"] <= row["p999_us"] <= row["max_us"], f"{row}")
        expect(row["to_empty"] <= 10, f"a full pool is much slower: {row}")
    return [f"{row['cpus']} {row['fill_percent']} % n={row['n']}: {row['p50_us']} us"
            for row in rows]


def edits_are_timed(lab, gate):
    """The stream engine's bench checks what comes out; how fast it is is not said here."""
    bench = os.path.join(ROOT, "build", "app", "postern-bench")
    rows = json.loads(sh(bench, "--mode", "edit", "--seconds", "1", "--json"))
    expect([row["edits"] for row in rows] == [False, True], f"{rows}")
    for row in rows:
        expect(row["bad"] == 0 and row["incomplete"] == 0, f"{row}")
        expect(row["compared"] > 0 and row["ns"] > 0, f"nothing was measured: {row}")
    expect(rows[1]["segments_out"] > rows[1]["segments_in"], f"nothing was edited: {rows[1]}")
    return [f"edits {row['edits']}: {row['ns']} ns" for row in rows]


def variants_are_forwarded(lab, gate):
    """Mixed sizes, and a tag on either side: what comes out is as long and as tagged as it has
    to be, or the bench ends with an error."""
    told = []
    for options in (["--packet-size", "imix"], ["--vlan", "inside"],
                    ["--vlan", "outside", "--packet-size", "imix", "--transport", "tcp"]):
        output = sh(os.path.join(ROOT, "tools", "bench"), "--only", "postern", "--modes",
                    "forward", "--flows", "1024", "--pairs", "1", "--max-pairs", "1",
                    "--seconds", "1", "--json", *options)
        document = json.loads(output[output.index("{"):])  # behind notes on the machine
        figure = document["results"][0]["postern"]
        expect(figure["windows"] > 0, f"nothing was measured: {document}")
        told.append(f"{' '.join(options)}: {figure['windows']} windows")
    return told


def questions_are_timed(lab, gate):
    """posternctl is answered while a worker forwards; how fast is said by the bench alone."""
    built = os.path.join(ROOT, "build", "app")
    with tempfile.TemporaryDirectory(prefix="pst-bench.", dir="/run") as folder:
        for name in ("postern-bench", "posternctl", "libpst_traffic.so"):
            shutil.copy(os.path.join(built, name), folder)
        document = json.loads(sh(os.path.join(folder, "postern-bench"), "--mode", "show",
                                 "--flows", "16384", "--seconds", "3", "--json", "--", "--no-huge",
                                 "--no-shconf", "-m", "1500", "--no-telemetry",
                                 "--log-level=error", "-d", f"{folder}/libpst_traffic.so",
                                 "--file-prefix", lab.gate))
    rows = {row["question"]: row for row in document["asked"]}
    for question, wanted in (("show connections client 10.0.1.7", 256),
                             ("show connections client 10.0.1.0/28 dport 4000", 4096),
                             ("show connections client 192.0.2.0/24", 0),
                             ("show connections sort bytes limit 10", 10)):
        row = rows[question]
        expect(row["times"] > 0 and row["rows"] == wanted, f"{row}")
        expect(0 < row["median_s"] <= row["worst_s"] and row["forward_pps"] > 0, f"{row}")
    return [f"{row['question']}: {row['median_s']:.3f} s, walk {100 * row['walk_share']:.2f} %"
            for row in document["asked"]]


def setup_report(lab, transport):
    """The EAL loads nothing from below a folder that anybody may write to, such as /tmp."""
    built = os.path.join(ROOT, "build", "app")
    with tempfile.TemporaryDirectory(prefix="pst-bench.", dir="/run") as folder:
        traffic = shutil.copy(os.path.join(built, "libpst_traffic.so"), folder)
        return json.loads(sh(os.path.join(built, "postern-bench"), "--mode", "setup",
                             "--transport", transport, "--flows", "16384", "--seconds", "1",
                             "--json", "--", "--no-huge", "--no-shconf", "-m", "1500",
                             "--no-telemetry", "--log-level=error", "-d", traffic,
                             "--file-prefix", lab.gate))


def setups_are_timed(lab, gate):
    """Connections begin and end in a steady state, and every packet comes out right."""
    told = []
    for transport, packets in (("udp", 1), ("tcp", 7)):
        row = setup_report(lab, transport)
        expect(row["sent"] >= packets * row["begun"] - 10000 > 0 and row["dropped"] == {}, f"{row}")
        expect(abs(row["begun"] - row["expired"]) < 200 and 15000 < row["live"] < 16384, f"{row}")
        expect(row["begun"] > 32768, f"hardly anything was measured: {row}")
        for what in ("loop", "idle"):
            expect(0 < row[f"{what}_p50_us"] <= row[f"{what}_p9999_us"] <= row[f"{what}_max_us"],
                   f"{row}")
        told.append(f"{transport}: {row['connections_per_s'] / 1e6:.2f} million a second")
    return told


CASES = [
    ("a bad config", bad_config),
    ("is alone on its socket", is_alone),
    ("stops by SIGTERM", stops_by(signal.SIGTERM)),
    ("stops by SIGINT", stops_by(signal.SIGINT)),
    ("goes on after SIGHUP", goes_on_after_sighup),
    ("stops under load", stops_under_load),
    ("binds are timed", binds_are_timed),
    ("edits are timed", edits_are_timed),
    ("mixed sizes and tags are forwarded", variants_are_forwarded),
    ("setups are timed", setups_are_timed),
    ("questions are timed", questions_are_timed),
    ("an interrupted run leaves nothing", interrupted_run_leaves_nothing),
]
