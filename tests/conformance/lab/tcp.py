"""RFC 5382, and what RFC 7857 says of TCP, over both sides of a gate."""
import time

import packet
from claims import expect, is_postern
from groups import with_settings
from lab import GATE_OUT, SECOND, SERVER, THIRD
from net import Flow
from packet import ACK, FIN, PSH, RST, SYN

SILENCE_S = 6


def flow(net):
    return Flow(net, net.clients(1)[0], net.port())


def rfc5382_req1_three_servers_see_one_endpoint(net):
    for client in net.clients(3):
        sport = net.port()
        seen = [net.syn_out(client, sport, server, 20080) for server in (SERVER, SECOND, THIRD)]
        expect(all(seen), f"outside came {seen}")
        ends = {p.source() for p in seen}
        expect(len(ends) == 1, f"{client}:{sport} became {sorted(ends)}")


def rfc5382_req2_both_ends_talk_and_close(net):
    for first, second in (("out", "in"), ("in", "out")):
        f = flow(net).connect()
        f.talk()
        f.passes(first, FIN | ACK)
        f.passes(second, ACK)
        f.passes(second, ACK | PSH, b"not yet")
        f.passes(first, ACK)
        f.passes(second, FIN | ACK)
        f.passes(first, ACK)


def rfc5382_req2_lost_segments_come_again(net):
    f = flow(net)
    for _ in range(2):
        f.next["out"] = 1000
        f.passes("out", SYN)
    for _ in range(2):
        f.next["in"] = 500000
        f.passes("in", SYN | ACK)
    f.passes("out", ACK)
    f.talk()


def rfc5382_req2a_both_ends_open_at_once(net):
    f = flow(net)
    f.passes("out", SYN)
    f.passes("in", SYN)
    f.next["out"] -= 1
    f.passes("out", SYN | ACK)
    f.next["in"] -= 1
    f.passes("in", SYN | ACK)
    f.passes("out", ACK)
    f.talk()


def rfc5382_req3_the_peers_other_ports_reach_it(net):
    seen = net.syn_out(net.clients(1)[0], net.port())
    expect(net.syn_in(SERVER, 20081, seen.sport), "not from another port of the peer")
    expect(not net.syn_in(THIRD, 20080, seen.sport), "anybody may, and the setting is by address")


@with_settings("independent")
def rfc5382_req3_anybody_reaches_it_if_so_set(net):
    seen = net.syn_out(net.clients(1)[0], net.port())
    expect(net.syn_in(THIRD, 20082, seen.sport), "a third host does not reach it")


def answers(net, sport):
    """What the sender of an unsolicited SYN heard of it."""
    return [p for p in net.outside if (p.proto == packet.TCP and p.dport == sport) or
            (p.quoted and p.quoted.sport == sport)]


def rfc5382_req4_six_seconds_of_silence(net):
    seen, sport = net.syn_out(net.clients(1)[0], net.port()), net.port()
    start = time.monotonic()
    net.without.send(packet.ip(THIRD, GATE_OUT,
                               packet.tcp(THIRD, sport, GATE_OUT, seen.sport, SYN, 1)))
    net.settle_for(SILENCE_S - 0.3)
    expect(not answers(net, sport), f"after {time.monotonic() - start:.1f} s: {net.outside}")


@with_settings("hold")
def rfc5382_req4_answer_port_unreachable_then(net):
    seen, sport = net.syn_out(net.clients(1)[0], net.port()), net.port()
    expect(not net.syn_in(THIRD, sport, seen.sport), "it came in")
    expect(not answers(net, sport), f"it was answered at once: {net.outside}")
    net.settle_for(3)
    said = answers(net, sport)
    expect(len(said) == 1 and said[0].is_error(3, packet.PORT_UNREACHABLE), f"said: {said}")


@with_settings("hold")
def rfc5382_req4_crossed_there_is_no_answer(net):
    client, sport = net.clients(1)[0], net.port()
    seen, theirs = net.syn_out(client, sport), net.port()
    expect(not net.syn_in(THIRD, theirs, seen.sport), "it came in")
    expect(not answers(net, theirs), f"it was answered at once: {net.outside}")
    out = net.syn_out(client, sport, THIRD, theirs)
    expect(out and out.source() == seen.source(), f"a SYN to there left as {out}")
    net.settle_for(3)
    wrong = [p for p in net.outside if p.quoted]
    expect(not wrong and not net.inside, f"outside: {wrong}, inside: {net.inside}")
    expect(net.syn_in(THIRD, theirs, seen.sport), "the SYN's second try does not come in")


def rfc5382_req5_the_timer_is_two_hours_at_least(net):
    if not is_postern(net.gate):
        expect(net.gate.timeout("tcp_timeout_established") >= 7440, "it is shorter")
        return
    f = flow(net).connect()
    rows = [row for row in net.gate.show("show", "connections")
            if row["inside"].endswith(f":{f.sport}")]
    expect(len(rows) == 1 and rows[0]["expires_s"] >= 7439, f"{rows}")


def rfc5382_req5_transitory_timers_are_four_minutes_at_least(net):
    if not is_postern(net.gate):
        timers = {name: net.gate.timeout(f"tcp_timeout_{name}") for name in
                  ("syn_sent", "syn_recv", "fin_wait", "time_wait", "close_wait", "last_ack")}
        expect(min(timers.values()) >= 240, f"{timers}")
        return
    f = flow(net)
    f.passes("out", SYN)
    rows = [row for row in net.gate.show("show", "connections")
            if row["inside"].endswith(f":{f.sport}")]
    expect(len(rows) == 1 and rows[0]["expires_s"] >= 239, f"{rows}")


def hairpin(net):
    """A client connects to another's outside endpoint: both, and the SYN that arrived."""
    one, other = net.clients(2)
    sport, dport = net.port(), net.port()
    from_, to = net.syn_out(one, sport), net.syn_out(other, dport)
    net.within.send(packet.ip(one, GATE_OUT,
                              packet.tcp(one, sport, GATE_OUT, to.sport, SYN, 7000)))
    net.settle()
    return from_.source(), (other, dport), \
        [p for p in net.inside if p.flags == SYN and p.seq == 7000]


@with_settings("independent")
def rfc5382_req8_a_client_reaches_another(net):
    _, to, seen = hairpin(net)
    expect([p.target() for p in seen] == [to], f"it came as {seen}")


@with_settings("independent")
def rfc5382_req8a_by_its_outside_endpoint(net):
    from_, to, seen = hairpin(net)
    expect([p.source() for p in seen] == [from_], f"it came as {seen}, and not from {from_}")
    net.within.send(packet.ip(to[0], GATE_OUT, packet.tcp(*to, *from_, SYN | ACK, 9000, 7001)))
    net.settle()
    back = [p for p in net.inside if p.flags == SYN | ACK and p.ack == 7001]
    expect(len(back) == 1, f"the answer: {net.inside}")


def rfc5382_req9_unreachable_is_translated(net):
    client, sport = net.clients(1)[0], net.port()
    seen = net.syn_out(client, sport)
    for code in (0, 1, packet.PORT_UNREACHABLE):
        got = net.come(packet.ip(THIRD, GATE_OUT,
                                 packet.error(packet.UNREACHABLE, code, seen.raw)))
        expect(got and got.dst == client and got.is_error(3, code), f"the client heard {got}")
        expect(got.quoted.source() == (client, sport), f"of {got.quoted}")
        expect(got.quoted.seq == 0 and got.quoted.text[4:8] == seen.text[4:8], "another number")


def rfc5382_req10_errors_end_no_connection(net):
    f = flow(net).connect()
    seen = f.passes("out", ACK | PSH, b"question")
    for code in (0, 1, 2, packet.PORT_UNREACHABLE, packet.PROHIBITED):
        net.come(packet.ip(THIRD, GATE_OUT, packet.error(packet.UNREACHABLE, code, seen.raw)))
    f.passes("in", ACK | PSH, b"an answer")
    f.talk()


def rfc7857_s2_an_ack_opens_nothing(net):
    f = flow(net)
    expect(not f.segment("out", ACK | PSH, b"?"), "it left")


def rfc7857_s2_2_resets_pass_both_ways(net):
    for way in ("out", "in"):
        f = flow(net).connect()
        f.talk()
        f.passes(way, RST | ACK)


def rfc7857_s2_2_wait_who_goes_on_is_translated(net):
    f = flow(net).connect()
    f.talk()
    f.passes("in", RST)
    f.talk()
    f.talk()
