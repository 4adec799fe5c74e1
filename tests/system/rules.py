"""The API's rules that touch packets, with real sockets: the connector opens what a client
inside asks for, and hosts outside try to use it. Cases are named by their rules."""
import contextlib
import socket

import peers
from claims import expect, needs_postern
from lab import GATE_OUT, SECOND, SERVER, THIRD, wait_for

PORT = 4701
OTHER_OUT = "198.18.0.2"  # the pool's second address
SETTINGS = {"nat": {"pool": [f"{GATE_OUT}-{OTHER_OUT}"],
                    "timeouts": {"bind_accept": 3, "bind_udp_idle": 3, "udp": 3}},
            "editors": {"connector": {}}}


class Control:
    """A control connection; both ends are ours."""

    def __init__(self, lab, client=0):
        self.lab, self.address = lab, lab.clients[client]
        self.listener = peers.listen_in(lab.server, SERVER, PORT, 1)
        self.client = peers.connect_in(lab.client, (self.address, 0), (SERVER, PORT))
        self.server, (self.outside, _) = self.listener.accept()
        self.server.settimeout(5)
        self.socks = []

    def say(self, line, answer="OK"):
        """The client says it; what the server reads."""
        self.client.sendall(line.encode() + b"\r\n")
        got = peers.read_line(self.server).decode().strip()
        self.server.sendall(answer.encode() + b"\r\n")
        peers.read_line(self.client)
        return got

    def listen(self, proto, port, n=1, words=""):
        """LISTEN for what waits at the client's port; where the server is to come to."""
        got = self.say(f"LISTEN {proto} {n} {self.address}:{port} {words}".strip())
        address, first = got.split()[3].split(":")
        expect(address != "0.0.0.0", f"nothing was opened: {got}")
        return address, int(first)

    def waits(self, proto, port=0):
        """A socket of the client's that waits there."""
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        sock = peers.socket_in(self.lab.client, kind)
        sock.bind((self.address, port))
        if proto == "tcp":
            sock.listen(64)
        self.socks.append(sock)
        return sock, sock.getsockname()[1]

    def close(self):
        for sock in [*self.socks, self.client, self.server, self.listener]:
            sock.close()


@contextlib.contextmanager
def control(lab, client=0):
    pair = Control(lab, client)
    try:
        yield pair
    finally:
        pair.close()


def reaches_tcp(lab, source, to, waiting):
    """Does a connection come about, and reach that socket?"""
    try:
        sock = peers.connect_in(lab.server, (source, 0), to, timeout=1.2)
    except OSError:
        return None
    inside, _ = waiting.accept()
    sock.sendall(b"hello")
    expect(inside.recv(5) == b"hello", "the data differ")
    inside.close()
    return sock


def udp_from(lab, source):
    sock = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    sock.settimeout(1)
    return sock


def reaches_udp(sender, to, waiting, text=b"datagram"):
    waiting.settimeout(0.6)
    sender.sendto(text, to)
    try:
        data, peer = waiting.recvfrom(100)
    except TimeoutError:
        return None
    expect(data == text, f"got {data!r}")
    return peer


def refused(lab, gate, source, to, reason):
    """A connection is dropped, and counted by that reason; what is left of killed ones may be
    dropped meanwhile."""
    before = gate.drops()
    try:
        peers.connect_in(lab.server, (source, 0), to, timeout=1.2).close()
    except OSError:
        pass
    else:
        expect(False, f"{source} came through to {to}")
    after = gate.drops()
    grown = {name for name in after if after[name] != before[name]}
    expect(reason in grown and grown <= {reason, "tcp_no_syn", "no_mapping"},
           f"{source} to {to}: counted {grown}, not {reason}")


def r1_reaches_the_client(lab, gate):
    needs_postern(gate)
    for proto in ("tcp", "udp"):
        with control(lab) as c:
            waiting, port = c.waits(proto)
            to = c.listen(proto, port)
            if proto == "tcp":
                sock = reaches_tcp(lab, SERVER, to, waiting)
                expect(sock, "nobody came through")
                sock.close()
            else:
                expect(reaches_udp(udp_from(lab, SERVER), to, waiting), "no datagram came")


def r7_no_other_address_answers(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        waiting, port = c.waits("tcp")
        address, outside = c.listen("tcp", port, words="all")
        other = OTHER_OUT if address == GATE_OUT else GATE_OUT
        refused(lab, gate, SERVER, (other, outside), "no_mapping")
        sock = reaches_tcp(lab, SERVER, (address, outside), waiting)
        expect(sock, "nobody came through")
        sock.close()
    return [f"{address}:{outside} open, {other}:{outside} not"]


def consecutive(c, proto, n):
    """n sockets at consecutive ports of the client's."""
    for first in range(20000, 60000, 97):
        socks = []
        try:
            for i in range(n):
                socks.append(c.waits(proto, first + i)[0])
            return socks, first
        except OSError:
            for sock in socks:
                sock.close()
    raise RuntimeError("no consecutive ports are free")


def r11_to_r15_a_block_of_ports(lab, gate):
    """Consecutive, aligned, the lowest is announced, and each leads to its own socket."""
    needs_postern(gate)
    notes = []
    for proto, n in (("udp", 2), ("udp", 6), ("tcp", 4)):
        with control(lab, 1) as c:
            socks, first = consecutive(c, proto, n)
            address, lowest = c.listen(proto, first, n)
            expect(lowest % n == 0, f"{lowest} is no multiple of {n}")
            rows = [r for r in gate.listeners() if r["client"].split(":")[0] == c.address]
            ports = sorted(int(r["external"].split(":")[1]) for r in rows)
            expect(ports == list(range(lowest, lowest + n)), f"bound: {ports}")
            for i, waiting in enumerate(socks):
                if proto == "udp":
                    came = reaches_udp(udp_from(lab, SERVER), (address, lowest + i), waiting)
                else:
                    came = reaches_tcp(lab, SERVER, (address, lowest + i), waiting)
                expect(came, f"port {lowest + i} does not lead to socket {i}")
            notes.append(f"{proto} {n}: {lowest} to {lowest + n - 1}")
    return notes


def r16_tcp_once(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        waiting, port = c.waits("tcp")
        to = c.listen("tcp", port)
        sock = reaches_tcp(lab, SERVER, to, waiting)
        expect(sock, "nobody came through")
        refused(lab, gate, SERVER, to, "endpoint_used")
        sock.close()


def r17_tcp_many(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        waiting, port = c.waits("tcp")
        to = c.listen("tcp", port, words="many all")
        socks = [reaches_tcp(lab, source, to, waiting)
                 for source in (SERVER, SERVER, SECOND, THIRD)]
        expect(all(socks), "not all came through")
        for sock in socks:
            sock.close()


def r18_udp_one_source_or_several(lab, gate):
    needs_postern(gate)
    for words, expected in (("all", [True, False]), ("all many", [True, True])):
        with control(lab) as c:
            waiting, port = c.waits("udp")
            to = c.listen("udp", port, words=words)
            came = [bool(reaches_udp(udp_from(lab, source), to, waiting))
                    for source in (SERVER, SECOND)]
            expect(came == expected, f"{words}: {came}")


def gone(gate, to):
    return lambda: f"{to[0]}:{to[1]}" not in [r["external"] for r in gate.listeners()]


def r19_udp_idle(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        waiting, port = c.waits("udp")
        to = c.listen("udp", port)
        sender = udp_from(lab, SERVER)
        expect(reaches_udp(sender, to, waiting), "no datagram came")
        wait_for("the idle endpoint to close", gone(gate, to), 15)
        expect(not reaches_udp(sender, to, waiting), "it is still open")


def r20_tcp_unused(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        _, port = c.waits("tcp")
        to = c.listen("tcp", port)
        stay = c.listen("tcp", port, words="stay")
        wait_for("the unused endpoint to close", gone(gate, to), 15)
        refused(lab, gate, SERVER, to, "no_mapping")
        expect(not gone(gate, stay)(), "the one without TIMEOUT has gone too")  # R21


def r23_every_packet_by_an_editor(lab, gate):
    needs_postern(gate)
    notes = []
    for words, path in (("", "fast"), ("slow", "editor")):
        with control(lab) as c:
            waiting, port = c.waits("udp")
            to = c.listen("udp", port, words=words)
            row = next(r for r in gate.listeners() if r["external"] == f"{to[0]}:{to[1]}")
            expect(row["path"] == path, f"path {row['path']}, not {path}")
            sender = udp_from(lab, SERVER)
            before = sum(w["lent"] for w in gate.show("status")["workers"])
            for _ in range(20):
                expect(reaches_udp(sender, to, waiting), "no datagram came")
            lent = sum(w["lent"] for w in gate.show("status")["workers"]) - before
            expect(lent == (20 if path == "editor" else 0), f"{path}: {lent} of 20 were lent")
            notes.append(f"{path}: {lent} of 20 datagrams by the editor lcore")
    return notes


def r24_the_client_answers(lab, gate):
    needs_postern(gate)
    for words, expected in (("", True), ("mute", False)):
        with control(lab) as c:
            waiting, port = c.waits("udp")
            to = c.listen("udp", port, words=words)
            sender = udp_from(lab, SERVER)
            peer = reaches_udp(sender, to, waiting)
            expect(peer, "no datagram came")
            waiting.sendto(b"answer", peer)
            try:
                data, source = sender.recvfrom(100)
                came = data == b"answer" and source == to
            except TimeoutError:
                came = False
            expect(came == expected, f"{words}: an answer came: {came}")


def r33_to_r35_filters(lab, gate):
    """The peer's address alone, anybody, nobody."""
    needs_postern(gate)
    sources = (SERVER, SECOND, THIRD)
    for words, expected in (("many", [True, False, False]), ("many all", [True] * 3),
                            ("many none", [False] * 3)):
        with control(lab) as c:
            waiting, port = c.waits("udp")
            to = c.listen("udp", port, words=words)
            came = [bool(reaches_udp(udp_from(lab, s), to, waiting)) for s in sources]
            expect(came == expected, f"{words}: {came}")
            admits = [r["admits"] for r in gate.show("show", "filters")
                      if r["external"] == f"{to[0]}:{to[1]}"]
            shown = {"many": [[f"{SERVER}-{SERVER}"]], "many all": [], "many none": [[]]}[words]
            expect(admits == shown, f"{words}: show filters says {admits}")


def r36_the_client_alone(lab, gate):
    """Another host's address is announced: nothing is opened, and it passes unedited."""
    needs_postern(gate)
    with control(lab) as c:
        before = len(gate.listeners())
        line = f"LISTEN tcp 1 {lab.clients[1]}:5000"
        expect(c.say(line) == line, "it was edited")
        expect(len(gate.listeners()) == before, "something was opened")


def r46_the_server_reads_the_proxy_address(lab, gate):
    needs_postern(gate)
    with control(lab) as c:
        _, port = c.waits("tcp")
        address, _ = c.listen("tcp", port)
        expect(address == c.outside, f"{address} is not the control connection's {c.outside}")


def r47_kill_ends_one(lab, gate):
    needs_postern(gate)
    with control(lab, 2) as c:
        socks, first = consecutive(c, "udp", 2)
        address, lowest = c.listen("udp", first, 2)
        c.say(f"CLOSE udp 1 {c.address}:{first}")
        wait_for("the closed endpoint to end", gone(gate, (address, lowest)), 5)
        sender = udp_from(lab, SERVER)
        expect(not reaches_udp(sender, (address, lowest), socks[0]), "it is still open")
        expect(reaches_udp(sender, (address, lowest + 1), socks[1]), "its neighbour has gone too")


CASES = [
    ("R1 traffic reaches the client", r1_reaches_the_client),
    ("R7 no other address answers", r7_no_other_address_answers),
    ("R11 to R15 a block of ports", r11_to_r15_a_block_of_ports),
    ("R16 TCP once", r16_tcp_once),
    ("R17 TCP many times", r17_tcp_many),
    ("R18 UDP from one source or several", r18_udp_one_source_or_several),
    ("R19 UDP until idle", r19_udp_idle),
    ("R20 TCP until unused", r20_tcp_unused),
    ("R23 every packet by way of an editor", r23_every_packet_by_an_editor),
    ("R24 the client answers", r24_the_client_answers),
    ("R33 to R35 filters", r33_to_r35_filters),
    ("R36 the client alone", r36_the_client_alone),
    ("R46 the server reads the proxy address", r46_the_server_reads_the_proxy_address),
    ("R47 one endpoint ends", r47_kill_ends_one),
]
