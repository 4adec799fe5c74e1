"""What the operator asks, and what then happens."""
import errno
import os
import signal
import socket
import subprocess

import peers
import policy
from claims import expect, needs_postern
from lab import GATE_OUT, SECOND, SERVER, sh, wait_for

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


def read(*argv):
    """What a reader of captures says, without what it says of itself."""
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


class Capture:
    """posternctl capture, from the moment in which packets are copied."""

    def __init__(self, lab, gate, *words, name="capture.pcapng"):
        self.path = lab.path(name)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.proc = subprocess.Popen([gate.ctl, "-s", gate.socket, "capture", self.path, *words],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lab.processes.append(self.proc)  # to be stopped in any case
        self.lab = lab
        # the head of the file is written when all workers copy
        wait_for("the capture to begin", lambda: self.proc.poll() is not None or
                 (os.path.exists(self.path) and os.path.getsize(self.path) > 0))

    def end(self, number=signal.SIGINT):
        """What it says at the end."""
        if number is not None:
            self.proc.send_signal(number)
        out, err = self.proc.communicate(timeout=20)
        self.lab.stop(self.proc)
        expect(self.proc.returncode == 0, f"exit {self.proc.returncode}: {out}{err}")
        return out + err

    def frames(self, keep="frame"):
        """Of each frame: interface, direction, id, source, destination, comment."""
        fields = ["frame.interface_name", "frame.packet_flags_direction", "frame.packet_id",
                  "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "frame.comment"]
        rows = read("tshark", "-n", "-r", self.path, "-Y", keep, "-T", "fields", "-E",
                    "separator=|", *[word for field in fields for word in ("-e", field)])
        return [dict(zip(fields, row.split("|"))) for row in rows.splitlines()]


def both_sides_of_a_question(lab, gate):
    """As it came in and as it left, of one id, with names, and read by tcpdump too."""
    needs_postern(gate)
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((SERVER, 5353))
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", "-I", INSIDE, SERVER)  # all ARP is done
    capture = Capture(lab, gate, "udp", "port", "5353")
    client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
    client.bind((INSIDE, 0))
    inside = client.getsockname()[1]
    client.sendto(b"question", (SERVER, 5353))
    data, outside = server.recvfrom(100)
    server.sendto(b"answer", outside)
    expect(client.recv(100) == b"answer", "another answer")
    said = capture.end()
    rows = capture.frames("udp")
    expect(said == f"{len(rows)} frames, 0 lost\n" and len(rows) == 4, f"{said} {rows}")
    sides = [(r["frame.interface_name"], r["ip.src"], int(r["udp.srcport"]), r["ip.dst"],
              int(r["udp.dstport"]), r["frame.comment"]) for r in rows]
    expect(sides == [
        ("inside", INSIDE, inside, SERVER, 5353, "left by outside"),
        ("outside", *outside, SERVER, 5353, "came in by inside"),
        ("outside", SERVER, 5353, *outside, "left by inside"),
        ("inside", SERVER, 5353, INSIDE, inside, "came in by outside")], f"{sides}")
    expect([int(r["frame.packet_flags_direction"], 16) for r in rows] == [1, 2, 1, 2], f"{rows}")
    ids = [r["frame.packet_id"] for r in rows]
    expect(ids[0] == ids[1] != ids[2] == ids[3], f"{ids}")
    listing = read("tcpdump", "-n", "-r", capture.path, "udp")
    expect(len([line for line in listing.splitlines() if "5353" in line]) == 4, listing)
    server.close()
    client.close()
    return listing.splitlines()


def drops_with_their_reasons(lab, gate):
    needs_postern(gate)
    capture = Capture(lab, gate, "--interface", "outside", "--count", "3")
    sock = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    sock.bind((SERVER, 4000))
    for port in (2001, 2002, 2003):
        sock.sendto(b"anybody?", (GATE_OUT, port))
    sock.close()
    said = capture.end(None)
    rows = [r for r in capture.frames() if r["udp.dstport"] != ""]
    expect(said == "3 frames, 0 lost\n" and rows != [], f"{said}{rows}")
    expect({r["frame.comment"] for r in rows} == {"dropped: no_mapping"}, f"{rows}")
    return [f"{r['udp.dstport']}: {r['frame.comment']}" for r in rows]


def a_pipe_and_a_whole_download(lab, gate):
    """To standard output; a download meanwhile is whole, and so is what was captured of it."""
    needs_postern(gate)
    root = lab.path("www")
    os.makedirs(root, exist_ok=True)
    wanted = peers.make_file(os.path.join(root, "some"), 300000)
    server = peers.start_http(lab, root)
    with open(lab.path("piped.pcapng"), "wb") as out:
        proc = subprocess.Popen([gate.ctl, "-s", gate.socket, "capture", "-", "--snap", "100",
                                 "tcp"], bufsize=0, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        lab.processes.append(proc)
        head = proc.stdout.read(28)  # the section's first block, or part of it
        expect(head[:4] == b"\n\r\r\n", f"it begins with {head!r}")
        lab.run(lab.client, "curl", "-sS", f"http://{SERVER}/some", "-o", lab.path("got"))
        proc.send_signal(signal.SIGTERM)
        rest, said = proc.communicate(timeout=20)
        out.write(head + rest)
    lab.stop(proc)
    lab.stop(server)
    expect(peers.digest_of(lab.path("got")) == wanted, "the file differs")
    expect(proc.returncode == 0 and said.endswith(b", 0 lost\n"), f"{proc.returncode} {said!r}")
    # what carries data has arrived; of what ends the connection the last may be under way
    inside, outside = (len(read("tshark", "-n", "-r", out.name, "-Y",
                                f'tcp.len > 0 && frame.interface_name == "{name}"').splitlines())
                       for name in ("inside", "outside"))
    expect(inside == outside > 10, f"{inside} inside, {outside} outside")
    return [said.decode().strip()]


def captures_end_in_order(lab, gate):
    """One at a time; a client that dies leaves nothing; slips are told."""
    needs_postern(gate)
    capture = Capture(lab, gate, "--seconds", "60")
    second = subprocess.run([gate.ctl, "-s", gate.socket, "capture", lab.path("second")],
                            text=True, stderr=subprocess.PIPE, timeout=10)
    expect(second.returncode == 1 and "another capture is under way" in second.stderr,
           f"{second}")
    capture.proc.kill()
    capture.proc.wait()
    lab.processes.remove(capture.proc)
    wait_for("one that ends by itself", lambda: subprocess.run(
        [gate.ctl, "-s", gate.socket, "capture", lab.path("again"), "--seconds", "1"],
        stderr=subprocess.DEVNULL, timeout=10).returncode == 0)
    for words, code, text in ((("x", "tpc port 5"), 2, "syntax error"),
                              (("x", "--snap", "5"), 1, '"snap" is a number from 64'),
                              (("x", "--interface", "lan"), 1, 'no interface "lan"'),
                              (("/nowhere/x",), 1, "/nowhere/x: No such file"),
                              ((), 2, "capture FILE")):
        words = [lab.path(word) if word == "x" else word for word in words]
        done = subprocess.run([gate.ctl, "-s", gate.socket, "capture", *words], text=True,
                              stderr=subprocess.PIPE, timeout=10)
        expect(done.returncode == code and text in done.stderr, f"{words}: {done}")


CAPTURE = [("capture both sides of a question", both_sides_of_a_question),
           ("capture drops with their reasons", drops_with_their_reasons),
           ("capture into a pipe", a_pipe_and_a_whole_download),
           ("captures end in order", captures_end_in_order)]
CASES = EXPLAIN + CAPTURE
