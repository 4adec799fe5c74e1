"""RFC 5508 over both sides of a gate."""
import packet
from claims import expect, is_postern
from groups import SHORT_S, with_settings
from lab import GATE_OUT, SECOND, SERVER, THIRD
from packet import ECHO, ECHO_REPLY, PORT_UNREACHABLE, TIME_EXCEEDED, UNREACHABLE


def answer(seen, data=b"answer"):
    return packet.ip(seen.dst, seen.src, packet.echo(ECHO_REPLY, seen.sport, data))


def rfc5508_req1_pings_are_answered(net):
    for client in net.clients(4):
        ident = net.port()
        seen = net.query(client, ident)
        expect(seen and seen.src == GATE_OUT and seen.l4_ok, f"outside came {seen}")
        got = [p for p in net.inside if p.kind == ECHO_REPLY and p.target()[0] == client]
        expect(got and got[0].sport == ident and got[0].l4_ok, f"inside came {net.inside}")


def rfc5508_req1a_three_servers_see_one_identifier(net):
    client, ident = net.clients(1)[0], net.port()
    seen = [net.query(client, ident, server) for server in (SERVER, SECOND, THIRD)]
    idents = {p.sport for p in seen}
    expect(len(idents) == 1, f"{ident} became {sorted(idents)}")


def rfc5508_req2_the_timer_is_a_minute_at_least(net):
    if not is_postern(net.gate):
        time = net.gate.timeout("icmp_timeout")
        expect(time >= 60, f"it is {time} s")
        return
    net.query(net.clients(1)[0], net.port())
    rows = [row for row in net.gate.show("show", "connections") if row["protocol"] == "icmp"]
    expect(rows and max(row["expires_s"] for row in rows) >= 59, f"{rows}")


@with_settings("short")
def rfc5508_req2a_the_time_is_a_setting(net):
    seen = net.query(net.clients(1)[0], net.port())
    net.settle_for(SHORT_S - 2)
    expect(net.come(answer(seen)), "it did not live for so long")
    net.settle_for(SHORT_S + 2)
    expect(not net.come(answer(seen)), "it lives on")


def damaged(raw):
    return raw[:-1] + bytes([raw[-1] ^ 1])


def rfc5508_req3_a_wrong_checksum_is_dropped(net):
    client, ident = net.clients(1)[0], net.port()
    seen = net.query(client, ident)
    expect(not net.come(damaged(answer(seen))), "it came in")
    expect(not net.outside, f"it was answered: {net.outside}")
    mapped = net.map_udp(client, net.port())
    error = packet.ip(SERVER, GATE_OUT, packet.error(UNREACHABLE, 3, mapped.raw))
    expect(not net.come(damaged(error)), "an error came in")
    expect(net.come(answer(seen)), "a right one does not come in")


def rfc5508_req3a_a_wrong_quoted_checksum_is_dropped(net):
    seen = net.map_udp(net.clients(1)[0], net.port())
    quoted = seen.raw[:10] + bytes([seen.raw[10] ^ 1]) + seen.raw[11:]
    expect(net.come(packet.ip(SERVER, GATE_OUT, packet.error(UNREACHABLE, 3, seen.raw))),
           "a right one does not come in")
    expect(not net.come(packet.ip(SERVER, GATE_OUT, packet.error(UNREACHABLE, 3, quoted))),
           "it came in")


def expect_error(got, kind, code, to, quoted):
    """An error that arrived: its quote is the packet `quoted` as that host had sent or got it."""
    expect(got and got.dst == to and got.is_error(kind, code), f"{to} heard {got}")
    expect(got.ip_ok and got.l4_ok, f"its checksum is wrong: {got}")
    expect(got.quoted.source() == quoted.source() and got.quoted.target() == quoted.target(),
           f"it quotes {got.quoted}")
    expect(got.quoted.ip_ok, f"the quoted header's checksum is wrong: {got.quoted}")


def packets_of(client, port):
    return [packet.ip(client, SERVER, packet.udp(client, port, SERVER, 20053, b"?")),
            packet.ip(client, SERVER, packet.tcp(client, port, SERVER, 20080, packet.SYN, 1)),
            packet.ip(client, SERVER, packet.echo(ECHO, port))]


def rfc5508_req4_errors_reach_the_client(net):
    client = net.clients(1)[0]
    for raw in packets_of(client, net.port()):
        seen = net.leave(raw)
        expect(seen, "the packet did not leave")
        for kind, code, mtu in ((TIME_EXCEEDED, 0, 0), (UNREACHABLE, 1, 0),
                                (UNREACHABLE, packet.TOO_BIG, 1200)):
            got = net.come(packet.ip(THIRD, GATE_OUT, packet.error(kind, code, seen.raw, mtu)))
            expect_error(got, kind, code, client, packet.read(raw))
            expect(got.src == THIRD and got.mtu == mtu, f"it came as {got}")
            checksum = slice(6, 8) if got.quoted.proto == packet.UDP else slice(2, 4)
            if got.quoted.proto != packet.TCP:  # of TCP, eight bytes don't hold it
                expect(got.quoted.text[checksum] == packet.read(raw).text[checksum],
                       "the quoted checksum is not the one that was sent")


def rfc5508_req4a_of_no_mapping_they_are_dropped(net):
    raw = packet.ip(GATE_OUT, SERVER, packet.udp(GATE_OUT, 3, SERVER, 20053, b"?"))
    expect(not net.come(packet.ip(THIRD, GATE_OUT, packet.error(TIME_EXCEEDED, 0, raw))),
           "it came in")
    expect(not net.outside, f"it was answered: {net.outside}")


def rfc5508_req5_errors_of_a_client_leave(net):
    client, sport = net.clients(1)[0], net.port()
    port = net.map_udp(client, sport).sport
    got = net.udp_in(SERVER, 20053, port)
    seen = net.leave(packet.ip(client, SERVER, packet.error(UNREACHABLE, PORT_UNREACHABLE,
                                                            got.raw)))
    expect(seen and seen.src == GATE_OUT, f"outside came {seen}")
    sent = packet.read(packet.ip(SERVER, GATE_OUT, packet.udp(SERVER, 20053, GATE_OUT, port)))
    expect_error(seen, UNREACHABLE, PORT_UNREACHABLE, SERVER, sent)


def rfc5508_req5a_of_no_mapping_they_are_dropped(net):
    client = net.clients(1)[0]
    raw = packet.ip(SERVER, client, packet.udp(SERVER, 20053, client, 3, b"?"))
    expect(not net.leave(packet.ip(client, SERVER, packet.error(UNREACHABLE, 3, raw))), "it left")
    expect(not net.inside, f"it was answered: {net.inside}")


@with_settings("short")
def rfc5508_req6_errors_neither_refresh_nor_delete(net):
    seen = net.query(net.clients(1)[0], net.port())
    error = packet.ip(THIRD, GATE_OUT, packet.error(TIME_EXCEEDED, 0, seen.raw))
    expect(net.come(error), "an error does not come in")
    expect(net.come(answer(seen)), "an answer does not come in behind it")
    net.settle_for(SHORT_S + 2, lambda: net.without.send(error))
    expect(not net.come(answer(seen)), "it lives on")


@with_settings("independent")
def rfc5508_req7_errors_turn_round_too(net):
    one, other = net.clients(2)
    sport, dport = net.port(), net.port()
    from_, to = net.map_udp(one, sport), net.map_udp(other, dport)
    raw = packet.ip(one, GATE_OUT, packet.udp(one, sport, GATE_OUT, to.sport, b"hairpin"))
    net.within.send(raw)
    net.settle()
    got = [p for p in net.inside if p.data == b"hairpin"]
    expect(len(got) == 1, f"inside came {net.inside}")
    net.within.send(packet.ip(other, from_.src, packet.error(UNREACHABLE, PORT_UNREACHABLE,
                                                             got[0].raw)))
    net.settle()
    errors = [p for p in net.inside if p.kind == UNREACHABLE]
    expect(len(errors) == 1, f"inside came {net.inside}")
    expect_error(errors[0], UNREACHABLE, PORT_UNREACHABLE, one, packet.read(raw))


@with_settings("quota")
def rfc5508_req8_what_is_over_the_quota_hears_code_13(net):
    client = net.clients(2)[1]
    sports = [net.port() for _ in range(5)]
    seen = [net.udp_out(client, sport) for sport in sports]
    expect(all(seen[:3]) and not seen[4], f"outside came {seen}")
    expect([p for p in net.inside if p.is_error(UNREACHABLE, packet.PROHIBITED)],
           f"inside came {net.inside}")


def rfc5508_req10_the_gate_answers_pings(net):
    client = net.clients(1)[0]
    for side, source, gate in ((net.within, client, net.lab.gate_in),
                               (net.without, SERVER, GATE_OUT)):
        side.send(packet.ip(source, gate, packet.echo(ECHO, 20007)))
        net.settle()
        heard = net.inside if side is net.within else net.outside
        expect([p for p in heard if p.kind == ECHO_REPLY and p.src == gate], f"it heard {heard}")


def rfc5508_req10_a_trace_shows_the_gate(net):
    client = net.clients(1)[0]
    raw = packet.ip(client, SERVER, packet.udp(client, net.port(), SERVER, 20053), ttl=1)
    expect(not net.leave(raw), "it left with no TTL")
    said = [p for p in net.inside if p.kind == TIME_EXCEEDED]
    expect(said and said[0].src == net.lab.gate_in, f"inside came {net.inside}")
    expect_error(said[0], TIME_EXCEEDED, 0, client, packet.read(raw))


def rfc5508_req10_a_trace_from_outside_too(net):
    port = net.map_udp(net.clients(1)[0], net.port()).sport
    raw = packet.ip(SERVER, GATE_OUT, packet.udp(SERVER, 20053, GATE_OUT, port), ttl=1)
    expect(not net.come(raw), "it came in with no TTL")
    said = [p for p in net.outside if p.kind == TIME_EXCEEDED]
    expect(said and said[0].src == GATE_OUT, f"outside came {net.outside}")
    expect_error(said[0], TIME_EXCEEDED, 0, SERVER, packet.read(raw))


def rfc5508_req10_a_trace_shows_hops_behind_the_gate(net):
    client = net.clients(1)[0]
    for ttl in (2, 3):
        raw = packet.ip(client, SERVER, packet.udp(client, net.port(), SERVER, 33434 + ttl),
                        ttl=ttl)
        seen = net.leave(raw)
        expect(seen and seen.ttl == ttl - 1, f"outside came {seen}")
        got = net.come(packet.ip(SECOND, GATE_OUT, packet.error(TIME_EXCEEDED, 0, seen.raw)))
        expect_error(got, TIME_EXCEEDED, 0, client, packet.read(raw))
        expect(got.src == SECOND, f"from {got.src}")
