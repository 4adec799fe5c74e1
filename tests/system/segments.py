"""A PORT however TCP carries it: cut, repeated, lost; answered at once all the same."""
import contextlib
import socket
import time

import peers
from claims import Skip, expect, is_postern
from endpoint import reached
from lab import GATE_OUT, SERVER, wait_for

SECONDS_MOST = 1  # for a command and its answer, one retransmission included


def cut(command, pieces):
    """As many pieces, or nearly: they are of one size."""
    size = max(1, -(-len(command) // pieces))
    return [command[i:i + size] for i in range(0, len(command), size)]


def segments_out(lab):
    text = lab.run(lab.client, "cat", "/proc/net/snmp")
    names, values = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("OutSegs")])


def say_in_pieces(lab, pair, pieces):
    """Each piece a segment of its own where Nagle lets it: the next goes when the last went."""
    for piece in pieces:
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


def one_port(lab, pair, pieces, spoil=contextlib.nullcontext):
    """PORT in so many pieces, its answer, and a transfer; returns what came of it. Where other
    work has taken the machine away the time says nothing, so it has a second try."""
    seconds, said = timed_port(lab, pair, pieces, spoil)
    if seconds >= SECONDS_MOST:
        seconds, said = timed_port(lab, pair, pieces, spoil)
    expect(seconds < SECONDS_MOST, f"took {seconds:.2f} s, twice")
    return said


def timed_port(lab, pair, pieces, spoil):
    data, command = pair.open_data()
    with spoil():
        start = time.monotonic()
        seen = say_in_pieces(lab, pair, cut(command, pieces))
        pair.reply("200 PORT done")
        seconds = time.monotonic() - start
    to = peers.endpoint_of(seen)
    expect(to[0] == GATE_OUT, f"the server saw {seen!r}")
    transfer(pair, data, to)
    data.close()
    return seconds, f"{seconds * 1000:.0f} ms, the server saw {seen!r}"


def needs_reassembly(gate, pieces):
    if pieces > 1 and not is_postern(gate):
        raise Skip("the kernel's helper reads each segment by itself")


def set_sack(lab, on):
    for name in (lab.client, lab.server):
        lab.sysctl(name, f"net.ipv4.tcp_sack={int(on)}")


def in_pieces(pieces):
    def case(lab, gate):
        needs_reassembly(gate, pieces)
        notes = []
        try:
            for sack in (True, False):
                set_sack(lab, sack)
                for nodelay in (True, False):
                    pair = peers.ControlPair(lab, lab.clients[2], nodelay)
                    said = one_port(lab, pair, pieces)
                    pair.close()
                    notes.append(f"sack {'on' if sack else 'off'}, "
                                 f"nagle {'off' if nodelay else 'on'}: {said}")
        finally:
            set_sack(lab, True)
        return notes

    return case


def two_in_one_segment(lab, gate):
    """The second takes the first one's place."""
    if not is_postern(gate):
        raise Skip("the kernel's helper leaves the first open")
    pair = peers.ControlPair(lab, lab.clients[3])
    first, command = pair.open_data()
    second, again = pair.open_data()
    pair.client.sendall(command + again)
    seen = [peers.read_line(pair.server), peers.read_line(pair.server)]
    ends = [peers.endpoint_of(line) for line in seen]
    expect(ends[0] != ends[1], "both commands got one endpoint")
    pair.reply("200 PORT done")
    pair.reply("200 PORT done")
    expect(not reached(lab, (SERVER, 0), ends[0]), "the first endpoint is still open")
    transfer(pair, second, ends[1])
    pair.close()
    first.close()
    second.close()
    return [f"the server saw {seen}"]


@contextlib.contextmanager
def nft_rule(lab, where, chain, device, rule):
    """While it lasts, `rule` meets the command segments at one end of a cable."""
    lab.run(where, "nft", "table netdev spoil { chain c { "
            f"type filter hook {chain} device {device} priority 0; "
            f"tcp dport 21 tcp flags & psh == psh counter {rule}; }}; }}")
    try:
        yield
        listing = lab.run(where, "nft", "list", "table", "netdev", "spoil")
        expect("packets 0 " not in listing, "no segment met the rule")
    finally:
        lab.run(where, "nft", "delete", "table", "netdev", "spoil")


def lost(where, chain, device, pieces):
    """The first segment is dropped there; TCP sends it again."""
    def case(lab, gate):
        needs_reassembly(gate, pieces)
        pair = peers.ControlPair(lab, lab.clients[4])
        said = one_port(lab, pair, pieces, lambda: nft_rule(
            lab, getattr(lab, where), chain, device, "quota until 100 bytes drop"))
        pair.close()
        return [said]

    return case


def endpoints(lab, gate):
    return {row["external"] for row in gate.listeners()} if is_postern(gate) else set()


def each_segment_twice(lab, gate):
    """The cable doubles what the client sends: one endpoint, and one line at the server."""
    for pieces in (1, 20) if is_postern(gate) else (1,):
        before = endpoints(lab, gate)
        pair = peers.ControlPair(lab, lab.clients[5])
        data, command = pair.open_data()
        with nft_rule(lab, lab.client, "egress", "c0", 'dup to "c0"'):
            seen = say_in_pieces(lab, pair, cut(command, pieces))
            pair.reply("200 PORT done")
        opened = endpoints(lab, gate) - before
        expect(len(opened) == int(is_postern(gate)), f"opened: {opened}")
        transfer(pair, data, peers.endpoint_of(seen))
        following = pair.command(b"NOOP\r\n")
        expect(following == b"NOOP\r\n", f"behind it the server saw {following!r}")
        pair.close()
        data.close()


CASES = [
    *[(f"PORT in {n} segments", in_pieces(n)) for n in (1, 2, 20)],
    ("two PORTs in one segment", two_in_one_segment),
    ("each segment twice", each_segment_twice),
    ("PORT lost before the gate", lost("client", "egress", "c0", 1)),
    ("PORT lost behind the gate", lost("server", "ingress", "s0", 1)),
    ("PORT in 2, the first lost before the gate", lost("client", "egress", "c0", 2)),
    ("PORT in 2, the first lost behind the gate", lost("server", "ingress", "s0", 2)),
    ("PORT in 20, some lost behind the gate", lost("server", "ingress", "s0", 20)),
]
