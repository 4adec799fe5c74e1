"""Packets that no stack would send: fragments in any order, forged segments."""
import itertools
import random
import socket
import struct

import peers

MORE = 0x2000
RST, ACK = 0x04, 0x10
IDENTS = itertools.count(random.randrange(1 << 16))


def inet_sum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, to, proto, length):
    return socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!BBH", 0, proto, length)


def ip(source, to, proto, body, ident=0, fragment=0):
    """The kernel fills in the length and the checksum."""
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, ident, fragment, 64, proto, 0) + \
        socket.inet_aton(source) + socket.inet_aton(to) + body


def udp(source, to, data):
    """Both ends: (address, port)."""
    length = 8 + len(data)
    header = struct.pack("!HHHH", source[1], to[1], length, 0)
    total = inet_sum(pseudo(source[0], to[0], socket.IPPROTO_UDP, length) + header + data)
    return struct.pack("!HHHH", source[1], to[1], length, total or 0xffff) + data


def fragments(source, to, data, mtu):
    """A UDP datagram in pieces, in order."""
    whole, ident = udp(source, to, data), next(IDENTS) % 65535 + 1
    step = (mtu - 20) // 8 * 8
    return [ip(source[0], to[0], socket.IPPROTO_UDP, whole[at:at + step], ident,
               at // 8 | (MORE if at + step < len(whole) else 0))
            for at in range(0, len(whole), step)]


def tcp(source, to, seq, ack, flags):
    """A segment without data."""
    header = struct.pack("!HHIIBBHHH", source[1], to[1], seq % 2**32, ack % 2**32, 5 << 4, flags,
                         0, 0, 0)
    total = inet_sum(pseudo(source[0], to[0], socket.IPPROTO_TCP, len(header)) + header)
    return ip(source[0], to[0], socket.IPPROTO_TCP,
              header[:16] + struct.pack("!H", total) + header[18:])


class Sender:
    """Sends whole IP packets from a namespace, whatever they say of themselves."""

    def __init__(self, name):
        self.sock = peers.socket_in(name, socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)

    def send(self, *packets):
        for packet in packets:
            self.sock.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
