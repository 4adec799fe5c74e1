"""Sockets at both ends: hosts inside that meet by what is outside, both ends that connect at
once, errors that reach who asked, and forged resets."""
import contextlib
import errno
import hashlib
import itertools
import os
import select
import signal
import socket
import threading

import pathraw
import peers
from claims import expect, needs_postern
from lab import GATE_OUT, SECOND, wait_for
from pathfrag import expect_got, two_inside, udp_in
from pathlab import FAR, INSIDE, NOBODY
from pathmtu import IP_RECVERR

SYN, SYN_ACK = 0x02, 0x12
FORGED = 300
RUNNING_BYTES = 64 << 20
PORTS = itertools.count(5000)  # none twice: a stack remembers who was there


def hairpin_tcp(lab, gate):
    """From host to host inside by a published server, both ways at once, and to a closed port."""
    needs_postern(gate)
    listener = peers.listen_in(lab.client, INSIDE, 8080)
    for source in lab.clients[1:4]:
        conn = peers.connect_in(lab.client, (source, 0), (GATE_OUT, 80))
        peer, address = listener.accept()
        expect(address[0] == GATE_OUT, f"{source} is seen as {address}")
        data = os.urandom(200_000)
        sender = threading.Thread(target=conn.sendall, args=(data,))
        sender.start()
        back = threading.Thread(target=lambda: (peer.sendall(data[::-1]),
                                                peer.shutdown(socket.SHUT_WR)))
        back.start()
        got = read_exactly(peer, len(data))
        expect(got == data and peers.read_all(conn) == data[::-1], "the data differ")
        sender.join()
        back.join()
        conn.close()
        peer.close()
    listener.close()
    fails_with(errno.ECONNREFUSED, lambda: peers.connect_in(
        lab.client, (lab.clients[1], 0), (GATE_OUT, 81)))


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        got = sock.recv(1 << 16)
        expect(got, f"the connection ended after {len(data)} bytes")
        data += got
    return data


def fails_with(number, call):
    try:
        call()
    except OSError as error:
        expect(error.errno == number, f"{error}, not {errno.errorcode[number]}")
        return
    raise AssertionError(f"no {errno.errorcode[number]}")


def hairpin_udp(lab, gate):
    """Two hosts inside, each known by what the far host saw of it, as after STUN."""
    needs_postern(gate)
    socks, seen = two_inside(lab, gate)
    for size in (1, 1400):
        for one, other in ((0, 1), (1, 0)):
            data = os.urandom(size)
            socks[one].sendto(data, seen[other])
            expect_got(socks[other], data, seen[one], f"{size} bytes")
    socks[0].close()
    socks[1].connect(seen[0])
    socks[1].send(b"anybody?")
    fails_with(errno.ECONNREFUSED, lambda: socks[1].recv(100))
    socks[1].close()


def refused_in_each_way(lab, gate):
    """A datagram to a closed port: whoever sent it is told, inside or outside."""
    client = udp_in(lab.client, lab.clients[2])
    client.connect((FAR, 9))
    client.send(b"anybody?")
    fails_with(errno.ECONNREFUSED, lambda: client.recv(100))
    far = udp_in(lab.far, FAR)
    client.connect(far.getsockname())
    client.send(b"hello")
    far.connect(far.recvfrom(100)[1])
    client.close()
    far.send(b"anybody?")
    fails_with(errno.ECONNREFUSED, lambda: far.recv(100))
    far.close()


def unreachable_host(lab, gate):
    """The router says so: to a datagram, and to a connect()."""
    client = udp_in(lab.client, lab.clients[3])
    client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)  # it is no hard error
    client.connect((NOBODY, 9))
    client.send(b"anybody?")
    fails_with(errno.EHOSTUNREACH, lambda: client.recv(100))
    client.close()
    fails_with(errno.EHOSTUNREACH, lambda: peers.connect_in(
        lab.client, (lab.clients[3], 0), (NOBODY, 80)))


class Watcher:
    """The TCP segments that a device of a namespace sees, in and out."""

    def __init__(self, name, device):
        self.sock = peers.socket_in(name, socket.SOCK_RAW, socket.AF_PACKET, socket.htons(0x0003))
        self.sock.bind((device, 0x0003))

    def segments(self):
        """(is it going out, source port, flags, seq, ack) of what was seen up to now."""
        while select.select([self.sock], [], [], 0)[0]:
            frame, (_, _, kind, _, _) = self.sock.recvfrom(2000)
            if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
                continue
            tcp = frame[14 + (frame[14] & 15) * 4:]
            yield (kind == 4, int.from_bytes(tcp[0:2], "big"), tcp[13],
                   int.from_bytes(tcp[4:8], "big"), int.from_bytes(tcp[8:12], "big"))

    def close(self):
        self.sock.close()


def starting(name, source, to):
    """A socket whose SYN has gone out, and that waits."""
    sock = peers.socket_in(name)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(source)
    sock.setblocking(False)
    expect(sock.connect_ex(to) == errno.EINPROGRESS, "it did not wait")
    return sock


def learn_port(lab, source, to):
    """A connection from `source` to a listener: it, the peer, and what the peer sees."""
    listener = peers.listen_in(lab.far, *to)
    first = peers.connect_in(lab.client, source, to)
    peer, outside = listener.accept()
    listener.close()
    return first, peer, outside


def expect_talk(client, far):
    for sock in (client, far):
        expect(select.select([], [sock], [], 5)[1], "no connection")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        expect(error == 0, f"no connection: {os.strerror(error)}")
        sock.settimeout(5)
    for one, other in ((client, far), (far, client)):
        data = os.urandom(100_000)
        thread = threading.Thread(target=one.sendall, args=(data,))
        thread.start()
        expect(read_exactly(other, len(data)) == data, "the data differ")
        thread.join()


def has_stopped(pid):
    """All its threads; a signal takes its time."""
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            states.append(f.read().rpartition(")")[2].split()[0])
    return set(states) == {"T"}


@contextlib.contextmanager
def standing_still(gate):
    """While it lasts the gate handles nothing; what comes waits in its queues."""
    pid = gate.proc.pid  # `ip netns exec` becomes the program that it starts
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("the gate to stand still", lambda: has_stopped(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def both_connect_at_once(lab, gate):
    """Both SYNs are on their way before either arrives: both ends answer with SYN-ACK
    (RFC 9293 section 3.5), and the gate lets the four through."""
    needs_postern(gate)
    for number in range(4):
        source, to = (lab.clients[number], next(PORTS)), (FAR, next(PORTS))
        first, peer, outside = learn_port(lab, source, (FAR, 4999))
        watcher = Watcher(lab.client, "c0")
        with standing_still(gate):
            client = starting(lab.client, source, to)
            far = starting(lab.far, to, outside)
        expect_talk(client, far)
        seen = {(out, flags & 0x17) for out, port, flags, _, _ in watcher.segments()
                if flags & SYN}
        expect(seen == {(out, flags) for out in (True, False) for flags in (SYN, SYN_ACK)},
               f"seen {seen}")
        for sock in (watcher, client, far, first, peer):
            sock.close()


def connect_into_an_unasked_one(lab, gate):
    """The far SYN comes first, from a host that the filter does not know: nothing is said to it,
    and when the client connects, both are through (RFC 5382 REQ-4)."""
    needs_postern(gate)
    for number in range(4):
        source, to = (lab.clients[number], next(PORTS)), (FAR, next(PORTS))
        listener = peers.listen_in(lab.server, SECOND, 4999)
        first = peers.connect_in(lab.client, source, (SECOND, 4999))
        peer, outside = listener.accept()
        before = gate.drops()["filtered"]
        far = starting(lab.far, to, outside)
        wait_for("its SYN to be held", lambda: gate.drops()["filtered"] > before)
        client = starting(lab.client, source, to)
        expect_talk(client, far)
        for sock in (client, far, first, peer, listener):
            sock.close()


class Transfer:
    """A connection from inside by which the far host sends random bytes, as fast as it goes."""

    def __init__(self, lab, source):
        self.to = (FAR, 7500)
        self.client, self.far, self.outside = learn_port(lab, (source, 0), self.to)
        self.inside = self.client.getsockname()
        self.sent, self.got, self.count = hashlib.sha256(), hashlib.sha256(), 0
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.send, self.take)]

    def send(self):
        for _ in range(RUNNING_BYTES >> 20):
            data = os.urandom(1 << 20)
            self.sent.update(data)
            self.far.sendall(data)

    def take(self):
        while self.count < RUNNING_BYTES:
            data = self.client.recv(1 << 16)
            if not data:
                return
            self.got.update(data)
            self.count += len(data)

    def start(self):
        for thread in self.threads:
            thread.start()

    def finish(self):
        for thread in self.threads:
            thread.join(30)
        expect(self.count == RUNNING_BYTES, f"{self.count} bytes came")
        expect(self.sent.digest() == self.got.digest(), "the data differ")

    def close(self):
        self.client.close()
        self.far.close()


def numbers_of(lab, transfer):
    """What is in flight: the far side's sequence number, the client's."""
    watcher = Watcher(lab.client, "c0")

    def look():
        for out, port, _, seq, ack in watcher.segments():
            if not out and port == transfer.to[1]:
                return seq, ack
        return None

    try:
        return wait_for("a segment", look)
    finally:
        watcher.close()


def state_of(gate, transfer):
    rows = [row["state"] for row in gate.show("show", "connections")
            if row["outside"] == f"{transfer.outside[0]}:{transfer.outside[1]}"
            and row["remote"] == f"{transfer.to[0]}:{transfer.to[1]}"]
    return rows[0] if rows else None


def forge(lab, transfer, flags, far_seq, client_seq):
    """A segment in each direction, as of the other end."""
    with pathraw.Sender(lab.far) as far, pathraw.Sender(lab.client) as client:
        far.send(pathraw.tcp(transfer.to, transfer.outside, far_seq, client_seq, flags))
        client.send(pathraw.tcp(transfer.inside, transfer.to, client_seq, far_seq, flags))


def forged_resets_in_a_transfer(lab, gate):
    """Far out of the window, and from both sides: dropped, each of them, and the transfer goes
    on. One that is exact ends the connection: the forger's packets do arrive."""
    needs_postern(gate)
    for source in lab.clients[:2]:
        transfer, before = Transfer(lab, source), gate.drops()["tcp_window"]
        transfer.start()
        far_seq, client_seq = numbers_of(lab, transfer)
        for number in range(FORGED):
            away = (1 << 30) + number * ((1 << 31) // FORGED)
            forge(lab, transfer, pathraw.RST | number % 2 * pathraw.ACK, far_seq + away,
                  client_seq + away)
        expect(transfer.count < RUNNING_BYTES, "the transfer was over before the last of them")
        transfer.finish()
        dropped = gate.drops()["tcp_window"] - before
        expect(dropped == 2 * FORGED, f"{dropped} of {2 * FORGED} were dropped")
        expect(state_of(gate, transfer) == "established", f"{state_of(gate, transfer)}")
        reset_exactly(lab, gate, transfer)
        transfer.close()


def reset_exactly(lab, gate, transfer):
    watcher = Watcher(lab.client, "c0")
    transfer.far.sendall(b"!")
    expect(transfer.client.recv(1) == b"!", "another byte")

    def acknowledged():
        return [(seq, ack) for out, port, _, seq, ack in watcher.segments()
                if out and port == transfer.inside[1]]

    seq, ack = wait_for("its acknowledgement", acknowledged)[-1]
    watcher.close()
    with pathraw.Sender(lab.far) as far:
        far.send(pathraw.tcp(transfer.to, transfer.outside, ack, seq, pathraw.RST))
    fails_with(errno.ECONNRESET, lambda: transfer.client.recv(1))
    expect(state_of(gate, transfer) != "established", "the gate did not see the reset")


CASES = [("hairpin by TCP", hairpin_tcp), ("hairpin by UDP", hairpin_udp),
         ("a closed port is told in each way", refused_in_each_way),
         ("an unreachable host is told", unreachable_host),
         ("both ends connect at once", both_connect_at_once),
         ("a client connects into an unasked SYN", connect_into_an_unasked_one),
         ("forged resets in a transfer", forged_resets_in_a_transfer)]
