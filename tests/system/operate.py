"""What the operator asks, and what then happens."""
import errno
import socket
import subprocess

import peers
import policy
from claims import expect, needs_postern
from lab import GATE_OUT, SECOND, SERVER, wait_for

SETTINGS = policy.SETTINGS
INSIDE = policy.INSIDE


def explain(gate, protocol, source, destination, *options):
    return gate.show("explain", protocol, source, destination, *options)


def in_choice(choice, port):
    ranges = [tuple(map(int, text.split("-"))) for text in choice["range"].split(",")]
    return any(first <= port <= last for first, last in ranges) and \
        port % 2 == {"even": 0, "odd": 1}[choice["parity"]]


def a_connection_before_and_after(lab, gate):
    """The mapping is one of those that were told, and what is told of it then is what it is."""
    needs_postern(gate)
    with peers.listen_in(lab.server, SERVER, 7000) as listener:
        sock = peers.socket_in(lab.client, socket.SOCK_STREAM)
        sock.bind((INSIDE, 0))
        port = sock.getsockname()[1]
        told = explain(gate, "tcp", f"{INSIDE}:{port}", f"{SERVER}:7000")
        first = told["passes"][0]
        expect(told["verdict"] == "forwarded" and first["message"] == "syn", f"{told}")
        expect(first["interface"] == "inside" and first["route"]["interface"] == "outside",
               f"{first}")
        expect(first["connection"] is None and first["mapping"]["new"], f"{first}")
        expect(explain(gate, "tcp", f"{INSIDE}:{port}", f"{SERVER}:7000") == told,
               "asking has changed something")
        sock.connect((SERVER, 7000))
        far, (address, outside) = listener.accept()
        expect(address == GATE_OUT and in_choice(first["mapping"]["choice"], outside),
               f"{address}:{outside} is none of {first['mapping']['choice']}")
        after = explain(gate, "tcp", f"{INSIDE}:{port}", f"{SERVER}:7000")["passes"][0]
        expect(after["mapping"]["outside"] == f"{address}:{outside}" and
               after["connection"]["state"] == "established", f"{after}")
        expect(after["leaves_as"] == {"source": f"{address}:{outside}",
                                      "destination": f"{SERVER}:7000"}, f"{after}")
        back = explain(gate, "tcp", f"{SERVER}:7000", f"{address}:{outside}")
        expect(back["verdict"] == "forwarded" and
               back["passes"][0]["leaves_as"]["destination"] == f"{INSIDE}:{port}", f"{back}")
        table = gate.table("explain", "tcp", f"{INSIDE}:{port}", f"{SERVER}:7000")
        for part in ("comes in by    inside", "established", f"{address}:{outside}",
                     "leaves by      outside", "\nforwarded\n"):
            expect(part in table, f"{part!r} is not in:\n{table}")
        far.close()
        sock.close()
    return table.splitlines()


def what_filters_drop(lab, gate):
    """The filter by its name, the reason by the counter's, and the counter agrees."""
    needs_postern(gate)
    told = explain(gate, "tcp", f"{SECOND}:4000", f"{GATE_OUT}:8000", "--from", "outside")
    expect((told["verdict"], told["reason"]) == ("dropped", "packet_filter"), f"{told}")
    expect(told["passes"][0]["packet_filter"] == {"name": "no others", "allow": False}, f"{told}")
    before = gate.drops()
    said = policy.connects(lab, lab.server, SECOND, (GATE_OUT, 8000))
    expect(said == errno.ETIMEDOUT, f"connect() says {said}")
    after = gate.drops()
    expect({name for name in after if after[name] != before[name]} == {"packet_filter"},
           f"{before} {after}")
    table = gate.table("explain", "tcp", f"{SECOND}:4000", f"{GATE_OUT}:8000")
    expect('"no others" denies it' in table and table.endswith("dropped: packet_filter\n"), table)
    return table.splitlines()


def what_nobody_asked_for(lab, gate):
    needs_postern(gate)
    told = explain(gate, "udp", f"{SERVER}:4000", f"{GATE_OUT}:2345")
    expect(told["reason"] == "no_mapping", f"{told}")
    before = gate.drops()["no_mapping"]
    sock = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    sock.bind((SERVER, 4000))
    sock.sendto(b"anybody?", (GATE_OUT, 2345))
    sock.close()
    wait_for("the drop", lambda: gate.drops()["no_mapping"] == before + 1, 2)


def servers_and_hairpin(lab, gate):
    needs_postern(gate)
    told = explain(gate, "tcp", f"{SERVER}:4000", f"{GATE_OUT}:8000")
    expect(told["verdict"] == "forwarded", f"{told}")
    expect(told["passes"][0]["leaves_as"]["destination"] == f"{INSIDE}:8000", f"{told}")
    expect("published" in told["passes"][0]["listener"]["flags"], f"{told}")
    client = lab.clients[1]
    told = explain(gate, "tcp", f"{client}:4000", f"{GATE_OUT}:8000")
    expect(told["verdict"] == "forwarded" and
           [p["verdict"] for p in told["passes"]] == ["hairpin", "forwarded"], f"{told}")
    with peers.listen_in(lab.client, INSIDE, 8000) as listener:
        sock = peers.connect_in(lab.client, (client, 0), (GATE_OUT, 8000))
        far, peer = listener.accept()
        expect(peer[0] == GATE_OUT, f"the server saw {peer}")
        far.close()
        sock.close()
    return gate.table("explain", "tcp", f"{client}:4000", f"{GATE_OUT}:8000").splitlines()


def editors_and_the_gate(lab, gate):
    needs_postern(gate)
    told = explain(gate, "tcp", f"{INSIDE}:4000", f"{SERVER}:21")
    expect(told["verdict"] == "handed to an editor", f"{told}")
    expect(told["passes"][0]["editor"] == "ftp", f"{told}")
    told = explain(gate, "icmp", INSIDE, lab.gate_in)
    expect(told["verdict"] == "consumed", f"{told}")
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", "-I", INSIDE, lab.gate_in)
    told = explain(gate, "gre", INSIDE, SERVER)
    expect(told["passes"][0]["leaves_as"] == {"source": GATE_OUT, "destination": SERVER},
           f"{told}")


def slips_of_the_pen(lab, gate):
    needs_postern(gate)
    for words, code, text in (
            (("tpc", f"{INSIDE}:1", f"{SERVER}:2"), 1, 'no protocol "tpc"'),
            (("tcp", INSIDE, f"{SERVER}:2"), 1, f'source: "{INSIDE}" has no port'),
            (("tcp", f"{INSIDE}:1", "nowhere:2"), 1, "destination: not an address and a port"),
            (("gre", f"{INSIDE}:1", SERVER), 1, "this protocol has no ports"),
            (("tcp", f"{INSIDE}:1", f"{SERVER}:2", "--from", "insde"), 1,
             'no interface "insde": did you mean "inside"?'),
            (("tcp", f"{INSIDE}:1"), 2, "explain PROTO SRC:PORT DST:PORT")):
        done = subprocess.run([gate.ctl, "-s", gate.socket, "explain", *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
        expect(done.returncode == code and text in done.stderr and done.stdout == "",
               f"{words}: {done}")


EXPLAIN = [("explain a connection before and after", a_connection_before_and_after),
           ("explain what a filter drops", what_filters_drop),
           ("explain what nobody asked for", what_nobody_asked_for),
           ("explain servers, and hairpin", servers_and_hairpin),
           ("explain editors, and the gate's own", editors_and_the_gate),
           ("explain slips of the pen", slips_of_the_pen)]
CASES = EXPLAIN
