"""The operator's packet filters, and ports that the config alone tells, with real sockets."""
import errno
import subprocess

import peers
from claims import expect, needs_postern
from lab import GATE_OUT, GROWS, SECOND, SERVER, sh, wait_for

INSIDE = f"{GROWS[0]}.{GROWS[1][0]}"
FILTERS = [
    {"name": "the server", "action": "allow", "direction": "in", "source": [SERVER]},
    {"name": "no others", "action": "deny", "direction": "in", "source": ["198.18.0.0/24"]},
    {"name": "no alternate web", "action": "deny", "direction": "out", "protocol": "tcp",
     "destination_ports": [8081, "8088-8090"]},
]
SETTINGS = {"packet_filters": FILTERS, "nat": {"filtering": "endpoint-independent"},
            "publish": [{"name": "echo", "protocol": "tcp", "external": f"{GATE_OUT}:8000",
                         "internal": f"{INSIDE}:8000"}]}
PLANNED = {"nat": {"port_block": 128, "deterministic": True},
           "internal_networks": [f"{GROWS[0]}.0/24"]}


def log_of(gate):
    with open(gate.log) as f:
        return f.read()


def packets(gate, name):
    return next(row["packets"] for row in gate.show("show", "packet_filters")
                if row["name"] == name)


def connects(lab, where, source, to):
    """What connect() says: 0, or an errno; a filter outside is silent."""
    try:
        peers.connect_in(where, (source, 0), to, timeout=1.5).close()
    except TimeoutError:
        return errno.ETIMEDOUT
    except OSError as e:
        return e.errno
    return 0


def keeps_hosts_out(lab, gate):
    needs_postern(gate)
    listener = peers.listen_in(lab.client, INSIDE, 8000)
    before = packets(gate, "no others"), gate.drops()["packet_filter"]
    with listener:
        expect(connects(lab, lab.server, SERVER, (GATE_OUT, 8000)) == 0, "the allowed host fails")
        said = connects(lab, lab.server, SECOND, (GATE_OUT, 8000))
    expect(said == errno.ETIMEDOUT, f"the denied host: {errno.errorcode.get(said, said)}")
    after = packets(gate, "no others"), gate.drops()["packet_filter"]
    expect(after[0] > before[0] and after[0] - before[0] == after[1] - before[1],
           f"counted {before}, then {after}")
    wait_for("the log to name the filter",
             lambda: f'packet filter "no others" refuses tcp {SECOND}:' in log_of(gate))
    return gate.table("show", "packet_filters").splitlines()


def keeps_clients_in(lab, gate):
    needs_postern(gate)
    for port, allowed in ((8080, True), (8081, False), (8088, False), (8091, True)):
        with peers.listen_in(lab.server, SERVER, port):
            said = connects(lab, lab.client, INSIDE, (SERVER, port))
        expect((said == 0) == allowed and said in (0, errno.EHOSTUNREACH),
               f"port {port}: {errno.errorcode.get(said, said)}")


def mapped_as_planned(lab, gate):
    """What the server sees of each client is the client's by `postern --whose`."""
    needs_postern(gate)
    told = []
    with peers.listen_in(lab.server, SERVER, 7000) as listener:
        for client in lab.clients:
            for _ in range(3):
                sock = peers.connect_in(lab.client, (client, 0), (SERVER, 7000))
                far, (address, port) = listener.accept()
                far.close()
                sock.close()
                said = sh(gate.program, "-c", gate.file, "--whose", f"{address}:{port}").strip()
                expect(said.startswith(f"{client} has {address}:"), f"{address}:{port}: {said}")
            expect(sh(gate.program, "-c", gate.file, "--whose", client).strip() == said,
                   f"{client} has something else")
            told.append(said)
    expect("record" not in log_of(gate), "the log has records of ports")
    wrong = subprocess.run([gate.program, "-c", gate.file, "--whose", "192.0.2.1:5"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(wrong.returncode == 1 and wrong.stderr.strip() ==
           "postern: 192.0.2.1:5 is nobody's by the plan", wrong.stderr)
    return told


CASES = [("a packet filter keeps hosts out", keeps_hosts_out),
         ("a packet filter keeps clients in", keeps_clients_in)]
PLAN = [("ports are the plan's", mapped_as_planned)]
