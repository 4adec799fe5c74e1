"""RFC 6888 over both sides of a gate."""
import re

from claims import Skip, expect, is_postern
from groups import with_settings
from lab import SERVER
from net import Flow


def needs_postern(net):
    if not is_postern(net.gate):
        raise Skip("it has no such thing")


@with_settings("quota")
def rfc6888_req4_a_client_has_four_ports(net):
    one, other = net.clients(4)[2:]
    seen = [net.udp_out(one, net.port()) for _ in range(6)]
    expect(sum(p is not None for p in seen) == 3, f"{seen}")  # and one that marks
    expect(net.udp_out(other, net.port()), "another client has none")


def rfc6888_req10_it_shows_what_it_does(net):
    needs_postern(net)
    f = Flow(net, net.clients(1)[0], net.port()).connect()
    rows = [row for row in net.gate.show("show", "connections")
            if row["inside"].endswith(f":{f.sport}")]
    expect(len(rows) == 1 and rows[0]["state"] == "established", f"{rows}")
    expect(net.gate.show("status")["account"]["received"] > 0, "it has received nothing")
    expect(net.gate.show("show", "drops"), "it has no drops to show")


def rfc6888_req12_the_log_has_no_destinations(net):
    needs_postern(net)
    Flow(net, net.clients(1)[0], net.port()).connect().talk()
    net.map_udp(net.clients(1)[0], net.port())
    with open(net.gate.log) as f:
        said = [line for line in f if re.search(re.escape(SERVER) + r"\b", line)]
    expect(not said, f"it says {said}")


def ports_of(net, n):
    client = net.clients(1)[0]
    return [net.map_udp(client, net.port()).sport for _ in range(n)]


def expect_random(ports):
    """By chance two in a row are this close once in 500 times."""
    close = sum(abs(a - b) <= 64 for a, b in zip(ports, ports[1:]))
    expect(close <= len(ports) // 20, f"{close} of {len(ports)} are close to the one before")
    expect(max(ports) - min(ports) > 20000, f"they lie in {min(ports)} to {max(ports)}")


def rfc6888_req15_a_port_tells_nothing_of_the_next(net):
    expect_random(ports_of(net, 100))


def rfc7857_s9_tcp_ports_are_random(net):
    client = net.clients(1)[0]
    expect_random([net.syn_out(client, net.port()).sport for _ in range(100)])
