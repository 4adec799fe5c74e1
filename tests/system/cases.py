"""The cases, in groups that share a start of the gate."""
import collections
import hashlib
import os
import re
import selectors
import signal
import socket
import subprocess
import threading
import time

import peers
from lab import (CLIENTS, GATE_OUT, ROOT, SECOND, SERVER, THIRD, Postern, wait_for)

Group = collections.namedtuple("Group", "name gate cases kernel editor")


class Skip(Exception):
    pass


def needs_postern(gate):
    if not isinstance(gate, Postern):
        raise Skip("needs Postern")


def expect(true, text):
    if not true:
        raise AssertionError(text)


# Downloads.

def download(lab, program, mode, source):
    """One FTP download; returns what the program said when it failed, else None."""
    out = lab.path(f"out-{program.__name__}-{mode}")
    try:
        done = subprocess.run(["ip", "netns", "exec", lab.client,
                               *program(lab, source, mode, out)], text=True, timeout=40,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if not os.path.exists(out):
            return f"no file; exit {done.returncode}: {done.stdout[-500:]}"
        if peers.digest_of(out) != peers.digest_of(lab.path("root/file")):
            return "the file differs"
        return None
    finally:
        if os.path.exists(out):
            os.unlink(out)


WAYS = [(peers.lftp, "port"), (peers.lftp, "pasv"), (peers.lftp, "epsv"), (peers.curl, "port"),
        (peers.curl, "eprt"), (peers.curl, "pasv"), (peers.curl, "epsv"),
        (peers.tnftp, "port"), (peers.tnftp, "pasv")]


def make_root(lab):
    root = lab.path("root")
    if not os.path.isdir(root):
        os.makedirs(root)
        os.chmod(root, 0o755)
        peers.make_file(os.path.join(root, "file"), 300_000)
    return root


def ftp_downloads(server):
    def case(lab, gate):
        root = make_root(lab)
        proc = server(lab, root)
        try:
            for i, (program, mode) in enumerate(WAYS):
                said = download(lab, program, mode, CLIENTS[i % len(CLIENTS)])
                expect(said is None, f"{program.__name__} {mode}: {said}")
        finally:
            lab.stop(proc)
        return [f"{len(WAYS)} downloads, {', '.join(f'{p.__name__} {m}' for p, m in WAYS)}"]

    return case


def from_eight_clients(lab, gate):
    root = make_root(lab)
    proc = peers.start_vsftpd(lab, root)
    try:
        for source in CLIENTS:
            said = download(lab, peers.curl, "port", source)
            expect(said is None, f"{source}: {said}")
    finally:
        lab.stop(proc)
    if not isinstance(gate, Postern):
        return []
    workers = gate.show("status")["workers"]
    for w in workers:
        expect(w["connections_total"] > 0, f"worker {w['worker']} made no connection")
    if len(workers) > 1:
        expect(sum(w["handed_over"] for w in workers) > 0, "nothing was handed over")
    return [f"worker {w['worker']}: {w['connections_total']} connections, {w['sent']} sent, "
            f"{w['handed_over']} handed over" for w in workers]


def active_fails_passive_works(lab, gate):
    proc = peers.start_vsftpd(lab, make_root(lab))
    try:
        said = download(lab, peers.curl, "port", CLIENTS[0])
        expect(said is not None, "an active download went through without an editor")
        said = download(lab, peers.curl, "epsv", CLIENTS[0])
        expect(said is None, f"passive: {said}")
    finally:
        lab.stop(proc)


def http_200_mb(lab, gate):
    root = lab.path("www")
    os.makedirs(root, exist_ok=True)
    digest = peers.make_file(os.path.join(root, "big"), 200 << 20)
    proc = peers.start_http(lab, root)
    out = lab.path("big.out")
    try:
        start = time.monotonic()
        lab.run(lab.client, "curl", "-sS", "-m", "120", f"http://{SERVER}/big", "-o", out)
        seconds = time.monotonic() - start
        expect(peers.digest_of(out) == digest, "the file differs")
    finally:
        lab.stop(proc)
        os.unlink(os.path.join(root, "big"))
    return [f"200 MB in {seconds:.1f} s, {200 * 8 / seconds:.0f} Mbit/s"]


def ping(lab, gate):
    for size in ("56", "1400"):
        lab.run(lab.client, "ping", "-c", "3", "-i", "0.1", "-W", "2", "-s", size, SERVER)
    lab.run(lab.client, "ping", "-c", "2", "-i", "0.1", "-W", "2", "10.1.1.254")
    lab.run(lab.server, "ping", "-c", "2", "-i", "0.1", "-W", "2", GATE_OUT)


def questions_over_udp(lab, gate):
    """As DNS does: each question from a fresh socket, each answered from its own port."""
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((SERVER, 53))
    seen = set()
    for i in range(64):
        client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
        client.bind((CLIENTS[i % len(CLIENTS)], 0))
        client.sendto(f"question {i}".encode(), (SERVER, 53))
        data, peer = server.recvfrom(2000)
        expect(peer[0] == GATE_OUT, f"the server saw {peer[0]}")
        seen.add(peer)
        server.sendto(b"answer to " + data, peer)
        expect(client.recvfrom(2000)[0] == b"answer to question %d" % i, "another answer")
        client.close()
    server.close()
    expect(len(seen) == 64, f"{len(seen)} outside endpoints for 64 questions")


def echo_all(listener, count):
    """Send back what each of so many connections sends, until it ends."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    ended = 0
    while ended < count:
        for key, _ in selector.select(10):
            if key.fileobj is listener:
                conn, _ = listener.accept()
                selector.register(conn, selectors.EVENT_READ)
                continue
            data = key.fileobj.recv(1 << 16)
            if data:
                key.fileobj.sendall(data)
                continue
            selector.unregister(key.fileobj)
            key.fileobj.close()
            ended += 1


def two_hundred_connections(lab, gate):
    listener = peers.listen_in(lab.server, SERVER, 7000)
    thread = threading.Thread(target=echo_all, args=(listener, 200), daemon=True)
    thread.start()
    conns = []
    for i in range(200):
        conns.append(peers.connect_in(lab.client, (CLIENTS[i % len(CLIENTS)], 0), (SERVER, 7000)))
    if isinstance(gate, Postern):
        open_now = [c for c in gate.show("show", "connections") if c["remote"] == f"{SERVER}:7000"
                    and c["state"] == "established"]
        expect(len(open_now) == 200, f"{len(open_now)} of 200 are shown as established")
    for i, conn in enumerate(conns):
        data = hashlib.sha256(str(i).encode()).digest() * 100
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        expect(peers.read_all(conn) == data, f"connection {i} got other bytes")
        conn.close()
    thread.join(10)
    listener.close()


# The endpoint that PORT opens.

def refused(lab, source, to):
    """A connection that must not come about."""
    try:
        peers.connect_in(lab.server, source, to, timeout=1.2).close()
    except OSError:
        return True
    return False


def only_the_server_and_once(lab, gate):
    needs_postern(gate)
    before = gate.drops()
    pair = peers.ControlPair(lab, CLIENTS[0])
    data, command = pair.open_data()
    seen = pair.command(command)
    to = peers.endpoint_of(seen)
    pair.reply("200 PORT done")
    rows = [r for r in gate.listeners() if r["external"] == f"{to[0]}:{to[1]}"]
    expect(len(rows) == 1, f"{to} is not among {gate.listeners()}")
    expect(rows[0]["filter"] == [f"{SERVER}-{SERVER}"], f"filter {rows[0]['filter']}")
    expect(refused(lab, (SECOND, 20), to), "the server's second address came through")
    expect(refused(lab, (THIRD, 20), to), "a third host came through")
    good = peers.connect_in(lab.server, (SERVER, 0), to)
    inside, _ = data.accept()
    expect(refused(lab, (SERVER, 0), to), "a second connection came through")
    good.sendall(b"the file")
    good.close()
    expect(peers.read_all(inside) == b"the file", "the data differ")
    inside.close()
    expect(refused(lab, (SERVER, 0), to), "the port was open after the transfer")
    pair.close()
    data.close()
    after = gate.drops()
    for reason in ("ip_filter", "endpoint_used"):
        expect(after[reason] > before[reason], f"{reason} was not counted")
    return [f"client said {command!r}, server saw {seen!r}",
            f"ip_filter {after['ip_filter'] - before['ip_filter']}, "
            f"endpoint_used {after['endpoint_used'] - before['endpoint_used']}"]


def what_opens_nothing(lab, gate):
    needs_postern(gate)
    before = {row["external"] for row in gate.listeners()}
    pair = peers.ControlPair(lab, CLIENTS[1])
    for line in (b"PORT 10,1,1,99,19,137\r\n", b"PORT 10,1,1,8,0,22\r\n", b"PORT 1,2\r\n"):
        seen = pair.command(line)
        expect(seen == line, f"{line!r} became {seen!r}")
        pair.reply("500 no")
    opened = [row for row in gate.listeners() if row["external"] not in before]
    expect(not opened, f"an endpoint was opened: {opened}")
    pair.close()


def cut(command, pieces):
    size = max(1, -(-len(command) // pieces))
    return [command[i:i + size] for i in range(0, len(command), size)]


def segments_out(lab):
    text = lab.run(lab.client, "cat", "/proc/net/snmp")
    names, values = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("OutSegs")])


def say_in_pieces(lab, pair, command, pieces):
    """Each piece a segment of its own: the next goes when the last was sent."""
    for piece in cut(command, pieces):
        before = segments_out(lab)
        pair.client.sendall(piece)
        if pair.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY):
            wait_for("a segment to leave", lambda: segments_out(lab) > before, 2)
    return peers.read_line(pair.server)


def transfer(pair, data, to):
    conn = peers.connect_in(pair.lab.server, (SERVER, 0), to)
    inside, _ = data.accept()
    conn.sendall(b"bytes")
    conn.close()
    expect(peers.read_all(inside) == b"bytes", "the data differ")
    inside.close()


def one_port(lab, pair, pieces):
    data, command = pair.open_data()
    start = time.monotonic()
    seen = say_in_pieces(lab, pair, command, pieces)
    pair.reply("200 PORT done")
    seconds = time.monotonic() - start
    to = peers.endpoint_of(seen)
    expect(to[0] == GATE_OUT, f"the server saw {seen!r}")
    expect(seconds < 1, f"{pieces} pieces took {seconds:.2f} s")
    transfer(pair, data, to)
    data.close()
    return f"{pieces} pieces, {seconds * 1000:.0f} ms, the server saw {seen!r}"


def port_in_pieces(lab, gate):
    notes = []
    for sack in (1, 0):
        for name in (lab.client, lab.server):
            lab.sysctl(name, f"net.ipv4.tcp_sack={sack}")
        for nodelay in (True, False):
            pair = peers.ControlPair(lab, CLIENTS[2], nodelay)
            for pieces in (1, 2, 20):
                said = one_port(lab, pair, pieces)
                notes.append(f"sack {sack}, nagle {'off' if nodelay else 'on'}: {said}")
            pair.close()
    for name in (lab.client, lab.server):
        lab.sysctl(name, "net.ipv4.tcp_sack=1")
    return notes


def port_twice(lab, gate):
    pair = peers.ControlPair(lab, CLIENTS[3])
    first, command = pair.open_data()
    second, again = pair.open_data()
    pair.client.sendall(command + again)
    seen = [peers.read_line(pair.server), peers.read_line(pair.server)]
    ends = [peers.endpoint_of(line) for line in seen]
    expect(ends[0] != ends[1], "both commands got one endpoint")
    pair.reply("200 PORT done")
    pair.reply("200 PORT done")
    expect(refused(lab, (SERVER, 0), ends[0]), "the first endpoint is still open")
    transfer(pair, second, ends[1])
    pair.close()
    first.close()
    second.close()
    return [f"the server saw {seen}"]


def port_retransmitted(lab, gate):
    """The first copy is lost behind the client; then the first edited one, before the server."""
    notes = []
    for where, chain, device in ((lab.client, "egress", "c0"), (lab.server, "ingress", "s0")):
        pair = peers.ControlPair(lab, CLIENTS[4])
        data, command = pair.open_data()
        lab.run(where, "nft", "table netdev lose { chain c { "
                f"type filter hook {chain} device {device} priority 0; "
                "tcp dport 21 tcp flags & psh == psh quota until 120 bytes drop; }; }")
        try:
            start = time.monotonic()
            seen = pair.command(command)
            pair.reply("200 PORT done")
            seconds = time.monotonic() - start
        finally:
            lab.run(where, "nft", "delete", "table", "netdev", "lose")
        expect(seconds < 1, f"took {seconds:.2f} s")
        transfer(pair, data, peers.endpoint_of(seen))
        pair.close()
        data.close()
        notes.append(f"lost at the {chain} of {device}: {seconds * 1000:.0f} ms, "
                     f"the server saw {seen!r}")
    return notes


# The program itself.

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


def nothing_leaks(lab, gate):
    """After all connections have ended, tables, packets and heap are as before."""
    def state():
        status = gate.show("status")
        memory = status["memory"]
        return {"in_use": [pool["in_use"] for pool in memory["mempools"]],
                "heap": memory["heap"]["allocated"],
                "tables": [[w[k] for k in ("connections", "binds", "listeners", "clients")]
                           for w in status["workers"]],
                "sessions": [e["sessions"] for e in status["editors"]]}

    before = state()
    expect(before["tables"] == [[0] * 4] * len(before["tables"]), f"not empty: {before}")
    ftp_downloads(peers.start_vsftpd)(lab, gate)
    questions_over_udp(lab, gate)
    ping(lab, gate)
    expect(state() != before, "nothing was open in between")
    wait_for("all to end", lambda: state() == before, 30)
    return [f"before and after: {before}"]


SHORT = {"tcp_opening": 2, "tcp_established": 4, "tcp_closing": 1, "udp": 2, "icmp": 1,
         "bind_accept": 2, "bind_udp_idle": 2}


def stops_in_order(lab, gate):
    with Postern(lab) as postern:
        lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
        second = subprocess.run(["ip", "netns", "exec", lab.gate, postern.program, "-c",
                                 postern.file], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=30)
        expect(second.returncode == 1, f"a second one exits {second.returncode}: {second.stdout[-1500:]}")
        done = subprocess.run([postern.ctl, "-s", lab.path("none.sock"), "status"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        expect(done.returncode == 3, f"posternctl exits {done.returncode} on no socket")
        postern.proc.send_signal(signal.SIGHUP)
        lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
        code = postern.stop()
        expect(code == 0, f"exit {code}")
        expect(not os.path.exists(postern.socket), "the control socket is still there")
        with open(postern.log) as f:
            log = f.read()
        expect("unaccounted 0" in log, log[-500:])


FTP = [
    ("FTP downloads from vsftpd", ftp_downloads(peers.start_vsftpd)),
    ("FTP downloads from pyftpdlib", ftp_downloads(peers.start_pyftpd)),
]
COMMON = [
    ("ping", ping),
    ("questions over UDP", questions_over_udp),
    *FTP,
    ("active FTP from eight clients", from_eight_clients),
    ("200 connections at once", two_hundred_connections),
    ("200 MB by HTTP", http_200_mb),
]
ENDPOINT = [
    ("only the server, and once", only_the_server_and_once),
    ("what opens nothing", what_opens_nothing),
    ("PORT in pieces", port_in_pieces),
    ("PORT twice in one segment", port_twice),
    ("PORT retransmitted", port_retransmitted),
]

GROUPS = [
    Group("one worker", lambda lab: Postern(lab), COMMON + ENDPOINT, True, True),
    Group("two workers, one queue", lambda lab: Postern(lab, workers=2), COMMON + ENDPOINT,
          False, True),
    Group("two workers, two queues", lambda lab: Postern(lab, workers=2, queues=2), COMMON, False,
          True),
    Group("no editor", lambda lab: Postern(lab, editors={"ftp": {"enabled": False}}),
          [("active FTP fails, passive works", active_fails_passive_works)], True, False),
    Group("short timers", lambda lab: Postern(lab, nat={"timeouts": SHORT}),
          [("nothing leaks", nothing_leaks)], False, True),
    Group("program", lambda lab: NoGate(),
          [("a bad config", bad_config), ("stops in order", stops_in_order)], False, True),
]


class NoGate:
    """For cases that start what they need."""

    proc = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
