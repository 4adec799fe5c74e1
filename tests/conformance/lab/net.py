"""Both sides of a gate, by raw packets.

Tests say what they send, and settle: then all of it has gone through the gate, or never
will. That shows by a datagram that goes out and is answered, behind the rest.
"""
import itertools
import socket
import time

import packet
import peers
from claims import expect
from lab import GATE_OUT, SECOND, SERVER, THIRD

# Where the hosts' kernels are deaf: a SYN's answer there is no news to them.
DEAF = (20000, 39999)
MARK = 39999
ETH_P_IP = 0x0800
RULES = "table ip deaf {{ chain pre {{ type filter hook prerouting priority -400; " \
        "meta l4proto {{ tcp, udp }} th dport {}-{} drop; }}; }}\n"


class Side:
    """One host's end of the cable: sends what it is told, hears everything."""

    def __init__(self, name, device):
        self.mouth = peers.socket_in(name, socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        self.ear = peers.socket_in(name, socket.SOCK_DGRAM, socket.AF_PACKET, 0)
        self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.ear.bind((device, ETH_P_IP))
        self.heard = []

    def send(self, raw):
        self.mouth.sendto(raw, (socket.inet_ntoa(raw[16:20]), 0))

    def hear_until(self, is_it, seconds=5):
        """Keep what comes; returns the one that is waited for, which is not kept."""
        end = time.monotonic() + seconds
        while True:
            self.ear.settimeout(max(end - time.monotonic(), 0.001))
            try:
                p = packet.read(self.ear.recv(1 << 16))
            except TimeoutError:
                return None
            if is_it(p):
                return p
            self.heard.append(p)

    def take(self):
        heard, self.heard = self.heard, []
        return [p for p in heard if MARK not in (p.sport, p.dport)]

    def close(self):
        self.mouth.close()
        self.ear.close()


class Net:
    """The lab's hosts. inside, outside: what they heard since settle() was called last."""

    ports = itertools.count(21000)

    def __init__(self, lab, gate):
        self.lab, self.gate = lab, gate
        for name in (lab.client, lab.server):
            lab.run(name, "nft", RULES.format(*DEAF))
        self.within, self.without = Side(lab.client, "c0"), Side(lab.server, "s0")
        self.inside, self.outside = [], []
        self.serial = itertools.count()
        for client in lab.clients:
            for server in (SERVER, SECOND, THIRD):
                self.mark(client, server)  # all know their neighbours now

    def close(self):
        for side in (self.within, self.without):
            side.close()
        for name in (self.lab.client, self.lab.server):
            self.lab.run(name, "nft", "delete table ip deaf")

    def port(self):
        """One that no test had yet, of both parities in turn."""
        return next(Net.ports)

    def clients(self, n):
        return self.lab.clients[:n]

    def mark(self, client, server):
        data = b"mark %d" % next(self.serial)
        self.within.send(packet.ip(client, server, packet.udp(client, MARK, server, MARK, data)))
        seen = self.without.hear_until(lambda p: p.data == data)
        expect(seen, f"no datagram passes from {client} to {server}")
        self.without.send(packet.ip(server, seen.src,
                                    packet.udp(server, MARK, seen.src, seen.sport, data)))
        expect(self.within.hear_until(lambda p: p.data == data),
               f"no answer of {server} reaches {client}")

    def settle(self):
        """Twice: a packet may change the processor, and be overtaken by the next one."""
        for _ in range(2):
            self.mark(self.lab.clients[0], SERVER)
        self.inside, self.outside = self.within.take(), self.without.take()

    def settle_for(self, seconds, say=lambda: None):
        """So long, a few times a second; what was heard adds up."""
        inside, outside, end = [], [], time.monotonic() + seconds
        while time.monotonic() < end:
            say()
            self.settle()
            inside += self.inside
            outside += self.outside
            self.within.hear_until(lambda p: False, min(0.2, max(end - time.monotonic(), 0)))
        self.inside, self.outside = inside, outside

    def leave(self, raw):
        """Sent by a client: what is seen outside, or None."""
        self.within.send(raw)
        self.settle()
        return only(self.outside)

    def come(self, raw):
        """Sent from outside: what is seen inside, or None."""
        self.without.send(raw)
        self.settle()
        return only(self.inside)

    def udp_out(self, client, sport, server=SERVER, dport=20053, **how):
        data = b"%d" % next(self.serial)
        return self.leave(packet.ip(client, server,
                                    packet.udp(client, sport, server, dport, data), **how))

    def udp_in(self, server, sport, port, **how):
        data = b"%d" % next(self.serial)
        return self.come(packet.ip(server, GATE_OUT,
                                   packet.udp(server, sport, GATE_OUT, port, data), **how))

    def map_udp(self, client, sport, server=SERVER, dport=20053, **how):
        """The same, and it must be seen: as a packet of the gate's."""
        seen = self.udp_out(client, sport, server, dport, **how)
        expect(seen and seen.src == GATE_OUT, f"{client}:{sport} did not leave: {seen}")
        return seen

    def syn_out(self, client, sport, server=SERVER, dport=20080):
        return self.leave(packet.ip(client, server,
                                    packet.tcp(client, sport, server, dport, packet.SYN, 1000)))

    def syn_in(self, server, sport, port):
        return self.come(packet.ip(server, GATE_OUT,
                                   packet.tcp(server, sport, GATE_OUT, port, packet.SYN, 5000)))

    def query(self, client, ident, server=SERVER, data=None, **how):
        """A ping that leaves; the server's kernel answers too, by itself."""
        data = data or b"ping %d" % next(self.serial)
        return self.leave(packet.ip(client, server, packet.echo(packet.ECHO, ident, data), **how))


def only(packets):
    """The one that is no answer of a kernel to a ping: there may be more, and mostly isn't."""
    packets = [p for p in packets if p.kind != packet.ECHO_REPLY or p.data.startswith(b"answer")]
    return packets[0] if packets else None


class Flow:
    """A TCP connection between raw ends that count as they should."""

    def __init__(self, net, client, sport, server=SERVER, dport=20080):
        self.net, self.client, self.sport = net, client, sport
        self.server, self.dport = server, dport
        self.port = 0  # the client's, as the server sees it
        self.next = {"out": 1000, "in": 500000}

    def text(self, way, flags, data=b""):
        seq, ack = self.next[way], self.next["in" if way == "out" else "out"]
        ack = ack if flags & packet.ACK else 0
        if way == "out":
            return packet.ip(self.client, self.server,
                             packet.tcp(self.client, self.sport, self.server, self.dport, flags,
                                        seq, ack, data), df=True)
        return packet.ip(self.server, GATE_OUT,
                         packet.tcp(self.server, self.dport, GATE_OUT, self.port, flags, seq,
                                    ack, data), df=True)

    def segment(self, way, flags, data=b""):
        """One end's next; what the other end got, or None."""
        raw = self.text(way, flags, data)
        seen = self.net.leave(raw) if way == "out" else self.net.come(raw)
        if seen is None or seen.proto != packet.TCP:
            return None
        if way == "out":
            self.port = seen.sport
        self.next[way] += len(data) + bool(flags & packet.SYN) + bool(flags & packet.FIN)
        return seen

    def passes(self, way, flags, data=b""):
        seen = self.segment(way, flags, data)
        expect(seen, f"a segment ({way}, flags {flags:#x}) did not pass")
        right = (GATE_OUT, self.port, self.server, self.dport) if way == "out" else \
            (self.server, self.dport, self.client, self.sport)
        expect((*seen.source(), *seen.target()) == right, f"it arrived as {seen}")
        expect(seen.data == data and seen.l4_ok and seen.ip_ok, f"it was damaged: {seen}")
        return seen

    def connect(self):
        self.passes("out", packet.SYN)
        self.passes("in", packet.SYN | packet.ACK)
        self.passes("out", packet.ACK)
        return self

    def talk(self):
        self.passes("out", packet.ACK | packet.PSH, b"question")
        self.passes("in", packet.ACK | packet.PSH, b"an answer")
        self.passes("out", packet.ACK)
