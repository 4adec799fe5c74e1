"""When all has ended, tables, packets and heap are as they were before."""
import contextlib
import socket
import struct

import downloads
import peers
import plain
from claims import expect, needs_postern
from lab import wait_for

SHORT = {"tcp_opening": 2, "tcp_established": 4, "tcp_closing": 1, "udp": 2, "icmp": 1,
         "bind_accept": 2, "bind_udp_idle": 2}
NOBODY = "198.18.0.200"


def state(gate):
    status = gate.show("status")
    memory = status["memory"]
    return {"in_use": [pool["in_use"] for pool in memory["mempools"]],
            "heap": memory["heap"]["allocated"],
            "tables": [[w[k] for k in ("connections", "binds", "listeners", "clients")]
                       for w in status["workers"]],
            "sessions": [e["sessions"] for e in status["editors"]]}


def reset(sock):
    """Close by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def port_never_used(lab, gate):
    pair = peers.ControlPair(lab, lab.clients[0])
    data, command = pair.open_data()
    pair.command(command)
    pair.close()
    data.close()


def reset_in_a_transfer(lab, gate):
    pair = peers.ControlPair(lab, lab.clients[1])
    data, command = pair.open_data()
    to = peers.endpoint_of(pair.command(command))
    conn = peers.connect_in(lab.server, (pair.server.getsockname()[0], 0), to)
    inside, _ = data.accept()
    conn.sendall(b"half a file")
    for sock in (inside, pair.client, conn):
        reset(sock)
    pair.close()
    data.close()


def half_a_command(lab, gate):
    """The editor waits for the rest, which never comes."""
    pair = peers.ControlPair(lab, lab.clients[2])
    pair.client.sendall(b"PORT 10,1,")
    reset(pair.client)
    pair.close()


def silence(lab, gate):
    """Both ends vanish without a word: only the timers end this."""
    pair = peers.ControlPair(lab, lab.clients[3])
    data, command = pair.open_data()
    pair.command(command)
    rule = "table netdev mute { chain c { type filter hook egress device %s priority 0; drop; }; }"
    ends = ((lab.client, "c0"), (lab.server, "s0"))
    for name, device in ends:
        lab.run(name, "nft", rule % device)
    pair.close()
    data.close()
    wait_for("the timers", lambda: gate.show("show", "connections") == [], 30)
    for name, _ in ends:
        lab.run(name, "nft", "delete", "table", "netdev", "mute")


def nobody_there(lab, gate):
    for source in lab.clients:
        with contextlib.suppress(OSError):
            peers.connect_in(lab.client, (source, 0), (NOBODY, 80), timeout=0.1).close()


def all_downloads(lab, gate):
    for _, case in downloads.ALL_WAYS:
        case(lab, gate)


def leaves_nothing(*users):
    def case(lab, gate):
        needs_postern(gate)
        before = state(gate)
        expect(before["tables"] == [[0] * 4] * len(before["tables"]), f"not empty: {before}")
        made = sum(w["connections_total"] for w in gate.show("status")["workers"])
        for user in users:
            user(lab, gate)
        now = sum(w["connections_total"] for w in gate.show("status")["workers"])
        expect(now > made, "no connection was made in between")
        try:
            wait_for("all to end", lambda: state(gate) == before, 30)
        except RuntimeError:
            raise AssertionError(f"before {before}, after {state(gate)}") from None
        return [f"before and after: {before}"]

    return case


CASES = [
    ("downloads leave nothing", leaves_nothing(all_downloads)),
    ("plain traffic leaves nothing",
     leaves_nothing(plain.ping, plain.for_the_gate_itself, plain.unasked_for,
                    plain.questions_over_udp, plain.two_hundred_connections)),
    ("a PORT never used leaves nothing", leaves_nothing(port_never_used)),
    ("half a command leaves nothing", leaves_nothing(half_a_command)),
    ("a reset in a transfer leaves nothing", leaves_nothing(reset_in_a_transfer)),
    ("ends that fall silent leave nothing", leaves_nothing(silence)),
    ("a host that is not there leaves nothing", leaves_nothing(nobody_there)),
]
