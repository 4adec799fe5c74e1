"""Servers inside, reached from outside by a published port."""
import os
import subprocess

import downloads
import peers
import tftp
from claims import expect, needs_postern
from lab import GATE_OUT, GROWS, SECOND, SERVER

INSIDE = f"{GROWS[0]}.{GROWS[1][0]}"
ENTRIES = [
    {"name": "www", "protocol": "tcp", "external": f"{GATE_OUT}:80", "internal": f"{INSIDE}:8080"},
    {"name": "ftp", "protocol": "tcp", "external": f"{GATE_OUT}:21", "internal": f"{INSIDE}:21"},
    {"name": "ftp too", "protocol": "tcp", "external": f"{GATE_OUT}:40021",
     "internal": f"{INSIDE}:21"},
    {"name": "tftp", "protocol": "udp", "external": f"{GATE_OUT}:69", "internal": f"{INSIDE}:69"},
]
# What the servers open themselves is allowed as a part of these protocols alone.
RULES = [{"name": "files", "action": "allow", "protocols": ["ftp", "tftp"]}]
SETTINGS = {"publish": ENTRIES, "rules": RULES, "editors": {"tftp": {}}}
STARTS = {"vsftpd": peers.start_vsftpd, "pyftpdlib": peers.start_pyftpd}
WAYS = [(program, mode) for program in (peers.lftp, peers.curl)
        for mode in ("port", "pasv", "epsv")] + [(peers.curl, "eprt")]


def fetch(lab, argv, typed, out, original):
    """Run a client outside; what went wrong, or None."""
    try:
        done = subprocess.run(["ip", "netns", "exec", lab.server, *argv], text=True, timeout=40,
                              input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(out) or peers.digest_of(out) != peers.digest_of(original):
            return f"the file did not come; exit {done.returncode}: {done.stdout[-500:]}"
        return None
    finally:
        if os.path.exists(out):
            os.unlink(out)


def ftp(name, program, mode, port):
    """A client outside downloads from a server inside; nobody but the FTP editor permits it."""
    def case(lab, gate):
        needs_postern(gate)
        server = STARTS[name](lab, downloads.make_root(lab), lab.client)
        out = lab.path("published-out")
        try:
            argv, typed = program(SERVER, mode, out, GATE_OUT, port)
            said = fetch(lab, argv, typed, out, lab.path("root/file"))
            expect(said is None, said)
        finally:
            lab.stop(server)
        before = [row for row in gate.listeners() if "published" not in row["flags"]]
        return [f"the server heard {peers.heard(lab)}; still bound: "
                f"{[row['external'] for row in before]}"]

    return f"{name} inside, {program.__name__} {mode.upper()} to port {port}", case


def http(lab, gate):
    needs_postern(gate)
    root = downloads.make_root(lab)
    server = peers.start_http(lab, root, lab.client, 8080)
    out = lab.path("published-out")
    try:
        for source in (SERVER, SECOND):
            said = fetch(lab, ["curl", "-sS", "-m", "20", "--interface", source,
                               f"http://{GATE_OUT}/file", "-o", out], "", out,
                         lab.path("root/file"))
            expect(said is None, f"{source}: {said}")
    finally:
        lab.stop(server)
    rows = [row for row in gate.listeners() if row["external"] == f"{GATE_OUT}:80"]
    expect(len(rows) == 1 and rows[0]["client"] == f"{INSIDE}:8080", f"listeners {rows}")
    expect("published" in rows[0]["flags"] and rows[0]["path"] == "fast", f"listeners {rows}")


def tftp_get(lab, gate):
    needs_postern(gate)
    root = tftp.make_root(lab)
    server = peers.start_tftpd(lab, root, lab.client, INSIDE)
    out = lab.path("published-out")
    try:
        for argv in (["tftp", "-m", "binary", GATE_OUT, "-c", "get", "file", out],
                     ["curl", "-sS", "-m", "20", f"tftp://{GATE_OUT}/file", "-o", out]):
            said = fetch(lab, argv, "", out, os.path.join(root, "file"))
            expect(said is None, f"{argv[0]}: {said}")
    finally:
        lab.stop(server)


def tftp_put(lab, gate):
    needs_postern(gate)
    root = tftp.make_root(lab)
    server = peers.start_tftpd(lab, root, lab.client, INSIDE)
    back = os.path.join(root, "back")
    try:
        said = fetch(lab, ["tftp", "-m", "binary", GATE_OUT, "-c", "put",
                           os.path.join(root, "file"), "back"], "", back,
                     os.path.join(root, "file"))
        expect(said is None, said)
    finally:
        lab.stop(server)


def tftp_both(lab, gate):
    """Two requests of one socket: each is answered from another port of the server's."""
    needs_postern(gate)
    root = tftp.make_root(lab)
    server = peers.start_tftpd(lab, root, lab.client, INSIDE)
    back, out = os.path.join(root, "back"), lab.path("published-first")
    try:
        said = fetch(lab, ["tftp", "-m", "binary", GATE_OUT],
                     f"get file {out}\nput {out} back\nquit\n", back, os.path.join(root, "file"))
        expect(said is None, said)
    finally:
        lab.stop(server)
        tftp.remove(out)


def tftp_fails(lab, gate):
    """Without the editor nobody permits the answers."""
    root = tftp.make_root(lab)
    server = peers.start_tftpd(lab, root, lab.client, INSIDE)
    out, before = lab.path("published-out"), gate.drops()["rule"]
    try:
        said = fetch(lab, ["timeout", "4", "tftp", "-m", "binary", GATE_OUT, "-c", "get", "file",
                           out], "", out, os.path.join(root, "file"))
        expect(said is not None, "it went through")
    finally:
        lab.stop(server)
    expect(gate.drops()["rule"] > before, "no answer was dropped by the rules")


CASES = [("HTTP from two hosts", http),
         *[ftp(name, program, mode, 21) for name in STARTS for program, mode in WAYS],
         *[ftp("vsftpd", peers.curl, mode, 40021) for mode in ("port", "pasv")],
         ("TFTP get", tftp_get), ("TFTP put", tftp_put), ("TFTP both", tftp_both)]
NO_EDITOR = [("TFTP fails", tftp_fails)]
