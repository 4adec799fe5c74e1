"""Files by FTP and HTTP: real clients, real servers, compared with what the server has."""
import os
import subprocess
import time

import peers
from claims import expect, is_postern
from lab import GATE_OUT, SERVER

SERVERS = {"vsftpd": peers.start_vsftpd, "pyftpdlib": peers.start_pyftpd}
WAYS = [(peers.lftp, "port"), (peers.lftp, "pasv"), (peers.lftp, "epsv"),
        (peers.curl, "port"), (peers.curl, "eprt"), (peers.curl, "pasv"), (peers.curl, "epsv"),
        (peers.tnftp, "port"), (peers.tnftp, "eprt"), (peers.tnftp, "pasv"), (peers.tnftp, "epsv")]
FILE_BYTES = 300_000


def make_root(lab):
    root = lab.path("root")
    if not os.path.isdir(root):
        os.makedirs(root)
        os.chmod(root, 0o755)
        peers.make_file(os.path.join(root, "file"), FILE_BYTES)
    return root


def download(lab, program, mode, source):
    """One FTP download; returns what went wrong, or None."""
    out = lab.path(f"out-{program.__name__}-{mode}")
    argv, typed = program(source, mode, out)
    try:
        done = subprocess.run(["ip", "netns", "exec", lab.client, *argv], text=True, timeout=40,
                              input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(out):
            return f"no file; exit {done.returncode}: {done.stdout[-500:]}"
        if peers.digest_of(out) != peers.digest_of(lab.path("root/file")):
            return f"the file differs; exit {done.returncode}: {done.stdout[-500:]}"
        return None
    finally:
        if os.path.exists(out):
            os.unlink(out)


def expect_heard(lab, mode):
    """The server heard that command and no other, and in it the gate's address."""
    heard = peers.heard(lab)
    expect([line.split()[0].lower() for line in heard] == [mode], f"the server heard {heard}")
    says = {"port": GATE_OUT.replace(".", ","), "eprt": f"|{GATE_OUT}|"}.get(mode, "")
    expect(says in heard[0], f"the server heard {heard}")
    return heard[0]


def ftp_download(server, program, mode, number):
    """A case: one way to get a file, from one of the clients."""
    def case(lab, gate):
        proc = SERVERS[server](lab, make_root(lab))
        try:
            said = download(lab, program, mode, lab.clients[number % len(lab.clients)])
            expect(said is None, said)
        finally:
            lab.stop(proc)
        return [f"the server heard {expect_heard(lab, mode)}"]

    return f"{server}, {program.__name__} {mode.upper()}", case


ALL_WAYS = [ftp_download(server, program, mode, number)
            for server in SERVERS for number, (program, mode) in enumerate(WAYS)]


def from_eight_clients(lab, gate):
    """All workers work, and with more than one some packets change hands."""
    proc = peers.start_vsftpd(lab, make_root(lab))
    try:
        for source in lab.clients:
            said = download(lab, peers.curl, "port", source)
            expect(said is None, f"{source}: {said}")
    finally:
        lab.stop(proc)
    if not is_postern(gate):
        return []
    workers = gate.show("status")["workers"]
    for w in workers:
        expect(w["connections_total"] > 0, f"worker {w['worker']} made no connection")
    if len(workers) > 1:
        expect(sum(w["handed_over"] for w in workers) > 0, "nothing was handed over")
    return [f"worker {w['worker']}: {w['connections_total']} connections, {w['sent']} sent, "
            f"{w['handed_over']} handed over" for w in workers]


def active_fails_passive_works(lab, gate):
    """Without the editor: a download that works anyway would prove nothing above."""
    for server, start in SERVERS.items():
        proc = start(lab, make_root(lab))
        try:
            for program, mode in WAYS:
                said = download(lab, program, mode, lab.clients[0])
                active = mode in ("port", "eprt")
                expect((said is not None) == active,
                       f"{server}, {program.__name__} {mode}: {said or 'it went through'}")
        finally:
            lab.stop(proc)


def http_200_mb(lab, gate):
    root = lab.path("www")
    os.makedirs(root, exist_ok=True)
    digest = peers.make_file(os.path.join(root, "big"), 200 << 20)
    proc = peers.start_http(lab, root)
    out = lab.path("big.out")
    try:
        start = time.monotonic()
        lab.run(lab.client, "curl", "-sS", "-m", "120", f"http://{SERVER}/big", "-o", out)
        seconds = time.monotonic() - start
        expect(peers.digest_of(out) == digest, "the file differs")
    finally:
        lab.stop(proc)
        for path in (os.path.join(root, "big"), out):
            if os.path.exists(path):
                os.unlink(path)
    return [f"200 MB in {seconds:.1f} s, {200 * 8 / seconds:.0f} Mbit/s"]
