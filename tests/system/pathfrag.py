"""Datagrams of 9,000 bytes: in fragments through links of three MTUs, in any order, or lost."""
import os
import random
import socket

import leaks
import pathraw
import peers
from claims import expect, needs_postern
from lab import GATE_OUT, wait_for
from pathlab import FAR, MTU_FULL, MTU_GATE

BYTES = 9000
PAIRS = 12  # so that each worker has some
GIVES_UP = 15  # seconds; a datagram's missing fragments are waited for shorter than that


def udp_in(name, address, port=0):
    sock = peers.socket_in(name, socket.SOCK_DGRAM)
    sock.bind((address, port))
    return sock


class Pair:
    """A socket inside, one at the far host, and what the far one knows the other by."""

    def __init__(self, lab, number):
        self.client = udp_in(lab.client, lab.clients[number % len(lab.clients)])
        self.far = udp_in(lab.far, FAR)
        self.client.sendto(b"hello", self.far.getsockname())
        self.outside = self.far.recvfrom(100)[1]
        expect(self.outside[0] == GATE_OUT, f"the far host saw {self.outside}")

    def ways(self):
        """Out and in: who sends, to where, and who gets it, from whom."""
        inside, far = self.client.getsockname(), self.far.getsockname()
        return ((self.client, inside, far, self.far, self.outside),
                (self.far, far, self.outside, self.client, far))

    def close(self):
        self.client.close()
        self.far.close()


class Pairs:
    def __init__(self, lab):
        self.all = [Pair(lab, number) for number in range(PAIRS)]

    def __enter__(self):
        return self.all

    def __exit__(self, *_):
        for pair in self.all:
            pair.close()


def expect_got(sock, data, peer, what):
    got, source = sock.recvfrom(65535)
    expect(got == data and source == peer, f"{what}: {len(got)} bytes of {source}, not {peer}")


def by_the_stacks(lab, gate):
    """The hosts' own kernels cut; the gate and the router cut again what is too big for them."""
    lab.forget_paths()
    with Pairs(lab) as pairs:
        for size in (BYTES, 1473, 2961, 65000):
            for pair in pairs:
                for sender, _, to, receiver, peer in pair.ways():
                    data = os.urandom(size)
                    sender.sendto(data, to)
                    expect_got(receiver, data, peer, f"{size} bytes to {to}")


def turned(pieces):
    return pieces[::-1]


def shuffled(pieces):
    return random.sample(pieces, len(pieces))


def last_first(pieces):
    return pieces[-1:] + pieces[:-1]


def doubled(pieces):
    """All but the last: with that the datagram is whole, and another would begin a new one."""
    return [piece for piece in pieces[:-1] for _ in range(2)] + pieces[-1:]


ORDERS = [turned, shuffled, last_first, doubled]


def all_in_order(lab, senders, order):
    """All are sent before any is read."""
    wanted = []
    with Pairs(lab) as pairs:
        for pair in pairs:
            for (_, source, to, receiver, peer), sender in zip(pair.ways(), senders):
                data = os.urandom(BYTES)
                sender.send(*order(pathraw.fragments(source, to, data, MTU_FULL)))
                wanted.append((receiver, data, peer, f"{order.__name__}: {source} to {to}"))
        for each in wanted:
            expect_got(*each)


def in_any_order(lab, gate):
    with pathraw.Sender(lab.client) as out, pathraw.Sender(lab.far) as back:
        for order in ORDERS:
            all_in_order(lab, (out, back), order)


def two_inside(lab, gate):
    """Sockets of two hosts inside, what is seen of them outside, and each may send to the other:
    the filter lets in who was sent to."""
    far = udp_in(lab.far, FAR)
    socks, seen = [udp_in(lab.client, source) for source in lab.clients[:2]], []
    for sock in socks:
        sock.sendto(b"where am I?", far.getsockname())
        seen.append(far.recvfrom(100)[1])
    far.close()
    before = gate.drops()["filtered"]
    socks[0].sendto(b"open", seen[1])
    wait_for("the first to be refused", lambda: gate.drops()["filtered"] == before + 1)
    socks[1].sendto(b"open", seen[0])
    expect_got(socks[0], b"open", seen[1], "the filter lets in who was sent to")
    return socks, seen


def by_hairpin(lab, gate):
    """From host to host inside, by the stack and in any order; the outside MTU plays no part."""
    needs_postern(gate)
    socks, seen = two_inside(lab, gate)
    with pathraw.Sender(lab.client) as raw:
        for one, other in ((0, 1), (1, 0)):
            data = os.urandom(BYTES)
            socks[one].sendto(data, seen[other])
            expect_got(socks[other], data, seen[one], "by the stack")
            for order in ORDERS:
                data = os.urandom(BYTES)
                raw.send(*order(pathraw.fragments(socks[one].getsockname(), seen[other], data,
                                                  MTU_FULL)))
                expect_got(socks[other], data, seen[one], order.__name__)
    for sock in socks:
        sock.close()


def told_of_fragments(gate):
    with open(gate.log) as f:
        return "puts fragments together" in f.read()


def lost_by_the_driver(lab, gate):
    """The kernel gives AF_PACKET's driver datagrams that do not fit; a log line tells why."""
    needs_postern(gate)
    expect(told_of_fragments(gate), "the log does not tell")
    with Pairs(lab) as pairs:
        for number, pair in enumerate(pairs[:3], 1):
            pair.client.sendto(os.urandom(BYTES), pair.far.getsockname())
            wait_for("its drop", lambda: gate.drops()["truncated"] == number)
            data = os.urandom(1700)  # in two fragments, and these together fit
            pair.client.sendto(data, pair.far.getsockname())
            expect_got(pair.far, data, pair.outside, "a datagram that fits")


def log_tells_nothing(lab, gate):
    needs_postern(gate)
    expect(not told_of_fragments(gate), "the log tells of another driver")


# What is left when one is lost, or all but one are.
LEFT = [lambda pieces: pieces[1:], lambda pieces: pieces[:1] + pieces[2:],
        lambda pieces: pieces[:-1], lambda pieces: pieces[:1], lambda pieces: pieces[1:2],
        lambda pieces: pieces[-1:]]


def send_parts(sender, source, to):
    """A datagram for each way to lose some, in pieces that the router does not cut on the way
    in; returns how many have to wait for their first."""
    waiting = 0
    for left in LEFT:
        pieces = pathraw.fragments(source, to, os.urandom(BYTES), MTU_GATE)
        sender.send(*left(pieces))
        waiting += len(left(pieces)) * (pieces[0] not in left(pieces))
    return waiting


def silent(sock):
    sock.setblocking(False)
    try:
        sock.recv(65535)
        return False
    except BlockingIOError:
        return True


def lost_ones_leave_nothing(lab, gate):
    """Nobody gets a part; what waited for its first fragment is dropped and counted; packets
    and buffers are as before, and whole datagrams get through as before."""
    needs_postern(gate)
    with Pairs(lab) as pairs, pathraw.Sender(lab.client) as out, pathraw.Sender(lab.far) as back:
        wait_for("a quiet moment", lambda: gate.show("status")["account"]["held"] == 0)
        before, dropped, kept = leaks.state(gate), gate.drops()["fragment"], 0
        for pair in pairs:
            for (_, source, to, _, _), sender in zip(pair.ways(), (out, back)):
                kept += send_parts(sender, source, to)
        wait_for("the gate to have them", lambda: gate.show("status")["account"]["held"] == kept)
        wait_for("the gate to give up", lambda: gate.drops()["fragment"] == dropped + kept,
                 GIVES_UP)
        wait_for("all to be as before", lambda: leaks.state(gate) == before, 3)
        for pair in pairs:
            expect(silent(pair.client) and silent(pair.far), "a part came")
    by_the_stacks(lab, gate)
    return [f"{kept} fragments waited for their first, and then none"]


CASES = [("large datagrams by the stacks", by_the_stacks),
         ("fragments in any order", in_any_order),
         ("large datagrams by hairpin", by_hairpin),
         ("the log tells of no loss", log_tells_nothing)]
BY_AF_PACKET = [("the driver loses large datagrams", lost_by_the_driver)]
LOST = [("lost fragments leave nothing", lost_ones_leave_nothing)]
