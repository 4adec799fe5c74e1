"""A host of a VLAN, by a raw socket: it knows ARP and UDP, and its frames bear the tag."""
import queue
import socket
import struct
import threading

import peers

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_8021Q = 0x0003, 0x0800, 0x0806, 0x8100
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 1 << 4
EVERYBODY = b"\xff" * 6


def ip_sum(header):
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


class Host:
    """Answers ARP for its address; get() is the next datagram to it."""

    def __init__(self, name, device, vlan, ip, gateway):
        self.vlan, self.ip, self.gateway = vlan, socket.inet_aton(ip), gateway
        self.mac = bytes([2, 0, 0, 0, vlan, self.ip[3]])
        self.sock = peers.socket_in(name, socket.SOCK_RAW, socket.AF_PACKET,
                                    socket.htons(ETH_P_ALL))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.bind((device, ETH_P_ALL))
        self.sock.settimeout(0.1)
        self.datagrams, self.neighbours = queue.Queue(), {}
        self.found, self.stopping = threading.Event(), False
        self.thread = threading.Thread(target=self.listen, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.sock.close()

    def listen(self):
        while not self.stopping:
            try:
                frame, extra, _, address = self.sock.recvmsg(4096, 256)
            except TimeoutError:
                continue
            if address[2] != socket.PACKET_OUTGOING and self.tag_of(extra) == self.vlan and \
                    frame[:6] in (self.mac, EVERYBODY):
                self.take(frame)

    @staticmethod
    def tag_of(extra):
        """The kernel takes a tag out of the frame and tells of it aside."""
        for level, kind, data in extra:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
                return tci & 0xfff if status & TP_STATUS_VLAN_VALID else 0
        return 0

    def take(self, frame):
        kind, body = struct.unpack("!H", frame[12:14])[0], frame[14:]
        if kind == ETH_P_ARP:
            self.take_arp(body)
        elif kind == ETH_P_IP and body[9] == socket.IPPROTO_UDP and body[16:20] == self.ip:
            length = struct.unpack("!H", body[2:4])[0]
            sport, dport = struct.unpack("!HH", body[20:24])
            self.datagrams.put((socket.inet_ntoa(body[12:16]), sport, dport, body[28:length]))

    def take_arp(self, arp):
        operation, mac, ip, target = (struct.unpack("!H", arp[6:8])[0], arp[8:14], arp[14:18],
                                      arp[24:28])
        self.neighbours[socket.inet_ntoa(ip)] = mac
        if target == self.ip and operation == 1:
            self.put(mac, ETH_P_ARP, self.arp(2, mac, ip))
        if target == self.ip and operation == 2:
            self.found.set()

    def arp(self, operation, mac, ip):
        return struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, operation) + self.mac + self.ip + mac + ip

    def put(self, mac, kind, body):
        self.sock.send(mac + self.mac + struct.pack("!HHH", ETH_P_8021Q, self.vlan, kind) + body)

    def mac_of_gateway(self):
        for _ in range(5):
            if self.gateway in self.neighbours:
                return self.neighbours[self.gateway]
            self.put(EVERYBODY, ETH_P_ARP,
                     self.arp(1, bytes(6), socket.inet_aton(self.gateway)))
            self.found.wait(1)
        raise AssertionError(f"{self.gateway} does not answer ARP in VLAN {self.vlan}")

    def send(self, to, sport, dport, data):
        udp = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64,
                             socket.IPPROTO_UDP, 0) + self.ip + socket.inet_aton(to)
        header = header[:10] + struct.pack("!H", ip_sum(header)) + header[12:]
        self.put(self.mac_of_gateway(), ETH_P_IP, header + udp)

    def get(self):
        """(source, source port, destination port, data), or queue.Empty after five seconds."""
        return self.datagrams.get(timeout=5)
