"""The event log of the real program: file, rotation, who-had, watch, syslog, IPFIX; and what is
slow. Collectors are sockets of the tests, and tshark judges what they got."""
import datetime
import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import leaks
import peers
from claims import expect
from lab import SERVER, Postern, wait_for

COLLECTOR = ("127.0.0.1", 4739)
KINDS = ["binds", "blocks", "listeners", "connections", "limits", "filters", "neighbours", "links"]


class LoggingGate(Postern):
    """All ways out, with somebody at their ends before it starts."""

    def __init__(self, lab):
        self.events = lab.path("events.jsonl")
        super().__init__(lab, nat={"timeouts": leaks.SHORT, "port_block": 64, "quarantine": 1,
                                   "sessions_per_client": 20},
                         log={"events": self.events, "kinds": KINDS, "ipfix_domain": 77,
                              "syslog": lab.path("log.sock"),
                              "ipfix": f"{COLLECTOR[0]}:{COLLECTOR[1]}"})
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.syslog.bind(lab.path("log.sock"))
        self.syslog.setblocking(False)
        self.collector = peers.socket_in(lab.gate, socket.SOCK_DGRAM)
        self.collector.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.collector.bind(COLLECTOR)
        self.collector.setblocking(False)

    def __exit__(self, *what):
        super().__exit__(*what)
        self.syslog.close()
        self.collector.close()


def all_of(sock):
    """What came until now."""
    got = []
    while True:
        try:
            got.append(sock.recv(1 << 16))
        except BlockingIOError:
            return got


def lines_of(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def find(path, **wanted):
    return [line for line in lines_of(path)
            if all(line.get(key) == value for key, value in wanted.items())]


def use_a_port(lab, gate):
    """A question by UDP; returns its inside and its outside end, "IP:PORT" both."""
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((SERVER, 5300))
    client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
    client.bind((lab.clients[0], 0))
    client.sendto(b"a question", (SERVER, 5300))
    _, seen = server.recvfrom(100)
    inside = "%s:%u" % client.getsockname()
    client.close()
    server.close()
    return inside, "%s:%u" % seen


def bind_of(gate, inside, event="bind-open"):
    return wait_for(f"{event} of {inside}",
                    lambda: find(gate.events, event=event, inside=inside, protocol="udp"))[-1]


def who_had(gate, outside, when, *words):
    address, port = outside.split(":")
    done = subprocess.run([gate.ctl, "-s", gate.socket, "--json", "who-had", address, port, when,
                           "udp", *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    expect(done.stdout, f"who-had exits {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["answers"]


def the_file_tells_who_had_a_port(lab, gate):
    begun = datetime.datetime.now(datetime.timezone.utc)
    inside, outside = use_a_port(lab, gate)
    opened = bind_of(gate, inside)
    expect(opened["outside"] == outside, f"{opened}, the server saw {outside}")
    closed = bind_of(gate, inside, "bind-close")
    at = datetime.datetime.fromisoformat(opened["time"].replace("Z", "+00:00"))
    expect(abs((at - begun).total_seconds()) < 2, f"{opened} at {begun}")
    answer, = who_had(gate, outside, opened["time"])
    expect(answer == {"protocol": "udp", "answer": "client", "client": inside, "by": "bind",
                      "since": opened["time"], "until": closed["time"]}, f"{answer}")
    answer, = who_had(gate, outside, closed["time"])
    expect(answer["answer"] == "nobody", f"{answer}")
    seqs = [line["seq"] for line in lines_of(gate.events)]
    expect(seqs == list(range(len(seqs))), f"not in order: {seqs}")
    expect(find(gate.events, event="neighbour-up"), "no neighbour was told")


def reloads_are_told(lab, gate):
    def ctl(*words):
        return subprocess.run([gate.ctl, "-s", gate.socket, *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    done = ctl("reload", "--confirm", "1")
    expect(done.returncode == 0, f"reload: {done.stdout}")
    wait_for("that it is applied", lambda: find(gate.events, event="reload-applied", changes=0))
    wait_for("that it is back", lambda: find(gate.events, event="reload-rolled-back"))
    with open(gate.file, "w") as f:
        f.write("{}")
    try:
        expect(ctl("reload", "--dry-run").returncode == 1, "an empty file is taken")
        expect(ctl("reload").returncode == 1, "an empty file is taken")
    finally:
        with open(gate.file, "w") as f:
            json.dump(gate.config, f, indent=2)
    wait_for("that it is refused", lambda: find(gate.events, event="reload-refused"))
    refused = find(gate.events, event="reload-refused")
    expect(len(refused) == 1, f"a dry run is told, too: {refused}")


def it_is_rotated(lab, gate):
    """As logrotate does it, and compressed: who-had reads both parts, and without the appliance."""
    inside, outside = use_a_port(lab, gate)
    opened = bind_of(gate, inside)
    bind_of(gate, inside, "bind-close")
    os.rename(gate.events, gate.events + ".1")
    gate.proc.send_signal(signal.SIGHUP)
    wait_for("the new file", lambda: os.path.exists(gate.events))
    wait_for("its first line", lambda: find(gate.events, event="reopen") or
             find(gate.events + ".1", event="reopen"))
    later, _ = use_a_port(lab, gate)
    bind_of(gate, later)
    with open(gate.events + ".1", "rb") as f, gzip.open(gate.events + ".2.gz", "wb") as z:
        z.write(f.read())
    os.remove(gate.events + ".1")
    with gzip.open(gate.events + ".2.gz", "rt") as z:
        before = [json.loads(line)["seq"] for line in z]
    after = [line["seq"] for line in lines_of(gate.events)]
    expect(before + after == list(range(len(before + after))), f"a hole: {before[-1]}, {after[0]}")
    answer, = who_had(gate, outside, opened["time"], "--log", gate.events)
    expect(answer.get("client") == inside, f"{answer}")
    os.remove(gate.events + ".2.gz")
    answer, = who_had(gate, outside, opened["time"], "--log", gate.events)
    expect(answer["answer"] == "unknown" and "the log begins at" in answer["reason"], f"{answer}")


def it_is_watched(lab, gate):
    proc = subprocess.Popen([gate.ctl, "-s", gate.socket, "--json", "watch", "binds"], text=True,
                            stdout=subprocess.PIPE, start_new_session=True)
    lab.processes.append(proc)
    wait_for("a watcher", lambda: gate.show("status")["events"]["watchers"] == 1)
    inside, outside = use_a_port(lab, gate)
    line = json.loads(proc.stdout.readline())
    expect(line["event"] == "bind-open" and line["inside"] == inside, f"{line}")
    proc.send_signal(signal.SIGINT)
    expect(proc.wait(10) == 0, f"Ctrl-C: it exits {proc.returncode}")
    lab.stop(proc)
    wait_for("it to be gone", lambda: gate.show("status")["events"]["watchers"] == 0)
    for_people = subprocess.Popen([gate.ctl, "-s", gate.socket, "watch", "--limit", "1", "binds"],
                                  text=True, stdout=subprocess.PIPE, start_new_session=True)
    lab.processes.append(for_people)
    wait_for("a watcher", lambda: gate.show("status")["events"]["watchers"] == 1)
    inside, _ = use_a_port(lab, gate)
    told = for_people.communicate(timeout=10)[0]
    expect(for_people.returncode == 0 and "bind-open" in told and f"inside {inside}" in told, told)
    lab.stop(for_people)
    wrong = subprocess.run([gate.ctl, "-s", gate.socket, "watch", "bind"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(wrong.returncode == 1 and 'did you mean "binds"?' in wrong.stderr, wrong.stderr)
    return [told.strip()]


def syslog_gets_it(lab, gate):
    """A daemon's socket: what the C library's syslog() would write."""
    all_of(gate.syslog)
    inside, _ = use_a_port(lab, gate)
    messages = []
    wait_for("a message", lambda: messages.extend(all_of(gate.syslog)) or
             any(inside.encode() in m for m in messages))
    message = next(m for m in messages if inside.encode() in m).decode()
    head, body = message.split(": ", 1)
    expect(head.startswith("<30>") and "postern[" in head, head)
    expect(json.loads(body)["event"] in ("bind-open", "connection-open"), body)
    return [message]


def as_capture(datagrams):
    """A pcap file of raw IPv4 packets, of UDP datagrams to the collector."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for data in datagrams:
        udp = struct.pack(">HHHH", 40000, COLLECTOR[1], 8 + len(data), 0) + data
        address = socket.inet_aton(COLLECTOR[0])
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + address * 2
        packet = ip + udp
        out += struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet
    return out


def tshark(path, *fields):
    argv = ["tshark", "-r", path, "-d", f"udp.port=={COLLECTOR[1]},cflow", *fields]
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL)
    expect(done.returncode == 0, f"tshark exits {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def ipfix_is_read_by_tshark(lab, gate):
    """From the first message on: templates first, nothing malformed, each record's values."""
    inside, _ = use_a_port(lab, gate)
    for _ in range(30):  # more than it may have
        sock = peers.socket_in(lab.client, socket.SOCK_DGRAM)
        sock.bind((lab.clients[1], 0))
        sock.sendto(b"x", (SERVER, 5300))
        sock.close()
    bind_of(gate, inside, "bind-close")
    wait_for("blocks to be given back", lambda: len(find(gate.events, event="block-close")) == 2)
    records = len([line for line in lines_of(gate.events) if re.match("bind-|connection-|block-|limit",
                                                                 line["event"])])
    wait_for("all records", lambda: gate.show("status")["events"]["ipfix"]["sent"] >= records)
    got = all_of(gate.collector)
    path = lab.path("ipfix.pcap")
    with open(path, "wb") as f:
        f.write(as_capture(got))
    faults = tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= 0x00600000")
    expect(faults == [], f"tshark finds faults: {faults}")
    rows = [row for row in tshark(path, "-Y", "cflow", "-T", "fields", "-e", "cflow.version", "-e",
                                  "cflow.od_id", "-e", "cflow.sequence", "-e", "cflow.nat_event",
                                  "-e", "cflow.srcport", "-e", "cflow.post_natsource_ipv4_address")
            if "\t" in row]
    expect(len(rows) == len(got) and all(row.startswith("10\t77\t") for row in rows), f"{rows[:3]}")
    numbers = [int(row.split("\t")[2]) for row in rows]
    events = [[int(e) for e in row.split("\t")[3].split(",") if e] for row in rows]
    for i in range(1, len(rows)):
        expect(numbers[i] == numbers[i - 1] + len(events[i - 1]), f"sequence: {numbers} {events}")
    seen = sum(events, [])
    expect(len(seen) == records and set(seen) == {4, 5, 8, 9, 13, 16, 17}, f"{sorted(set(seen))}")
    ports = ",".join(row.split("\t")[4] for row in rows).split(",")
    expect(inside.split(":")[1] in ports, f"{inside} is not in {ports[-8:]}")
    return [f"{len(got)} messages, {len(seen)} records, natEvents {sorted(set(seen))}"]


CASES = [
    ("IPFIX is read by tshark", ipfix_is_read_by_tshark),
    ("the file tells who had a port", the_file_tells_who_had_a_port),
    ("it is rotated", it_is_rotated),
    ("it is watched", it_is_watched),
    ("reloads are told", reloads_are_told),
    ("syslog gets it", syslog_gets_it),
]

FLOWS = """
import socket, sys
for address in sys.argv[2:]:
    for port in range(10000, 12000):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, port))
        s.sendto(b"x", (sys.argv[1], 5300))
        s.close()
"""


def slow_gate(lab):
    """A FIFO that nobody reads, a syslog daemon that stands, no collector."""
    os.mkfifo(lab.path("slow.fifo"))
    gate = Postern(lab, nat={"timeouts": leaks.SHORT},
                   log={"events": lab.path("slow.fifo"), "kinds": KINDS,
                        "syslog": lab.path("slow.sock"), "ipfix": "127.0.0.1:9"})
    gate.daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    gate.daemon.bind(lab.path("slow.sock"))
    return gate


def nothing_waits_for_the_log(lab, gate):
    start = time.monotonic()
    lab.run(lab.client, sys.executable, "-c", FLOWS, SERVER, *lab.clients)
    lab.run(lab.client, "ping", "-c", "20", "-i", "0.01", "-W", "2", SERVER)
    wait_for("the binds to end", lambda: gate.show("show", "binds") == [], 20)
    events = gate.show("status")["events"]
    expect(events["file"]["lost"] > 1000, f"{events}")
    expect(events["syslog"]["lost"] > 1000, f"{events}")
    expect("No such device" in events["file"]["fault"], f"{events}")
    expect("file" in gate.table("status"), gate.table("status"))
    total = events["file"]["sent"] + events["file"]["lost"]
    reader = os.open(lab.path("slow.fifo"), os.O_RDONLY | os.O_NONBLOCK)
    text = b""

    def is_told():
        nonlocal text
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            pass
        return b'"lost","source":"file"' in text

    wait_for("what was lost to be said", is_told, 20)
    os.close(reader)
    lost = next(json.loads(line) for line in text.splitlines() if b'"source":"file"' in line)
    # what was under way when the status was asked for is lost too, and in the account
    after = gate.show("status")["events"]
    expect(events["file"]["lost"] <= lost["count"] <= after["file"]["lost"],
           f"{lost} {events} {after}")
    gate.daemon.close()
    return [f"{total} lines, {lost['count']} of them lost, in {time.monotonic() - start:.1f} s; "
            f"syslog lost {events['syslog']['lost']}"]


SLOW = [("nothing waits for the log", nothing_waits_for_the_log)]
