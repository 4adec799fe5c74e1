"""Hops and sizes: traceroute, packets that must not be cut, and transfers that find out."""
import contextlib
import json
import os
import re
import socket
import struct
import time

import peers
from claims import expect, needs_postern
from lab import GATE_OUT
from pathlab import (FAR, FAR_ROUTER, INSIDE, MTU_FAR, MTU_FULL, MTU_GATE, MTU_INSIDE, ROUTER)

FILE_BYTES = 40 << 20
MBITS_LEAST = 50  # other work shares the machine; a path that is not found gives next to none
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVERR, MSG_ERRQUEUE = 10, 2, 11, 0x2000
IP_UDP_HEADERS = 28


def hops(lab, where, to, *options):
    """Who answers for each TTL; all that answer, where one TTL has several."""
    text = lab.run(where, "traceroute", "-n", "-q", "2", "-w", "2", "-m", "5", *options, to)
    return [sorted(set(re.findall(r"\d+\.\d+\.\d+\.\d+|\*", line)))
            for line in text.splitlines()[1:]]


def traced_from_inside(lab, gate):
    way = [[lab.gate_in], [ROUTER], [FAR]]
    listener = peers.listen_in(lab.far, FAR, 80)
    for options in ([], ["-U", "-p", "53"], ["-I"], ["-T", "-p", "80"], ["-T", "-p", "81"]):
        seen = hops(lab, lab.client, FAR, *options)
        expect(seen == way, f"{options}: {seen}, not {way}")
    listener.close()


def traced_from_outside(lab, gate):
    """To published servers, which answer by the gate's address; the gate is one hop."""
    needs_postern(gate)
    way = [[FAR_ROUTER], [GATE_OUT], [GATE_OUT]]
    listener = peers.listen_in(lab.client, INSIDE, 8080)
    for options in (["-T", "-p", "80"], ["-T", "-p", "81"], ["-U", "-p", "53"]):
        seen = hops(lab, lab.far, GATE_OUT, *options)
        expect(seen == way, f"{options}: {seen}, not {way}")
    listener.close()
    expect(hops(lab, lab.far, GATE_OUT, "-I") == way[:2], "ICMP is for the gate itself")


def sizes_around(*mtus):
    return [size for mtu in mtus for size in range(mtu - 4, mtu + 5) if size <= MTU_FULL]


def teller(lab, size):
    """Who says that a packet is too big, and what would not be."""
    if size > MTU_GATE:
        return lab.gate_in, MTU_GATE
    return (ROUTER, MTU_FAR) if size > MTU_FAR else None


def ping_of_each_size(lab, gate):
    for size in sizes_around(MTU_FAR, MTU_GATE, MTU_FULL):
        lab.forget_paths()
        text = lab.run(lab.client, "ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-I",
                       lab.clients[0], "-s", str(size - IP_UDP_HEADERS), FAR, check=False)
        told = re.search(r"^From (\S+) .*Frag needed and DF set \(mtu = (\d+)\)", text, re.M)
        told = (told[1], int(told[2])) if told else None
        expect(told == teller(lab, size), f"{size} bytes: {told}: {text}")
        expect(("1 received" in text) == (told is None), f"{size} bytes: {text}")
        knows = lab.path_mtu(lab.client, FAR)
        expect(knows == (told and told[1]), f"{size} bytes: the client knows {knows}")


def error_of(sock):
    """The ICMP error that a socket was sent: who says so, and the MTU."""
    _, extra, _, _ = sock.recvmsg(2000, 512, MSG_ERRQUEUE)
    for level, kind, data in extra:
        if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
            mtu = struct.unpack("=IBBBBII", data[:16])[5]
            return socket.inet_ntoa(data[20:24]), mtu
    raise AssertionError(f"no error in {extra}")


def got_or_told(lab, server, client, size):
    """Send a datagram inside, not to be cut: None if it came, or who said that it is too big."""
    lab.forget_paths()
    data = os.urandom(size - IP_UDP_HEADERS)
    server.send(data)
    end = time.monotonic() + 5
    client.setblocking(False)
    server.setblocking(False)
    while time.monotonic() < end:
        with contextlib.suppress(BlockingIOError):
            expect(client.recv(2000) == data, f"{size} bytes: others came")
            return None
        with contextlib.suppress(BlockingIOError):
            return error_of(server)
    raise AssertionError(f"{size} bytes: neither came, nor was anything said of it")


def datagrams_of_each_size_from_outside(lab, gate):
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((ROUTER, 7))
    client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
    client.bind((INSIDE, 0))
    client.sendto(b"hello", (ROUTER, 7))
    server.connect(server.recvfrom(100)[1])
    for option, value in ((IP_MTU_DISCOVER, IP_PMTUDISC_DO), (IP_RECVERR, 1)):
        server.setsockopt(socket.IPPROTO_IP, option, value)
    for size in sizes_around(MTU_INSIDE, MTU_FULL):
        told = got_or_told(lab, server, client, size)
        wanted = (GATE_OUT, MTU_INSIDE) if size > MTU_INSIDE else None
        expect(told == wanted, f"{size} bytes: {told}, not {wanted}")
        with contextlib.suppress(OSError):
            server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    server.close()
    client.close()


def make_root(lab):
    root = lab.path("paths")
    if not os.path.isdir(root):
        os.makedirs(root)
        peers.make_file(os.path.join(root, "file"), FILE_BYTES)
    return root


def fetch(lab, where, source, url):
    """The file by curl: it is whole; returns Mbit/s."""
    out = lab.path("paths-out")
    try:
        text = lab.run(where, "curl", "-sS", "-m", "30", "--interface", source, url, "-o", out,
                       "-w", "%{speed_download}")
        expect(peers.digest_of(out) == peers.digest_of(os.path.join(make_root(lab), "file")),
               "the file differs")
        mbits = float(text) * 8 / 1e6
        expect(mbits > MBITS_LEAST, f"{mbits:.0f} Mbit/s")
        return mbits
    finally:
        if os.path.exists(out):
            os.unlink(out)


def expect_found(lab, name, to, mtu):
    knows = lab.path_mtu(name, to)
    expect(knows == mtu, f"the sender knows {knows} of the way to {to}, not {mtu}")


def transfer_to_outside(lab, gate):
    """A server inside sends: the path's smallest MTU is behind the router."""
    needs_postern(gate)
    lab.forget_paths()
    server = peers.start_http(lab, make_root(lab), lab.client, 8080)
    try:
        mbits = fetch(lab, lab.far, FAR, f"http://{GATE_OUT}/file")
    finally:
        lab.stop(server)
    expect_found(lab, lab.client, FAR, MTU_FAR)
    return [f"{mbits:.0f} Mbit/s"]


def transfer_to_inside(mtu):
    """A far server sends; mtu: what it has to find out, None where the clamp spares it that."""
    def case(lab, gate):
        lab.forget_paths()
        server = peers.start_http(lab, make_root(lab), lab.far)
        try:
            mbits = fetch(lab, lab.client, lab.clients[0], f"http://{FAR}/file")
        finally:
            lab.stop(server)
        expect_found(lab, lab.far, GATE_OUT, mtu)
        return [f"{mbits:.0f} Mbit/s"]

    return case


def iperf(lab, *options):
    server = lab.start(lab.far, "iperf3", "-s", "-1", "-B", FAR)
    try:
        peers.wait_for("iperf3", peers.listens(lab, 5201, where=lab.far))
        text = lab.run(lab.client, "iperf3", "-c", FAR, "-B", lab.clients[1], "-t", "1", "-J",
                       *options)
    finally:
        lab.stop(server)
    mbits = json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e6
    expect(mbits > MBITS_LEAST, f"{options}: {mbits:.0f} Mbit/s")
    return f"{mbits:.0f} Mbit/s {'in' if '-R' in options else 'out'}"


def iperf_both_ways(lab, gate):
    lab.forget_paths()
    notes = [iperf(lab)]
    expect_found(lab, lab.client, FAR, MTU_FAR)
    return notes + [iperf(lab, "-R")]


PUBLISH = [
    {"name": "www", "protocol": "tcp", "external": f"{GATE_OUT}:80", "internal": f"{INSIDE}:8080"},
    {"name": "closed", "protocol": "tcp", "external": f"{GATE_OUT}:81",
     "internal": f"{INSIDE}:81"},
    {"name": "names", "protocol": "udp", "external": f"{GATE_OUT}:53", "internal": f"{INSIDE}:53"},
]
HOPS = [("traceroute from inside", traced_from_inside),
        ("traceroute from outside", traced_from_outside),
        ("ping of each size around the MTUs", ping_of_each_size)]
UNCLAMPED = [("a transfer out finds its MTU", transfer_to_outside),
             ("a transfer in finds its MTU", transfer_to_inside(MTU_GATE)),
             ("iperf3 both ways", iperf_both_ways)]
CLAMPED = [("a transfer out finds its MTU", transfer_to_outside),
           ("a transfer in has nothing to find", transfer_to_inside(None))]
NARROW = [("datagrams of each size from outside", datagrams_of_each_size_from_outside),
          ("a transfer in finds its MTU", transfer_to_inside(MTU_INSIDE))]
