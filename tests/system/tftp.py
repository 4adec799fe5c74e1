"""Files by TFTP: the server answers from a port that nobody announced."""
import os
import socket
import subprocess

import peers
from claims import expect, is_postern, needs_postern
from lab import GATE_OUT, SECOND, SERVER

STRICT = {"filtering": "address-and-port-dependent"}
FILE_BYTES = 100_000


def make_root(lab):
    """What the server has, and may write to as nobody."""
    root = lab.path("tftp")
    if not os.path.isdir(root):
        os.makedirs(root)
        os.chmod(lab.folder, 0o755)
        os.chmod(root, 0o777)
        peers.make_file(os.path.join(root, "file"), FILE_BYTES)
    return root


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)


# The clients: what to run for each way, and what to type into it.

def hpa_get(lab, out, back):
    return ["tftp", "-m", "binary", SERVER, "-c", "get", "file", out], ""


def hpa_put(lab, out, back):
    return ["tftp", "-m", "binary", SERVER, "-c", "put", lab.path("tftp/file"), back], ""


def hpa_both(lab, out, back):
    """One socket, two requests."""
    return ["tftp", "-m", "binary", SERVER], f"get file {out}\nput {out} {back}\nquit\n"


def curl_get(lab, out, back):
    return ["curl", "-sS", "-m", "20", "--interface", lab.clients[1], f"tftp://{SERVER}/file",
            "-o", out], ""


def curl_get_large_blocks(lab, out, back):
    return ["curl", "-sS", "-m", "20", "--interface", lab.clients[2], "--tftp-blksize", "1428",
            f"tftp://{SERVER}/file", "-o", out], ""


def curl_put(lab, out, back):
    return ["curl", "-sS", "-m", "20", "--interface", lab.clients[3], "-T",
            lab.path("tftp/file"), f"tftp://{SERVER}/{back}"], ""


# What each leaves: a file here, a file at the server.
WAYS = {hpa_get: "out", hpa_put: "back", hpa_both: "out back", curl_get: "out",
        curl_get_large_blocks: "out", curl_put: "back"}


def missing(lab, way, paths, seconds):
    """Run a client; what went wrong, or None."""
    argv, typed = way(lab, paths["out"], "back")
    try:
        done = subprocess.run(["ip", "netns", "exec", lab.client, "timeout", str(seconds), *argv],
                              text=True, input=typed, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        for kind in WAYS[way].split():
            if not os.path.exists(paths[kind]) or \
                    peers.digest_of(paths[kind]) != peers.digest_of(lab.path("tftp/file")):
                return f"{kind} is not the file; exit {done.returncode}: {done.stdout[-500:]}"
        return None
    finally:
        remove(*paths.values())


def transfer(lab, way, seconds=30):
    root = make_root(lab)
    paths = {"out": lab.path("tftp-out"), "back": os.path.join(root, "back")}
    remove(*paths.values())
    proc = peers.start_tftpd(lab, root)
    try:
        return missing(lab, way, paths, seconds)
    finally:
        lab.stop(proc)


def works(way):
    def case(lab, gate):
        said = transfer(lab, way)
        expect(said is None, said)

    return way.__name__.replace("_", " "), case


def all_ways(lab, gate):
    for _, case in ON:
        case(lab, gate)


def fails(way):
    """Without the editor: a transfer that works anyway would prove nothing above."""
    def case(lab, gate):
        before = gate.drops()["filtered"] if is_postern(gate) else None
        said = transfer(lab, way, 4)
        expect(said is not None, "it went through")
        if before is not None:
            expect(gate.drops()["filtered"] > before, "nothing was filtered")

    return f"{way.__name__.replace('_', ' ')} fails", case


def udp_in(name, address, port=0):
    sock = peers.socket_in(name, socket.SOCK_DGRAM)
    sock.bind((address, port))
    return sock


def arrives(sender, to, receiver):
    receiver.settimeout(0.5)
    sender.sendto(b"\0\3\0\1data", to)
    try:
        return receiver.recv(100) == b"\0\3\0\1data"
    except TimeoutError:
        return False


def only_the_server_may_answer(lab, gate):
    """Both ends are scripted: which of the outside's ports come through, and after what."""
    needs_postern(gate)
    server = udp_in(lab.server, SERVER, 69)
    others = [udp_in(lab.server, *end) for end in ((SERVER, 0), (SECOND, 0), (SECOND, 69))]
    notes = []
    for what, expected in ((b"\0\1file\0octet\0", [True, False, False]),
                           (b"\0\1file", [False] * 3), (b"hello", [False] * 3)):
        client = udp_in(lab.client, lab.clients[4])
        client.sendto(what, (SERVER, 69))
        data, peer = server.recvfrom(600)
        expect(data == what and peer[0] == GATE_OUT, f"the server got {data!r} from {peer}")
        came = [arrives(sock, peer, client) for sock in others]
        expect(came == expected, f"{what!r}: the server's other port, another host, its port 69: "
               f"{came}, not {expected}")
        expect(arrives(server, peer, client), f"{what!r}: the server's port 69 can't answer")
        client.close()
        notes.append(f"{what!r}: {came}")
    for sock in [server, *others]:
        sock.close()
    return notes


ON = [works(way) for way in WAYS]
OFF = [fails(hpa_get), fails(hpa_put), fails(curl_get)]
SCRIPTED = [("only the server may answer", only_the_server_may_answer)]
