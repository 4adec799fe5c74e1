"""Destinations that are not translated, a host with an address of its own, and GRE."""
import socket

import peers
from claims import expect, needs_postern
from lab import GATE_OUT, GROWS, SECOND, SERVER

HOST, CLIENT = (f"{GROWS[0]}.{n}" for n in GROWS[1][:2])
HOSTS_OWN = "198.18.0.40"
PORT = 5151
GRE = 47
SETTINGS = {"nat": {"pool": [GATE_OUT], "bypass": [SECOND]},
            "publish": [{"name": "host", "protocol": "any", "external": HOSTS_OWN,
                         "internal": HOST}]}


def seen_as(lab, where, listens_at, source, to):
    """Who a listener in a namespace sees when somebody in the other one connects; data passes."""
    other = lab.client if where == lab.server else lab.server
    with peers.listen_in(where, listens_at, PORT) as server, \
            peers.connect_in(other, (source, 0), (to, PORT)) as client:
        server.settimeout(5)
        conn, who = server.accept()
        with conn:
            conn.settimeout(5)
            client.sendall(b"there")
            expect(conn.recv(5) == b"there", "nothing came")
            conn.sendall(b"back")
            expect(client.recv(4) == b"back", "nothing came back")
        return who[0]


def bypass(lab, gate):
    needs_postern(gate)
    lab.run(lab.server, "ip", "route", "replace", f"{GROWS[0]}.0/24", "via", GATE_OUT)
    try:
        who = seen_as(lab, lab.server, SECOND, CLIENT, SECOND)
        expect(who == CLIENT, f"{SECOND} sees {who}")
        rows = [row for row in gate.show("show", "connections")
                if row["remote"] == f"{SECOND}:{PORT}"]
        expect(rows and all(row["bypass"] and row["outside"] == row["inside"] for row in rows),
               rows)
        lab.run(lab.client, "ping", "-c", "1", "-W", "2", "-I", CLIENT, SECOND)
        before = gate.drops()["no_mapping"]
        said = lab.run(lab.server, "ping", "-c", "1", "-W", "1", "-I", SECOND, CLIENT, check=False)
        expect(" 0 received" in said, f"somebody outside has begun: {said}")
        expect(gate.drops()["no_mapping"] > before, "no ping was dropped")
    finally:
        lab.run(lab.server, "ip", "route", "del", f"{GROWS[0]}.0/24")
    who = seen_as(lab, lab.server, SERVER, CLIENT, SERVER)
    expect(who == GATE_OUT, f"{SERVER} sees {who}")


def own_address(lab, gate):
    needs_postern(gate)
    who = seen_as(lab, lab.server, SERVER, HOST, SERVER)
    expect(who == HOSTS_OWN, f"the server sees {who}")
    who = seen_as(lab, lab.client, HOST, SERVER, HOSTS_OWN)
    expect(who == SERVER, f"the host sees {who}")
    lab.run(lab.server, "ping", "-c", "1", "-W", "2", HOSTS_OWN)
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", "-I", HOST, SERVER)
    rows = [row for row in gate.listeners() if "published" in row["flags"]]
    expect([(row["protocol"], row["external"], row["client"]) for row in rows] ==
           [("any", f"{HOSTS_OWN}:0", f"{HOST}:0")], rows)


def gre(lab, gate):
    """A packet of two raw sockets, for a kernel may have no tunnels."""
    needs_postern(gate)
    with peers.socket_in(lab.client, socket.SOCK_RAW, socket.AF_INET, GRE) as near, \
            peers.socket_in(lab.server, socket.SOCK_RAW, socket.AF_INET, GRE) as far:
        near.bind((CLIENT, 0))
        far.bind((SERVER, 0))
        for end in near, far:
            end.settimeout(5)
        near.sendto(b"\0\0\x08\0there", (SERVER, 0))
        packet, who = far.recvfrom(100)
        expect(who[0] == GATE_OUT and packet.endswith(b"there"), f"{who} {packet}")
        far.sendto(b"\0\0\x08\0back", who)
        packet, who = near.recvfrom(100)
        expect(who[0] == SERVER and packet.endswith(b"back"), f"{who} {packet}")
    rows = [row for row in gate.show("show", "connections") if row["protocol"] == "gre"]
    expect(len(rows) == 1 and rows[0]["state"] == "assured" and rows[0]["packets"] == 2, rows)


CASES = [("destinations that are not translated", bypass),
         ("a host with an address of its own", own_address), ("GRE", gre)]
