"""Fragments through a gate, in order and not: RFC 4787 section 11, RFC 6864."""
import packet
from claims import expect
from groups import with_settings
from lab import GATE_OUT, SERVER

DATA = bytes(i % 253 for i in range(4000))
SIZE = 1400


def expect_whole(pieces, src, dst, data=DATA):
    whole = packet.assemble(pieces) or only_whole(pieces)
    expect(whole, f"{len(pieces)} pieces came, and make no whole: "
                  f"{[(p.offset, p.mf) for p in pieces]}")
    expect(whole.data == data, f"{len(whole.data)} bytes came, and differ")
    expect(whole.l4_ok and all(p.ip_ok for p in pieces), "a checksum is wrong")
    expect((whole.src, whole.dst) == (src, dst), f"it came from {whole.source()}")


def only_whole(pieces):
    whole = [p for p in pieces if not p.is_fragment()]
    return whole[0] if whole else None


def send_out(net, client, sport, order):
    net.settle()
    pieces = packet.fragments(client, SERVER, packet.udp(client, sport, SERVER, 20053, DATA),
                              net.port(), SIZE)
    for i in order:
        net.within.send(pieces[i])
    net.settle()
    return net.outside


def send_in(net, port, order):
    pieces = packet.fragments(SERVER, GATE_OUT, packet.udp(SERVER, 20053, GATE_OUT, port, DATA),
                              net.port(), SIZE)
    for i in order:
        net.without.send(pieces[i])
    net.settle()
    return net.inside


@with_settings("fragments")
def rfc4787_req14_out_in_order_and_reversed(net):
    client, sport = net.clients(1)[0], net.port()
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        expect_whole(send_out(net, client, sport, order), GATE_OUT, SERVER)


@with_settings("fragments")
def rfc4787_req14_in_in_order_and_reversed(net):
    client, sport = net.clients(1)[0], net.port()
    port = net.map_udp(client, sport).sport
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        expect_whole(send_in(net, port, order), SERVER, client)


def from_two_clients(net, idents):
    """Fragments of two datagrams, a piece of each in turn: all that came make the two."""
    pieces, sent = [], {}
    for client, byte, ident in zip(net.clients(2), b"xy", idents):
        sport, data = net.port(), bytes([byte]) * 2500
        sent[client] = (net.map_udp(client, sport).sport, data)
        pieces.append(packet.fragments(client, SERVER, packet.udp(client, sport, SERVER, 20053,
                                                                  data), ident, SIZE))
    for both in zip(*pieces):
        for raw in both:
            net.within.send(raw)
    net.settle()
    for ident in {p.ident for p in net.outside}:
        of_one = [p for p in net.outside if p.ident == ident]
        whole = packet.assemble(of_one)
        expect(whole and (whole.sport, whole.data) in sent.values(),
               f"of identifier {ident} came {[(p.offset, p.mf) for p in of_one]}")
    expect(len(net.outside) >= 4, f"{len(net.outside)} pieces came")


@with_settings("fragments")
def rfc4787_req14_of_two_clients_in_turn(net):
    from_two_clients(net, (77, 78))


@with_settings("fragments")
def rfc4787_req14a_overlapping_ones_are_dropped(net):
    client, sport = net.clients(1)[0], net.port()
    expect_whole(send_out(net, client, sport, (0, 1, 2)), GATE_OUT, SERVER)
    what = packet.udp(client, sport, SERVER, 20053, DATA[:2000])
    proto, text = what
    first = packet.ip(client, SERVER, (proto, text[:1000]), ident=net.port(), mf=True)
    ident = packet.read(first).ident
    again = packet.ip(client, SERVER, (proto, b"#" * 600), ident=ident, mf=True, offset=504)
    last = packet.ip(client, SERVER, (proto, text[1000:]), ident=ident, offset=1000)
    for raw in (first, again, last):
        net.within.send(raw)
    net.settle()
    came = {(p.offset, p.mf) for p in net.outside}
    expect((0, False) not in came, "it was put together")
    expect(not {(0, True), (504, True), (1000, False)} <= came, "all pieces came through")


def rfc7857_ids_two_clients_identifiers_differ(net):
    idents = set()
    for client in net.clients(2):
        seen = net.udp_out(client, net.port(), ident=4242)
        idents.add(seen.ident)
    expect(len(idents) == 2, f"both left as {idents}")


@with_settings("fragments")
def rfc7857_ids_equal_identifiers_do_not_mix_fragments(net):
    from_two_clients(net, (79, 79))
