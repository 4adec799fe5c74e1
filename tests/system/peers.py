"""Servers and clients of the system tests."""
import ctypes
import hashlib
import os
import re
import socket

from lab import SERVER, wait_for


def make_file(path, size):
    """A file of random bytes; returns its digest."""
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        while size > 0:
            block = os.urandom(min(size, 1 << 20))
            digest.update(block)
            f.write(block)
            size -= len(block)
    os.chmod(path, 0o644)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def listens(lab, port, kind="-lnt", where=None):
    return lambda: f":{port} " in lab.run(where or lab.server, "ss", kind)


VSFTPD = """listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={root}
seccomp_sandbox=NO
isolate_network=NO
secure_chroot_dir={empty}
connect_from_port_20=YES
listen_port=21
xferlog_enable=YES
xferlog_std_format=NO
log_ftp_protocol=YES
vsftpd_log_file={log}
pasv_min_port=40000
pasv_max_port=40999
"""


def fresh_log(lab):
    """What the FTP server heard goes there."""
    path = lab.path("server.log")
    with open(path, "w"):
        pass
    return path


def heard(lab):
    """The commands for a data connection that the server's log tells of."""
    with open(lab.path("server.log")) as f:
        return re.findall(r'(?:FTP command: Client "[^"]*", "|<- )'
                          r'((?:PORT|EPRT) [\d,.|]+|PASV|EPSV)', f.read())


def start_vsftpd(lab, root, where=None):
    conf, empty = lab.path("vsftpd.conf"), lab.path("empty")
    os.makedirs(empty, exist_ok=True)
    os.chmod(lab.folder, 0o755)
    os.chmod(root, 0o555)
    with open(conf, "w") as f:
        f.write(VSFTPD.format(root=root, empty=empty, log=fresh_log(lab)))
    os.chmod(conf, 0o600)
    proc = lab.start(where or lab.server, "vsftpd", conf)
    wait_for("vsftpd", listens(lab, 21, where=where))
    return proc


def start_pyftpd(lab, root, where=None):
    with open(fresh_log(lab), "w") as log:
        proc = lab.start(where or lab.server, "/usr/bin/python3", "-m", "pyftpdlib", "-D", "-i",
                         "0.0.0.0", "-p", "21", "-d", root, "-r", "41000-41999", stderr=log)
    wait_for("pyftpdlib", listens(lab, 21, where=where))
    return proc


def start_tftpd(lab, root, where=None, address=SERVER):
    proc = lab.start(where or lab.server, "in.tftpd", "--foreground", "--address",
                     f"{address}:69", "--create", "--permissive", "--secure", root)
    wait_for("in.tftpd", listens(lab, 69, "-lnu", where))
    return proc


def start_http(lab, root, where=None, port=80):
    proc = lab.start(where or lab.server, "/usr/bin/python3", "-m", "http.server", str(port),
                     "-d", root)
    wait_for("the HTTP server", listens(lab, port, where=where))
    return proc


# The clients: what to run, and what to type into it.

def lftp(source, mode, out, to=SERVER, port=21):
    passive = "off" if mode == "port" else "on"
    epsv = "yes" if mode == "epsv" else "no"
    return ["lftp", "-c",
            f"set net:socket-bind-ipv4 {source}; set net:timeout 5; set net:max-retries 1; "
            f"set ftp:passive-mode {passive}; set ftp:prefer-epsv {epsv}; "
            f"set ftp:fix-pasv-address no; open -p {port} {to}; get file -o {out}"], ""


def curl(source, mode, out, to=SERVER, port=21):
    options = {"port": ["-P", "-", "--disable-eprt"], "eprt": ["-P", "-"],
               "pasv": ["--disable-epsv"], "epsv": []}[mode]
    return ["curl", "-sS", "-m", "20", "--interface", source, *options,
            f"ftp://{to}:{port}/file", "-o", out], ""


def tnftp(source, mode, out):
    """It takes the extended commands until told not to."""
    old = "epsv4\n" if mode in ("port", "pasv") else ""
    return (["tnftp", "-n", "-A" if mode in ("port", "eprt") else "-p", "-s", source, SERVER],
            f"{old}user anonymous guest\nbinary\nget file {out}\nquit\n")


# Sockets of this process in a namespace: a socket stays where it was made.

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def socket_in(name, kind=socket.SOCK_STREAM, family=socket.AF_INET, protocol=0):
    """A socket of namespace `name`, with a time-out of five seconds."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        setns(there)
        try:
            sock = socket.socket(family, kind, protocol)
        finally:
            setns(home)
    finally:
        os.close(home)
        os.close(there)
    sock.settimeout(5)
    return sock


def listen_in(name, address, port, backlog=256):
    sock = socket_in(name)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(backlog)
    return sock


def connect_in(name, source, to, timeout=5):
    """source: (address, port), the port may be 0."""
    sock = socket_in(name)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(timeout)
    sock.bind(source)
    try:
        sock.connect(to)
    except OSError:
        sock.close()
        raise
    return sock


def read_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        got = sock.recv(1)
        if not got:
            raise RuntimeError(f"the connection ended in {line!r}")
        line += got
    return line


def read_all(sock):
    data = b""
    while True:
        got = sock.recv(1 << 16)
        if not got:
            return data
        data += got


class ControlPair:
    """A scripted FTP control connection through the gate: both ends are ours."""

    def __init__(self, lab, client, tcp_nodelay=True):
        self.lab, self.address = lab, client
        self.listener = listen_in(lab.server, SERVER, 21, 1)
        self.client = connect_in(lab.client, (client, 0), (SERVER, 21))
        self.server, self.peer = self.listener.accept()
        self.server.settimeout(5)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(tcp_nodelay))
        self.reply("220 ready")
        self.command(b"USER anonymous\r\n")
        self.reply("230 welcome")

    def reply(self, text):
        self.server.sendall(text.encode() + b"\r\n")
        return read_line(self.client)

    def command(self, line):
        self.client.sendall(line)
        return read_line(self.server)

    def open_data(self):
        """The client's listening socket, and the PORT command for it."""
        sock = listen_in(self.lab.client, self.address, 0, 5)
        port = sock.getsockname()[1]
        host = self.address.replace(".", ",")
        return sock, f"PORT {host},{port >> 8},{port & 255}\r\n".encode()

    def close(self):
        for sock in (self.client, self.server, self.listener):
            sock.close()


def endpoint_of(line):
    """(address, port) of a PORT line."""
    numbers = line.decode().split()[1].split(",")
    return ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
