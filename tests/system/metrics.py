"""Metrics over HTTP: what promtool and an OpenMetrics parser say of them, and whether the numbers
are those of posternctl."""
import json
import os
import re
import shutil
import socket
import subprocess

import downloads
import peers
from claims import Skip, expect
from lab import GATE_OUT, ROOT, SERVER, Postern, sh, wait_for

URL = "http://127.0.0.1:9469"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
# Debian's modules belong to its own Python
PARSER = ["/usr/bin/python3", "-c", """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
print(json.dumps([[f.name, f.type, f.unit, [[s.name, s.labels, s.value] for s in f.samples]]
                  for f in families(sys.stdin.read())]))
"""]


def curl(lab, path, *options, check=True):
    return lab.run(lab.gate, "curl", "-sS", "-m", "10", *options, URL + path, check=check)


def figures(lab):
    return json.loads(curl(lab, "/figures.json"))


def value(all_figures, name, **labels):
    """The sum of a series' rows that have these labels."""
    return sum(row["value"] for row in all_figures[name]
               if all(row[label] == text for label, text in labels.items()))


def traffic(lab, gate):
    """Something for all figures: echoes, an active FTP download, and a packet nobody asked for."""
    lab.run(lab.client, "ping", "-c", "2", "-i", "0.1", "-W", "2", SERVER)
    server = peers.start_vsftpd(lab, downloads.make_root(lab))
    try:
        said = downloads.download(lab, peers.curl, "port", lab.clients[0])
        expect(said is None, said)
    finally:
        lab.stop(server)
    before = gate.drops()["no_mapping"]
    with peers.socket_in(lab.server, socket.SOCK_DGRAM) as sock:
        sock.bind((SERVER, 0))
        sock.sendto(b"anybody?", (GATE_OUT, 2000))
    wait_for("the drop", lambda: gate.drops()["no_mapping"] > before)


def promtool_has_nothing_to_say(lab, gate):
    traffic(lab, gate)
    if shutil.which("promtool") is None:
        raise Skip("there is no promtool (Debian's prometheus)")
    for source in (curl(lab, "/metrics"), gate.table("metrics", "prometheus")):
        done = subprocess.run(["promtool", "check", "metrics"], input=source, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        expect(done.returncode == 0 and done.stdout == "",
               f"promtool exits {done.returncode}: {done.stdout}")
    return [f"{source.count(chr(10))} lines"]


def dashboard_is_promql(lab, gate):
    """Whether its series exist is a unit test's; here, whether Prometheus reads the expressions."""
    if shutil.which("promtool") is None:
        raise Skip("there is no promtool (Debian's prometheus)")
    with open(os.path.join(ROOT, "config", "grafana.json")) as f:
        panels = json.load(f)["panels"]
    expressions = [target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
                   for panel in panels for target in panel["targets"]]
    path = lab.path("rules.json")  # which is YAML, too
    with open(path, "w") as f:
        json.dump({"groups": [{"name": "dashboard", "rules": [
            {"record": f"panel:{number}", "expr": expression}
            for number, expression in enumerate(expressions)]}]}, f)
    done = subprocess.run(["promtool", "check", "rules", path], text=True, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(done.returncode == 0, done.stdout)
    return [f"{len(expressions)} expressions"]


def openmetrics_parser_reads_all(lab, gate):
    text = curl(lab, "/metrics", "-H", f"Accept: {OPENMETRICS}")
    done = subprocess.run(PARSER, input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=20)
    expect(done.returncode == 0, done.stdout[-2000:])
    families = json.loads(done.stdout)
    series = {sample[0] for family in families for sample in family[3]}
    expect(series == set(figures(lab)), f"{series ^ set(figures(lab))}")
    types = {family[1] for family in families}
    expect(types == {"counter", "gauge", "histogram", "info"}, f"{types}")
    control = gate.table("metrics")
    described = [[line for line in one.splitlines() if line.startswith("#")]
                 for one in (text, control)]
    expect(described[0] == described[1], "posternctl describes other metrics")
    return [f"{len(families)} metrics, {len(series)} series names"]


def difference(lab, gate):
    """Where the figures and posternctl's differ, or None."""
    status, seen = gate.show("status"), figures(lab)
    account = status["account"]
    pairs = [("received", account["received"], value(seen, "postern_received_packets_total")),
             ("sent", account["sent"], value(seen, "postern_sent_packets_total")),
             ("held", account["held"], value(seen, "postern_held_packets"))]
    for what in ("originated", "dropped", "consumed"):
        pairs += [(f"{what} {reason}", n,
                   value(seen, f"postern_{what}_packets_total", reason=reason))
                  for reason, n in account[what].items()]
    for row in gate.show("show", "interfaces"):
        pairs += [(f"{row['name']} {key}", row[key],
                   value(seen, f"postern_interface_{name}_total", interface=row["name"]))
                  for key, name in (("rx_packets", "received_packets"), ("tx_bytes", "sent_bytes"),
                                    ("rx_bytes", "received_bytes"), ("tx_packets", "sent_packets"))]
    for worker in status["workers"]:
        number = str(worker["worker"])
        for what in ("connections", "binds", "listeners"):
            pairs.append((f"{what} of worker {number}", worker[what],
                          value(seen, f"postern_{what}", worker=number)))
            pairs.append((f"{what} ever", worker[f"{what}_total"],
                          value(seen, f"postern_{what}_opened_total", worker=number)))
        pairs.append(("clients", worker["clients"], value(seen, "postern_clients", worker=number)))
    pools = gate.show("show", "pools")
    for address, protocol in {(row["address"], row["protocol"]) for row in pools}:
        rows = [r for r in pools if (r["address"], r["protocol"]) == (address, protocol)]
        pairs.append((f"{protocol} ports of {address}", sum(row["used"] for row in rows),
                      value(seen, "postern_ports_used", address=address, protocol=protocol)))
    for editor in gate.show("show", "editors"):
        pairs += [(f"{editor['name']} {event}", n,
                   value(seen, "postern_editor_events_total", editor=editor["name"], event=event))
                  for event, n in editor["counters"].items()]
    wrong = [pair for pair in pairs if pair[1] != pair[2]]
    return f"{wrong}" if wrong else None


def same_numbers_as_posternctl(lab, gate):
    traffic(lab, gate)
    try:
        wait_for("the same figures twice", lambda: difference(lab, gate) is None, 5)
    except RuntimeError:
        raise RuntimeError(difference(lab, gate) or "it was never quiet") from None
    seen = figures(lab)
    expect(value(seen, "postern_dropped_packets_total", reason="no_mapping") > 0, "no drop")
    expect(value(seen, "postern_interface_sent_bytes_total", interface="inside") > 300_000,
           "the download is not counted")
    binds = (value(seen, "postern_editor_binds_total") +
             value(seen, "postern_editor_bind_failures_total"))
    timed = value(seen, "postern_bind_seconds_count")
    expect(0 < timed == binds, f"{timed} of {binds} binds were timed")
    seconds = value(seen, "postern_bind_seconds_sum") / timed
    expect(1e-7 < seconds < 0.1, f"a bind took {seconds} s")
    return [f"a bind took {seconds * 1e6:.1f} us"]


class Telemetry:
    """DPDK's own socket: a command, and one packet of JSON for an answer."""

    def __init__(self, gate):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        self.sock.connect(f"/run/dpdk/{gate.prefix}/dpdk_telemetry.v2")
        self.most = json.loads(self.sock.recv(1024))["max_output_len"]

    def ask(self, command):
        self.sock.send(command.encode())
        return json.loads(self.sock.recv(self.most))[command.split(",")[0]]

    def rows(self, command):
        """All of them, a hundred at a time."""
        rows = []
        while True:
            more = self.ask(f"{command},{len(rows)}") or {}
            expect(list(map(int, more)) == list(range(len(rows), len(rows) + len(more))),
                   f"{command}: rows {list(more)}")
            rows += more.values()
            if len(more) < 100:
                return rows


def rows_of(all_figures, name):
    """As telemetry has them: what is no whole number is text."""
    return [{**row, "value": row["value"] if isinstance(row["value"], int) else "real"}
            for row in all_figures[name]]


MOVING = re.compile("loops|cycles|process|uptime|load|heap|mempool|bind_seconds|requests")


def telemetry_difference(lab, telemetry, series_of):
    """A metric that has other rows there, or None."""
    seen = figures(lab)
    for name, series in series_of.items():
        rows = telemetry.rows(f"/postern/{name}")
        if len(rows) < len(seen[series]) or not rows:
            return f"{name}: {rows}"
        if not MOVING.search(name) and rows != rows_of(seen, series):
            return f"{name}: {rows}, not {seen[series]}"
    return None


def telemetry_has_the_same(lab, gate):
    traffic(lab, gate)
    telemetry = Telemetry(gate)
    ours = [c for c in telemetry.ask("/") if c.startswith("/postern/")]
    series_of = {}
    for series in figures(lab):
        name = series.removeprefix("postern_")
        if name.startswith("bind_seconds_"):
            name = "bind_seconds"
        series_of[re.sub("_(total|info)$", "", name)] = series
    expect({c.split("/")[2] for c in ours} == set(series_of), f"{ours} {sorted(series_of)}")
    try:
        wait_for("the same figures twice",
                 lambda: telemetry_difference(lab, telemetry, series_of) is None, 10)
    except RuntimeError:
        raise RuntimeError(telemetry_difference(lab, telemetry, series_of)) from None
    first = telemetry.rows("/postern/dropped_packets")
    rest = telemetry.ask("/postern/dropped_packets,3")
    expect(list(rest.values()) == first[3:], f"rows begin elsewhere: {rest}")
    expect(not telemetry.ask("/postern/dropped_packets,1000"), "there are more rows")
    expect(telemetry.ask("/postern/dropped_packets,x") is None, "x is a number")
    buckets = [row for row in telemetry.rows("/postern/bind_seconds")
               if row["series"] == "bucket"]
    expect(buckets[-1]["le"] == "+Inf" and buckets[-1]["value"] > 0, f"{buckets}")
    return [f"{len(ours)} commands"]


def busy_cycles_are_a_part_of_all(lab, gate):
    """One round in 64 is looked at, so there has to be some traffic until one of them is busy."""
    def work():
        for source in lab.clients:
            lab.run(lab.client, "ping", "-q", "-c", "50", "-i", "0.002", "-I", source, SERVER)
        seen = figures(lab)
        return all(row["value"] > 0 for row in seen["postern_worker_busy_cycles_total"]) and seen

    seen = wait_for("busy rounds of all workers", work, 30)
    shares = []
    for row in seen["postern_worker_cycles_total"]:
        busy = value(seen, "postern_worker_busy_cycles_total", worker=row["worker"])
        expect(busy < row["value"], f"worker {row['worker']}: {busy} of {row['value']}")
        shares.append(f"worker {row['worker']}: {100 * busy / row['value']:.2f} % busy")
    return shares


def cpus_of(pid, task):
    with open(f"/proc/{pid}/task/{task}/status") as f:
        return re.search(r"^Cpus_allowed:\s+(\S+)$", f.read(), re.MULTILINE)[1]


def pid_of(lab, gate):
    return next(int(p) for p in sh("ip", "netns", "pids", lab.gate).split()
                if os.readlink(f"/proc/{p}/exe") == os.path.realpath(gate.program))


def thread_is_no_workers(lab, gate):
    """It runs where main does, or where no lcore does."""
    pid = pid_of(lab, gate)
    names = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as f:
            names[f.read().strip()] = task
    expect("pst-http" in names, f"{sorted(names)}")
    cpus = {name: int(cpus_of(pid, task).replace(",", ""), 16) for name, task in names.items()}
    lcores = [name for name in names if re.match(r"(lcore-worker|rte-worker)", name)]
    expect(lcores, f"no lcore among {sorted(names)}")
    main = cpus[next(name for name, task in names.items() if int(task) == pid)]
    taken = main
    for name in lcores:
        taken |= cpus[name]
    expect(cpus["pst-http"] & taken == 0 or cpus["pst-http"] == main,
           f"pst-http may run on {cpus['pst-http']:#x}, main on {main:#x}, lcores on {taken:#x}")
    return [f"pst-http {cpus['pst-http']:#x}, main {main:#x}, all lcores {taken:#x}"]


def errors_are_clear(lab, gate):
    code = ("-o", "/dev/null", "-w", "%{http_code}")
    for path, options, wanted in (("/nothing", (), "404"), ("/metrics", ("-X", "POST"), "405"),
                                  ("/metrics", ("-d", "x"), "405"), ("/metrics", ("-I",), "200")):
        expect(curl(lab, path, *code, *options) == wanted, f"{path} {options} is not {wanted}")
    expect("/metrics" in curl(lab, "/nothing"), "404 does not tell where to look")


def listens_where_it_is_told(lab, gate):
    """Not where that is off; and where somebody else is, it does not start."""
    with Postern(lab, metrics={"listen": "off"}):
        said = curl(lab, "/metrics", check=False)
        expect("Failed to connect" in said or "Couldn't connect" in said, said)
    with peers.listen_in(lab.gate, "127.0.0.1", 9470):
        postern = Postern(lab, metrics={"listen": "127.0.0.1:9470"})
        try:
            postern.start()
            postern.stop()
            raise AssertionError("it started")
        except RuntimeError as error:
            wanted = "postern: metrics.listen: 127.0.0.1:9470: Address already in use"
            expect(wanted in str(error), str(error))
    return [wanted]


CASES = [
    ("promtool has nothing to say", promtool_has_nothing_to_say),
    ("an OpenMetrics parser reads all", openmetrics_parser_reads_all),
    ("the same numbers as posternctl", same_numbers_as_posternctl),
    ("DPDK's telemetry has the same", telemetry_has_the_same),
    ("busy cycles are a part of all", busy_cycles_are_a_part_of_all),
    ("its thread is on no worker's CPU", thread_is_no_workers),
    ("errors are clear", errors_are_clear),
]
ALONE = [
    ("listens where it is told", listens_where_it_is_told),
    ("the dashboard is PromQL", dashboard_is_promql),
]
