"""IPv4 packets, built whole and read back."""
import dataclasses
import socket
import struct
import typing

ICMP, TCP, UDP = socket.IPPROTO_ICMP, socket.IPPROTO_TCP, socket.IPPROTO_UDP
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ECHO_REPLY, UNREACHABLE, ECHO, TIME_EXCEEDED = 0, 3, 8, 11
PORT_UNREACHABLE, TOO_BIG, PROHIBITED = 3, 4, 13
HEADER = 20


def checksum(data):
    """Of the Internet; zero over what has the right one in it."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src, dst, proto, length):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, length)


def udp(src, sport, dst, dport, data=b""):
    """(protocol, bytes) of a datagram."""
    text = struct.pack("!4H", sport, dport, 8 + len(data), 0) + data
    total = checksum(pseudo(src, dst, UDP, len(text)) + text) or 0xffff
    return UDP, text[:6] + struct.pack("!H", total) + text[8:]


def tcp(src, sport, dst, dport, flags, seq=0, ack=0, data=b""):
    text = struct.pack("!HHIIBBHHH", sport, dport, seq % (1 << 32), ack % (1 << 32), 5 << 4, flags,
                       65535, 0, 0) + data
    total = checksum(pseudo(src, dst, TCP, len(text)) + text)
    return TCP, text[:16] + struct.pack("!H", total) + text[18:]


def icmp(kind, code, rest=b"\0\0\0\0", data=b""):
    text = struct.pack("!BBH", kind, code, 0) + rest + data
    return ICMP, text[:2] + struct.pack("!H", checksum(text)) + text[4:]


def echo(kind, ident, data=b"ping"):
    return icmp(kind, 0, struct.pack("!HH", ident, 1), data)


def error(kind, code, about, mtu=0):
    """About a packet's bytes: the header and eight bytes more are quoted."""
    return icmp(kind, code, struct.pack("!HH", 0, mtu), about[:HEADER + 8])


def ip(src, dst, what, ttl=64, ident=0, df=False, mf=False, offset=0):
    """The packet's bytes; what: (protocol, bytes), offset in bytes."""
    proto, text = what
    bits = df << 14 | mf << 13 | offset // 8
    head = struct.pack("!BBHHHBBH", 0x45, 0, HEADER + len(text), ident, bits, ttl, proto, 0)
    head += socket.inet_aton(src) + socket.inet_aton(dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + text


def fragments(src, dst, what, ident, size):
    """The packets of one that is cut after each `size` bytes."""
    proto, text = what
    return [ip(src, dst, (proto, text[at:at + size]), ident=ident, mf=at + size < len(text),
               offset=at) for at in range(0, len(text), size)]


@dataclasses.dataclass(repr=False)
class Packet:
    """What was read; checksums are right unless said otherwise. ICMP's identifier is sport."""

    src: str
    dst: str
    proto: int
    ttl: int
    ident: int
    df: bool
    mf: bool
    offset: int
    text: bytes
    raw: bytes
    ip_ok: bool
    l4_ok: bool = True
    sport: int = 0
    dport: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    kind: int = -1
    code: int = -1
    mtu: int = 0
    data: bytes = b""
    quoted: typing.Optional["Packet"] = None

    def __repr__(self):
        more = {UDP: f"UDP {self.data[:20]!r}", TCP: f"TCP flags {self.flags:#x} seq {self.seq}",
                ICMP: f"ICMP {self.kind}/{self.code} of {self.quoted}"}
        what = f"piece at {self.offset}" if self.is_fragment() else more.get(self.proto)
        return f"<{self.src}:{self.sport} to {self.dst}:{self.dport}, {what}>"

    def source(self):
        return self.src, self.sport

    def target(self):
        return self.dst, self.dport

    def is_error(self, kind, code=None):
        return self.kind == kind and code in (None, self.code)

    def is_fragment(self):
        return self.mf or self.offset > 0


def read_l4(p, whole):
    if p.proto in (UDP, TCP) and len(p.text) >= 8:
        p.sport, p.dport = struct.unpack("!HH", p.text[:4])
    if p.proto == UDP:
        p.data = p.text[8:]
        has_none = p.text[6:8] == b"\0\0"
    if p.proto == TCP and len(p.text) >= 20:
        p.seq, p.ack, skip, p.flags = struct.unpack("!IIBB", p.text[4:14])
        p.data = p.text[(skip >> 4) * 4:]
    if p.proto == ICMP and len(p.text) >= 8:
        p.kind, p.code, _, p.sport, p.mtu = struct.unpack("!BBHHH", p.text[:8])
        p.data = p.text[8:]
        if p.kind in (UNREACHABLE, TIME_EXCEEDED):
            p.quoted = read(p.data, whole=False)
    if whole and p.proto == ICMP:
        p.l4_ok = checksum(p.text) == 0
    elif whole and not (p.proto == UDP and has_none):
        p.l4_ok = checksum(pseudo(p.src, p.dst, p.proto, len(p.text)) + p.text) == 0


def read(raw, whole=True):
    """whole: not the beginning of one that an error quotes."""
    length, ident, bits, ttl, proto = struct.unpack("!2xHHHBB", raw[:10])
    skip = (raw[0] & 15) * 4
    raw = raw[:length]
    p = Packet(socket.inet_ntoa(raw[12:16]), socket.inet_ntoa(raw[16:20]), proto, ttl, ident,
               bool(bits & 0x4000), bool(bits & 0x2000), (bits & 0x1fff) * 8, raw[skip:], raw,
               checksum(raw[:skip]) == 0)
    if p.offset == 0:
        read_l4(p, whole and not p.mf)
    return p


def assemble(pieces):
    """The packet whose fragments these are, or None. They may come in any order."""
    text = b""
    for p in sorted(pieces, key=lambda p: p.offset):
        if p.offset != len(text):
            return None
        text += p.text
    if not pieces or max(pieces, key=lambda p: p.offset).mf:
        return None
    return read(ip(pieces[0].src, pieces[0].dst, (pieces[0].proto, text)))
