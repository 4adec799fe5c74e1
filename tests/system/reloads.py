"""Many reloads under load: what is open lives on, and nothing more is lost than without them.

iperf3, many UDP flows that are answered, and an FTP download in active mode run for some time
without reloads, and then as long with them. The appliance's own counters and its ports' are what
is compared: received but missed, not sent as a queue was full, dropped, by reason.
"""
import copy
import itertools
import os
import socket
import statistics
import struct
import threading
import time

import claims
import peers
from claims import expect, needs_postern
from lab import SECOND, SERVER, THIRD, wait_for
from reload import reload, write

FLOWS, RELOADS, SECONDS = 5000, 40, 12  # of the short check
ALL_FLOWS, ALL_RELOADS, ALL_SECONDS = 50000, 200, 60
PER_SECOND = 3000  # packets of UDP flows
PATIENCE = 3  # seconds without an answer
IPERF_RATE = "40M"
FTP_RATE = 1 << 20
NEW_ADDRESSES = "198.18.0.20-198.18.0.23"
NEW_CLIENTS = [f"10.1.1.{i}" for i in range(100, 108)]
SETTINGS = {"nat": {"sessions": 65536, "sessions_per_client": 16384, "ports_per_client": 4096},
            "reload": {"forbidden_connections": "cut"}}


class Flows:
    """UDP flows by raw sockets: each has an index, which its packets carry and answers repeat."""

    def __init__(self, lab, count):
        self.lab = lab
        self.out = self.raw(lab.client, socket.IPPROTO_RAW)
        self.back = self.raw(lab.client, socket.IPPROTO_UDP)
        self.server_in = self.raw(lab.server, socket.IPPROTO_UDP)
        self.server_out = self.raw(lab.server, socket.IPPROTO_RAW)
        for name in (lab.client, lab.server):  # no kernel is to refuse ports that it does not know
            lab.run(name, "nft", "table ip quiet { chain out { type filter hook output priority 0; "
                    "icmp type destination-unreachable drop; }; }")
        ends = itertools.product(lab.clients, range(10000, 10000 + count // len(lab.clients) // 3
                                                    + 1), (9001, 9002, 9003))
        self.flows = [(source, sport, dport) for source, sport, dport in ends][:count]
        self.seen = [None] * count  # outside endpoints
        self.answered = [0] * count
        self.moved = self.sent = self.got = 0
        self.answers = True
        self.done = False
        self.asking = None
        self.threads = [threading.Thread(target=run, daemon=True)
                        for run in (self.serve, self.take)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def raw(name, protocol):
        sock = peers.socket_in(name, socket.SOCK_RAW, protocol=protocol)
        for option in (socket.SO_RCVBUF, 33):  # SO_RCVBUFFORCE
            sock.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
        sock.settimeout(0.2)
        return sock

    @staticmethod
    def packet(source, sport, to, dport, index):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton(to))
        return ip + struct.pack("!HHHHI", sport, dport, 12, 0, index)

    def received(self, sock):
        """(source, its port, destination, its port, index), until the end."""
        while not self.done:
            try:
                data = sock.recv(2000)
            except TimeoutError:
                continue
            if len(data) != 32:
                continue
            sport, dport, _, _, index = struct.unpack("!HHHHI", data[20:])
            if index < len(self.flows):
                yield (socket.inet_ntoa(data[12:16]), sport, socket.inet_ntoa(data[16:20]), dport,
                       index)

    def serve(self):
        for source, sport, to, dport, index in self.received(self.server_in):
            if self.seen[index] is None:
                self.seen[index] = (source, sport)
            elif self.seen[index] != (source, sport):
                self.moved += 1
            if self.answers:
                self.server_out.sendto(self.packet(to, dport, source, sport, index), (source, 0))

    def take(self):
        for _, _, to, dport, index in self.received(self.back):
            if (to, dport) == self.flows[index][:2]:
                self.answered[index] += 1
                self.got += 1

    def ask(self, index):
        source, sport, dport = self.flows[index]
        self.out.sendto(self.packet(source, sport, SERVER, dport, index), (SERVER, 0))
        self.sent += 1

    def call(self, index):
        """From outside, unasked."""
        self.server_out.sendto(self.packet(SERVER, self.flows[index][2], *self.seen[index], index),
                               (self.seen[index][0], 0))

    def tour(self, send):
        """Each flow once, and those without an answer again, at most twice. Those that have none."""
        before = list(self.answered)
        left = list(range(len(self.flows)))
        for _ in range(3):
            for n, index in enumerate(left):
                send(index)
                if n % 100 == 99:
                    time.sleep(100 / (3 * PER_SECOND))
            end = time.monotonic() + PATIENCE
            while left and time.monotonic() < end:  # as long as answers come
                time.sleep(0.1)
                still = [i for i in left if self.answered[i] == before[i]]
                if len(still) < len(left):
                    end = time.monotonic() + PATIENCE
                left = still
        return left

    def start_asking(self, seconds):
        self.asking = threading.Thread(target=self.keep_asking,
                                       args=(time.monotonic() + seconds,), daemon=True)
        self.asking.start()

    def keep_asking(self, until):
        for index in itertools.cycle(range(0, len(self.flows))):
            self.ask(index)
            if index % 50 == 49:
                time.sleep(50 / PER_SECOND)
                if self.done or time.monotonic() > until:
                    return

    def close(self):
        self.done = True
        for thread in [*self.threads, self.asking]:
            if thread:
                thread.join()
        for sock in (self.out, self.back, self.server_in, self.server_out):
            sock.close()
        for name in (self.lab.client, self.lab.server):
            self.lab.run(name, "nft", "delete table ip quiet")


def counters(gate):
    """What was lost, by the appliance and by its ports."""
    lost = {f"dropped: {reason}": n for reason, n in gate.drops().items()}
    ports = {row["device"]: row["port"] for row in gate.show("show", "interfaces")}
    for port in ports.values():
        for what in ("imissed", "ierrors", "rx_nombuf", "oerrors"):
            lost[what] = lost.get(what, 0) + port.get(what, 0)
    return lost


def opened(gate):
    return sum(worker["connections_total"] for worker in gate.show("status")["workers"])


def difference(after, before):
    return {what: n - before[what] for what, n in after.items() if n != before[what]}


class Load:
    """What runs meanwhile."""

    def __init__(self, lab, flows, seconds):
        self.lab, self.flows = lab, flows
        self.file = lab.path("downloaded")
        if os.path.exists(self.file):  # of the run before
            os.unlink(self.file)
        self.iperf = lab.start(lab.client, "iperf3", "-c", SERVER, "-B", lab.clients[1], "-t",
                               str(seconds), "-b", IPERF_RATE)
        self.ftp = lab.start(lab.client, "curl", "-sS", "-m", "600", "--interface",
                             lab.clients[0], "-P", "-", "--disable-eprt", "--limit-rate",
                             str(FTP_RATE), f"ftp://{SERVER}/file", "-o", self.file)
        wait_for("the download to begin", lambda: os.path.exists(self.file) and
                 os.path.getsize(self.file) > 0, 10)
        flows.start_asking(seconds)

    def stop(self):
        for proc in (self.iperf, self.ftp):
            self.lab.stop(proc)

    def wait(self):
        self.flows.asking.join()
        expect(self.iperf.wait(60) == 0, f"iperf3 exits {self.iperf.returncode}")
        expect(self.ftp.wait(120) == 0, f"curl exits {self.ftp.returncode}")
        return peers.digest_of(self.file)


def question(lab, server, i):
    """A new connection of who has no other, perhaps; the server's socket is there."""
    client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
    client.bind((NEW_CLIENTS[i % len(NEW_CLIENTS)], 0))
    client.sendto(b"question", (SECOND, 53))
    data, peer = server.recvfrom(2000)
    server.sendto(data, peer)
    client.recv(100)
    client.close()
    return peer[0]


def variant(config, i):
    """The i-th config: rules, filters, pools, editors, servers and timeouts differ in turn."""
    config = copy.deepcopy(config)
    if i % 2:
        config["rules"].insert(0, {"name": f"not there {i % 5}", "action": "deny",
                                   "destinations": [f"{THIRD}/32"]})
    if i % 3 == 1:
        config["packet_filters"] = [{"action": "deny", "direction": "in", "source": [THIRD]}]
    if i % 4 > 1:
        config["nat"]["pool"] = ["198.18.0.1", NEW_ADDRESSES]
    if i % 5 < 3:
        config["editors"] = {"tftp": {"enabled": i % 5 == 1}, "connector": {"enabled": i % 5 == 2}}
    if i % 7 > 3:
        config["publish"] = [{"name": "www", "protocol": "tcp", "external": "198.18.0.1:80",
                              "internal": f"10.1.1.7:{8080 + i % 2}"}]
    config["nat"]["timeouts"] = {"udp": 300 + i, "tcp_established": 7440 + i, "icmp": 60 + i % 9}
    return config


def reload_many(lab, gate, count, seconds):
    """As many reloads, spread over the time. How long each took, in ms; the addresses seen."""
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((SECOND, 53))
    start, took, addresses = time.monotonic(), [], set()
    for i in range(count):
        write(gate, variant(gate.config, i + 1))
        begin = time.monotonic()
        plan = reload(gate)
        took.append(1000 * (time.monotonic() - begin))
        expect(plan["changes"] and plan["warning"] == "", f"reload {i}: {plan}")
        addresses.add(question(lab, server, i))
        time.sleep(max(0, start + (i + 1) * seconds / count - time.monotonic()))
    server.close()
    return took, addresses


def run_load(lab, gate, flows, seconds, during):
    """The load, with what happens during it. What was lost and how many connections began."""
    lost, began = counters(gate), opened(gate)
    load = Load(lab, flows, seconds + 2)
    try:
        result = during()
        digest = load.wait()
    finally:
        load.stop()
    return result, difference(counters(gate), lost), opened(gate) - began, digest


def many_reloads(lab, gate):
    needs_postern(gate)
    count, reloads, seconds = FLOWS, RELOADS, SECONDS
    if claims.LONG:
        count, reloads, seconds = ALL_FLOWS, ALL_RELOADS, ALL_SECONDS
    for name in (lab.client, lab.server):  # what cases before have left is sent again, and counts
        lab.run(name, "ss", "-K", "-t", check=False)
    root = lab.path("ftp")
    os.makedirs(root, exist_ok=True)
    wanted = peers.make_file(os.path.join(root, "file"), FTP_RATE * (seconds + 4))
    servers = [peers.start_vsftpd(lab, root), lab.start(lab.server, "iperf3", "-s")]
    wait_for("iperf3", peers.listens(lab, 5201))
    for address in NEW_CLIENTS:
        lab.run(lab.client, "ip", "addr", "add", f"{address}/24", "dev", "c0")
    flows = Flows(lab, count)
    try:
        expect(flows.tour(flows.ask) == [], "not all flows could be opened")
        _, base, began, digest = run_load(lab, gate, flows, seconds, lambda: time.sleep(seconds))
        expect(digest == wanted, "the file came over damaged, without any reload")
        (took, addresses), lost, began_more, digest = run_load(
            lab, gate, flows, seconds, lambda: reload_many(lab, gate, reloads, seconds))
        expect(digest == wanted, "the file came over damaged")
        # one question for each reload is new, and nothing had to begin again
        expect(began_more == began + reloads,
               f"{began_more} connections began, and {began} + {reloads} were to")
        left = flows.tour(flows.ask)
        expect(not left, f"{len(left)} flows do not live; lost {lost}, without reloads {base}")
        flows.answers = False
        left = flows.tour(flows.call)
        expect(not left, f"{len(left)} flows are not reached from outside any more")
        expect(flows.moved == 0, f"{flows.moved} packets left by another endpoint")
        expect(len(addresses) > 1, f"no new connection was on a new address: {addresses}")
        expect(sum(lost.values()) <= sum(base.values()),
               f"lost with reloads {lost}, without {base}")
    finally:
        flows.close()
        for address in NEW_CLIENTS:
            lab.run(lab.client, "ip", "addr", "del", f"{address}/24", "dev", "c0")
        for server in servers:
            lab.stop(server)
        write(gate, gate.config)
        reload(gate)
    return [f"{reloads} reloads under {count} UDP flows, {IPERF_RATE}bit/s of TCP and FTP: "
            f"{statistics.median(took):.0f} ms each, at most {max(took):.0f} ms",
            f"lost without reloads: {base or 'nothing'}", f"with them: {lost or 'nothing'}",
            f"outside addresses of what began meanwhile: {', '.join(sorted(addresses))}"]


CASES = [("many reloads under load", many_reloads)]
