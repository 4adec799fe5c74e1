"""RFC 4787 over both sides of a gate."""
import packet
from claims import expect, is_postern
from groups import SHORT_S, with_settings
from lab import GATE_OUT, SECOND, SERVER, THIRD


def rfc4787_req1_three_servers_see_one_endpoint(net):
    for client in net.clients(3):
        sport = net.port()
        seen = {net.map_udp(client, sport, server, 20053 + i).source()
                for i, server in enumerate((SERVER, SECOND, THIRD))}
        expect(len(seen) == 1, f"{client}:{sport} became {sorted(seen)}")


def rfc4787_req4_forty_ports_keep_their_parity(net):
    client = net.clients(1)[0]
    for _ in range(40):
        sport = net.port()
        seen = net.map_udp(client, sport)
        expect(seen.sport % 2 == sport % 2, f"{sport} became {seen.sport}")


def default_timer(net):
    """Of a mapping made just now, the shortest there is."""
    if not is_postern(net.gate):
        return min(net.gate.timeout(name) for name in ("udp_timeout", "udp_timeout_stream"))
    sport = net.port()
    net.map_udp(net.clients(1)[0], sport)
    row, = [row for row in net.gate.show("show", "connections")
            if row["inside"].endswith(f":{sport}")]
    return row["expires_s"] + 1  # of which some has passed


def rfc4787_req5_the_timer_is_two_minutes_at_least(net):
    timer = default_timer(net)
    expect(timer >= 120, f"it is {timer} s")


def rfc4787_req5c_five_minutes_by_default(net):
    timer = default_timer(net)
    expect(timer >= 300, f"it is {timer} s")


@with_settings("short")
def rfc4787_req5c_the_time_is_a_setting(net):
    client, sport = net.clients(1)[0], net.port()
    first = net.map_udp(client, sport)
    net.settle_for(SHORT_S - 2)
    expect(net.udp_in(SERVER, 20053, first.sport), "it did not live for so long")
    net.settle_for(SHORT_S + 2)
    expect(not net.udp_in(SERVER, 20053, first.sport), "it lives on")


@with_settings("short")
def rfc4787_req6_packets_from_inside_keep_it(net):
    client, sport = net.clients(1)[0], net.port()
    first = net.map_udp(client, sport)
    for _ in range(SHORT_S):
        net.settle_for(SHORT_S - 2)
        expect(net.map_udp(client, sport).sport == first.sport, "it has got another port")
    expect(net.udp_in(SERVER, 20053, first.sport), "its peer does not reach it")


def rfc4787_req8_the_peers_other_ports_reach_it(net):
    client = net.clients(1)[0]
    port = net.map_udp(client, net.port()).sport
    expect(net.udp_in(SERVER, 20054, port), "not from another port of the peer")
    expect(not net.udp_in(THIRD, 20053, port), "anybody may send, and the setting is by address")


@with_settings("independent")
def rfc4787_req8_anybody_reaches_it_if_so_set(net):
    port = net.map_udp(net.clients(1)[0], net.port()).sport
    expect(net.udp_in(THIRD, 20055, port), "a third host does not reach it")


def hairpin(net):
    """One client sends to another's outside endpoint: both endpoints, and what arrived."""
    one, other = net.clients(2)
    sport, dport = net.port(), net.port()
    from_, to = net.map_udp(one, sport), net.map_udp(other, dport)
    net.within.send(packet.ip(one, GATE_OUT,
                              packet.udp(one, sport, GATE_OUT, to.sport, b"hairpin")))
    net.settle()
    return from_.source(), (other, dport), [p for p in net.inside if p.data == b"hairpin"]


@with_settings("independent")
def rfc4787_req9_a_client_reaches_another(net):
    _, to, seen = hairpin(net)
    expect([p.target() for p in seen] == [to], f"it came as {seen}")


@with_settings("independent")
def rfc4787_req9a_by_its_outside_endpoint(net):
    from_, _, seen = hairpin(net)
    expect([p.source() for p in seen] == [from_], f"it came as {seen}, and not from {from_}")


@with_settings("independent")
def rfc4787_req9a_which_can_be_answered(net):
    from_, to, seen = hairpin(net)
    expect(seen, "nothing came")
    net.within.send(packet.ip(to[0], GATE_OUT, packet.udp(*to, *seen[0].source(), b"back")))
    net.settle()
    expect([p.data for p in net.inside] == [b"back"], f"the answer: {net.inside}")


def rfc4787_req11_a_thousand_mappings_change_nothing(net):
    client, sport = net.clients(1)[0], net.port()
    first = net.map_udp(client, sport)
    for port in range(30000, 31000):
        other = net.lab.clients[1 + port % 5]
        net.within.send(packet.ip(other, SERVER, packet.udp(other, port, SERVER, 20053)))
        if port % 50 == 0:
            net.settle()
    net.settle()
    expect(net.map_udp(client, sport, SECOND).sport == first.sport, "another port")
    expect(not net.udp_in(THIRD, 20053, first.sport), "a third host comes in")
    expect(net.udp_in(SERVER, 20053, first.sport), "its peer does not come in")


def rfc4787_req12_errors_end_no_mapping(net):
    client, sport = net.clients(1)[0], net.port()
    seen = net.map_udp(client, sport)
    for code in (0, 1, packet.PORT_UNREACHABLE, packet.PROHIBITED):
        net.come(packet.ip(SERVER, GATE_OUT, packet.error(packet.UNREACHABLE, code, seen.raw)))
    net.come(packet.ip(THIRD, GATE_OUT, packet.error(packet.TIME_EXCEEDED, 0, seen.raw)))
    expect(net.udp_in(SERVER, 20053, seen.sport), "its peer does not reach it any more")
    expect(net.map_udp(client, sport).sport == seen.sport, "it has got another port")


def rfc4787_req12b_the_client_hears_of_it(net):
    client, sport = net.clients(1)[0], net.port()
    seen = net.map_udp(client, sport)
    got = net.come(packet.ip(SERVER, GATE_OUT, packet.error(
        packet.UNREACHABLE, packet.PORT_UNREACHABLE, seen.raw)))
    expect(got and got.dst == client and got.is_error(3, 3), f"the client heard {got}")
    expect(got.quoted.source() == (client, sport), f"of {got.quoted}")


@with_settings("small")
def rfc4787_req13_the_sender_hears_the_mtu(net):
    client, sport = net.clients(1)[0], net.port()
    for length, passes in ((1372, True), (1373, False), (1472, False)):
        raw = packet.ip(client, SERVER, packet.udp(client, sport, SERVER, 20053, bytes(length)),
                        df=True)
        seen = net.leave(raw)
        expect(bool(seen) == passes, f"{length} bytes: {seen}")
        if not passes:
            said = [p for p in net.inside if p.is_error(3, packet.TOO_BIG)]
            expect(len(said) == 1 and said[0].mtu == 1400, f"{length} bytes: {net.inside}")
            expect(said[0].quoted.source() == (client, sport), f"of {said[0].quoted}")


@with_settings("small")
def rfc4787_req13a_without_df_it_is_cut(net):
    client, sport = net.clients(1)[0], net.port()
    data = bytes(i % 251 for i in range(1450))
    net.within.send(packet.ip(client, SERVER, packet.udp(client, sport, SERVER, 20053, data),
                              ident=4711))
    net.settle()
    expect(all(len(p.raw) <= 1400 for p in net.outside), "a piece is too big")
    whole = packet.assemble(net.outside)
    expect(whole and whole.data == data and whole.l4_ok, f"outside came {net.outside}")
    expect(whole.src == GATE_OUT, f"from {whole.src}")
