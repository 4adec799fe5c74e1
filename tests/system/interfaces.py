"""Interfaces: addresses announced, links that go and come, MTUs, VLANs."""
import os
import re
import select
import socket
import time

import peers
from claims import expect, needs_postern
from lab import GATE_OUT, SERVER, Postern, sh, wait_for
from tagged import Host

ETH_P_ARP = 0x0806
POOL = [f"198.18.0.{i}" for i in range(1, 4)]
STAFF, PROVIDER = 10, 20
STAFF_GATE, STAFF_CLIENT = "10.77.1.254", "10.77.1.7"
FAR_GATE, FAR_SERVER = "198.18.20.1", "198.18.20.9"


class Ears:
    """Hears the ARP packets that announce an address on a namespace's interface."""

    def __init__(self, name, device):
        self.sock = peers.socket_in(name, socket.SOCK_RAW, socket.AF_PACKET,
                                    socket.htons(ETH_P_ARP))
        self.sock.bind((device, ETH_P_ARP))

    def heard(self, seconds):
        """(address, MAC) of each."""
        end, list_ = time.monotonic() + seconds, []
        while select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
            arp = self.sock.recv(100)[14:]
            if len(arp) >= 28 and arp[14:18] == arp[24:28]:
                list_.append((socket.inet_ntoa(arp[14:18]), arp[8:14].hex(":")))
        return list_


def announced_at_start(lab, gate):
    """Each address twice, with the port's MAC."""
    inside, outside = Ears(lab.client, "c0"), Ears(lab.server, "s0")
    with Postern(lab, nat={"pool": [f"{POOL[0]}-{POOL[-1]}", "203.0.113.9"]}) as postern:
        macs = {row["name"]: row["mac"] for row in postern.show("show", "interfaces")}
        heard = outside.heard(4)
        expect(sorted(heard) == sorted([(ip, macs["outside"]) for ip in POOL] * 2), heard)
        heard = inside.heard(0.1)
        expect(heard == [(lab.gate_in, macs["inside"])] * 2, heard)


def link_of(gate, name):
    return next(row["link"] for row in gate.show("show", "interfaces") if row["name"] == name)


def state_of(gate, address):
    return [row["state"] for row in gate.show("show", "neighbours") if row["address"] == address]


def link_down_and_up(lab, gate):
    needs_postern(gate)
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
    expect(state_of(gate, SERVER) == ["reachable"], state_of(gate, SERVER))
    sh("ip", "-n", lab.server, "link", "set", "s0", "down")
    try:
        wait_for("the link to be down", lambda: link_of(gate, "outside") == "down", 3)
        expect(link_of(gate, "inside") == "up", "the inside is down too")
        expect(state_of(gate, SERVER) == ["failed"], state_of(gate, SERVER))
    finally:
        sh("ip", "-n", lab.server, "link", "set", "s0", "up")
        ears = Ears(lab.server, "s0")
    wait_for("the link to be up", lambda: link_of(gate, "outside") == "up", 3)
    heard = ears.heard(3.5)  # the second time, if the first was too early
    expect(GATE_OUT in [address for address, _ in heard], f"heard {heard}")
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
    with open(gate.log) as f:
        text = f.read()
    expect(re.search("interface outside: link down.*interface outside: link up", text, re.S), text)


def mtu_of_the_device(lab, gate):
    """Without a word the device's; a word raises it; what is too much is said."""
    sh("ip", "-n", lab.gate, "link", "set", "ge", "mtu", "1400")
    try:
        with Postern(lab) as postern:
            rows = {row["name"]: row["mtu"] for row in postern.show("show", "interfaces")}
            expect(rows == {"inside": 1500, "outside": 1400}, rows)
            done = lab.run(lab.client, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1400",
                           SERVER, check=False)
            expect("mtu = 1400" in done or "mtu=1400" in done, done)
        raised = Postern(lab)
        raised.config["interfaces"]["outside"]["mtu"] = 1480
        with raised:
            expect("mtu 1480" in sh("ip", "-n", lab.gate, "link", "show", "ge"), "not raised")
    finally:
        sh("ip", "-n", lab.gate, "link", "set", "ge", "mtu", "1500")
    large = Postern(lab)
    large.config["interfaces"]["outside"]["mtu"] = 9000
    try:
        large.start()
        large.stop()
    except RuntimeError as error:
        expect(re.search(r'interface "outside": an mtu of 9000 is more than device "[^"]*ge[^"]*" '
                         r"takes: \d+", str(error)), str(error))
        return [str(error).strip().splitlines()[-1]]
    raise AssertionError("it started with an MTU of 9000")


def segments_fit_both_links(lab, gate):
    """The kernels agree on segments for the gate's smaller MTU; without the clamp they do not."""
    for name in (lab.client, lab.server):  # what other cases taught of the path's MTU
        sh("ip", "-n", name, "route", "flush", "cache")
    for clamp, most in ((True, 1360), (1200, 1200), (False, 1460)):
        postern = Postern(lab, nat={"mss_clamp": clamp})
        postern.config["interfaces"]["outside"]["mtu"] = 1400
        with postern:
            listener = peers.listen_in(lab.server, SERVER, 7200)
            conn = peers.connect_in(lab.client, (lab.clients[0], 0), (SERVER, 7200))
            peer, _ = listener.accept()
            for sock in (conn, peer):
                mss = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                expect(mss in (most, most - 12), f"{mss} with {clamp}")  # 12: time stamps
            for sock in (conn, peer, listener):
                sock.close()


# Two networks more, each a VLAN beside the untagged one of the same device. Not every kernel
# has VLAN devices, so their hosts are scripts.

def vlans(lab):
    """The gate has all four; NAT's address is in the far VLAN, so that its answers come tagged."""
    gate = Postern(lab, nat={"pool": [FAR_GATE]})
    sides = gate.config["interfaces"]
    sides["staff"] = dict(sides["inside"], vlan=STAFF, address=f"{STAFF_GATE}/24")
    sides["far"] = dict(sides["outside"], vlan=PROVIDER, address=f"{FAR_GATE}/24")
    return gate


def both_kinds(lab, gate):
    """From each network inside to each outside; the answers are of who was asked."""
    needs_postern(gate)
    with Host(lab.client, "c0", STAFF, STAFF_CLIENT, STAFF_GATE) as client, \
            Host(lab.server, "s0", PROVIDER, FAR_SERVER, FAR_GATE) as server:
        plain = peers.socket_in(lab.client, socket.SOCK_DGRAM)
        plain.bind((lab.clients[0], 5001))
        plain_server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
        plain_server.bind((SERVER, 7))
        sh("ip", "-n", lab.server, "route", "add", f"{FAR_GATE}/32", "via", GATE_OUT)
        for size in (1, 1472) * 3:
            data = os.urandom(size)
            client.send(FAR_SERVER, 5000, 7, data)
            client.send(SERVER, 5000, 7, data)
            plain.sendto(data, (FAR_SERVER, 7))
            for _ in range(2):
                source, sport, _, got = server.get()
                expect(source == FAR_GATE and got == data, f"{source} sent {len(got)} bytes")
                server.send(source, 7, sport, got + b"!" if size == 1 else got)
            got, source = plain_server.recvfrom(2000)
            expect(source[0] == FAR_GATE and got == data, f"{source} sent {len(got)} bytes")
            plain_server.sendto(got, source)
            seen = sorted(client.get()[:3] for _ in range(2))
            expect(seen == sorted([(FAR_SERVER, 7, 5000), (SERVER, 7, 5000)]), seen)
            expect(plain.recvfrom(2000)[1] == (FAR_SERVER, 7), "another's answer")
        plain.close()
        plain_server.close()


ALONE = [("each address is announced at start", announced_at_start),
         ("the MTU is the device's", mtu_of_the_device),
         ("segments fit both links", segments_fit_both_links)]
LINK = [("a link goes down and comes up", link_down_and_up)]
VLAN = [("tagged and untagged networks, in and out", both_kinds)]
