"""What kind of NAT two STUN clients find: coturn's (RFC 5780) and the old one (RFC 3489).

The server is coturn's on two addresses and two ports of each. What the clients print is
compared; their exit codes say nothing.
"""
import re
import subprocess

import peers
from claims import expect
from lab import SECOND, SERVER, wait_for

PORT = 3478
# What the config says: what coturn's client says of it, and the old client.
FILTERING = {
    "endpoint-independent": ("Endpoint Independent", "Independent Filter"),
    "address-dependent": ("Address Dependent", "Address Dependent Filter"),
    "address-and-port-dependent": ("Address and Port Dependent", "Port Dependent Filter"),
}
MAPPING = {
    "endpoint-independent": "Endpoint Independent",
    "address-dependent": "Address Dependent",
    "address-and-port-dependent": "Address and Port Dependent",
}


def start_server(lab):
    proc = lab.start(lab.server, "turnserver", "-n", "-S", "-L", SERVER, "-L", SECOND,
                     "--no-tls", "--no-dtls", "--no-cli", "--realm", "lab",
                     "--userdb", lab.path("turndb"), "--pidfile", lab.path("turnserver.pid"),
                     "--log-file", lab.path("turnserver.log"), "--simple-log")
    for port in (PORT, PORT + 1):
        wait_for("the STUN server", peers.listens(lab, port, "-lnu"))
    return proc


def start_client(lab, *argv):
    return lab.start(lab.client, *argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def said(lab, client):
    text, _ = client.communicate(timeout=40)
    lab.stop(client)
    return text


def verdicts(text):
    """coturn's client: {"Mapping": ..., "Filtering": ...}."""
    found = re.findall(r"^NAT with (.*) (Mapping|Filtering)!$", text, re.M)
    return {what: kind for kind, what in found}


def primary(text):
    """The old client's line."""
    found = re.search(r"^Primary: (.*?)\s*$", text, re.M)
    return found[1] if found else f"nothing: {text!r}"


def asked(lab, argvs):
    """What each client printed; they run at once."""
    server = start_server(lab)
    try:
        clients = [start_client(lab, *argv) for argv in argvs]
        return [said(lab, client) for client in clients]
    finally:
        lab.stop(server)


def discover(lab, client, *what):
    return ["turnutils_natdiscovery", "-p", str(PORT), "-L", lab.clients[client], *what, SERVER]


def stun(lab, client):
    return ["stun", SERVER, "-i", lab.clients[client]]


def finds(filtering, hairpin=True):
    """The old client's line is whole: how ports are chosen, and if hosts inside reach each
    other by what is outside. coturn's looks for that from an address that only a filter
    which takes all lets in."""
    new, old = FILTERING[filtering]
    turns = hairpin and filtering == "endpoint-independent"

    def case(lab, gate):
        argvs = [discover(lab, 0, "-m", "-f"), stun(lab, 1)]
        both, text, *turned = asked(lab, argvs + [discover(lab, 2, "-H")] * turns)
        found, line = verdicts(both), primary(text)
        expect(found == {"Mapping": "Endpoint Independent", "Filtering": new}, f"{found}")
        wanted = f"Independent Mapping, {old}, random port, " \
                 f"{'will' if hairpin else 'no'} hairpin"
        expect(line == wanted, f"{line!r}, not {wanted!r}")
        for text in turned:
            expect("a successful hairpinning" in text, text)
        return [line, f"{found}"]

    return case


def finds_mapping(mapping):
    """The clients do tell mappings apart."""
    def case(lab, gate):
        new, old = asked(lab, [discover(lab, 0, "-m"), stun(lab, 1)])
        expect(verdicts(new) == {"Mapping": MAPPING[mapping]}, f"{verdicts(new)}")
        expect(primary(old).startswith("Dependent Mapping, "), primary(old))
        return [primary(old), f"{verdicts(new)}"]

    return case


def groups(make, postern):
    """A group for each way the config can filter, with one worker and with two."""
    made = []
    for workers in (1, 2):
        for kind in FILTERING:
            name = f"paths, {kind} filtering, {workers} worker{'s' * (workers > 1)}"
            made.append(make(name, postern(workers=workers, nat={"filtering": kind}),
                             [("STUN clients find it", finds(kind))]))
    off = {"filtering": "endpoint-independent", "hairpin": False}
    made.append(make("paths, no hairpin", postern(nat=off),
                     [("STUN clients find it", finds("endpoint-independent", False))]))
    for kind in list(MAPPING)[1:]:
        made.append(make(f"paths, {kind} mapping", postern(nat={"mapping": kind}),
                         [("STUN clients find it", finds_mapping(kind))]))
    return made
