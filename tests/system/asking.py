"""posternctl asks and ends what an appliance really has: tables, filters, orders, kills."""
import ipaddress
import json
import random
import socket
import subprocess

import livescreen
import peers
from claims import expect, needs_postern
from lab import SERVER, wait_for

TCP_PORTS = (7001, 7002)
UDP_PORT = 7003
TABLES = ("clients", "connections", "binds", "listeners", "filters", "permissions", "pools", "blocks")
DOCUMENTS = ("interfaces", "drops", "neighbours", "editors", "protocols", "rules",
             "packet_filters", "config")


def ctl(gate, *words):
    return subprocess.run([gate.ctl, "-s", gate.socket, *words], text=True, timeout=30,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def refused(gate, *words):
    """What it says when it exits 1."""
    done = ctl(gate, *words)
    expect(done.returncode == 1 and done.stdout == "",
           f"{words}: exit {done.returncode}, {done.stdout!r} {done.stderr!r}")
    expect(done.stderr.startswith("posternctl: "), done.stderr)
    return done.stderr[len("posternctl: "):].strip()


def rows_of_table(text):
    """A table's rows; all columns end where the titles do, or begin there."""
    lines = text.splitlines()
    expect(len(lines) > 1, f"no table: {text!r}")
    return lines[0], lines[1:]


class Talk:
    """Connections of several clients to the server, all of them open."""

    def __init__(self, lab, clients=3, each=4):
        self.socks = []
        self.pairs = []
        listeners = [peers.listen_in(lab.server, SERVER, port) for port in TCP_PORTS]
        echo = peers.socket_in(lab.server, socket.SOCK_DGRAM)
        echo.bind((SERVER, UDP_PORT))
        self.socks += [*listeners, echo]
        for client in lab.clients[:clients]:
            for k in range(each):
                listener = listeners[k % 2]
                near = peers.connect_in(lab.client, (client, 0), listener.getsockname())
                far, _ = listener.accept()
                far.settimeout(5)
                near.sendall(b"x" * (100 * (k + 1)))
                expect(len(far.recv(10000)) > 0, "nothing came")
                self.pairs.append((near, far))
            datagram = peers.socket_in(lab.client, socket.SOCK_DGRAM)
            datagram.bind((client, 0))
            datagram.sendto(b"hello", (SERVER, UDP_PORT))
            echo.recv(100)
            self.socks.append(datagram)

    def close(self):
        for sock in [*self.socks, *[s for pair in self.pairs for s in pair]]:
            sock.close()


def address(endpoint):
    return ipaddress.ip_address(endpoint.split(":")[0])


def port(endpoint):
    return int(endpoint.split(":")[1])


def conditions(rows):
    """A random filter as words, and the same in Python."""
    row = random.choice(rows)
    net = ipaddress.ip_network(f"{address(row['inside'])}/30", strict=False)
    one = random.choice([port(row["inside"]), port(row["outside"]), port(row["remote"])])
    first = port(row["outside"])
    return [
        (["client", str(address(row["inside"]))],
         lambda r: address(r["inside"]) == address(row["inside"])),
        (["--client", f"{net}"], lambda r: address(r["inside"]) in net),
        (["src", row["inside"]], lambda r: r["inside"] == row["inside"]),
        ([row["protocol"]], lambda r: r["protocol"] == row["protocol"]),
        (["state", row["state"]], lambda r: r["state"] == row["state"]),
        (["port", str(one)],
         lambda r: one in (port(r["inside"]), port(r["outside"]), port(r["remote"]))),
        (["dport", str(port(row["remote"]))], lambda r: port(r["remote"]) == port(row["remote"])),
        (["remote", str(address(row["remote"]))],
         lambda r: address(r["remote"]) == address(row["remote"])),
        (["outside", f"{address(row['outside'])}:{first}-{min(first + 5000, 65535)}"],
         lambda r: first <= port(r["outside"]) <= first + 5000),
        (["path", row["path"]], lambda r: r["path"] == row["path"]),
        (["worker", str(row["worker"])], lambda r: r["worker"] == row["worker"]),
    ]


def filters_find_what_they_say(lab, gate):
    """200 random filters of one to three conditions, each against all rows."""
    needs_postern(gate)
    talk = Talk(lab)
    random.seed(6)
    wait_for("all to be established", lambda: len(gate.show(
        "show", "connections", "tcp", "state", "established", "dport", "7001-7002")) == 12)
    everything = gate.show("show", "connections")
    matched = 0
    for _ in range(200):
        chosen = random.sample(conditions(everything), random.randint(1, 3))
        names = [condition[0][0].lstrip("-") for condition in chosen]
        if len({"client" if n == "src" else "remote" if n == "dport" else n for n in names}) < len(names):
            continue  # two of one kind are refused
        words = [word for condition in chosen for word in condition[0]]
        found = {row["id"] for row in gate.show("show", "connections", *words)}
        wanted = {row["id"] for row in everything if all(c[1](row) for c in chosen)}
        expect(found == wanted, f"{words}: {found ^ wanted}")
        matched += len(wanted)
    expect(matched > 200, f"only {matched} rows matched")
    title, rows = rows_of_table(gate.table("show", "connections", "dport", "7001-7002"))
    expect(title.split()[:3] == ["PROTOCOL", "INSIDE", "OUTSIDE"], title)
    expect(len(rows) == 12 and all(SERVER in row for row in rows), "\n".join(rows))
    talk.close()
    return [title, rows[0]]


def orders_sort(lab, gate):
    needs_postern(gate)
    talk = Talk(lab)
    for key, name, reverse in (("bytes", "bytes", True), ("packets", "packets", True),
                               ("expires", "expires_s", False)):
        rows = [row[name] for row in gate.show("show", "connections", "sort", key)]
        expect(len(rows) >= 15 and rows == sorted(rows, reverse=reverse), f"{key}: {rows}")
        first = [row[name] for row in gate.show("show", "connections", "sort", key, "limit", "3")]
        expect(first == rows[:3], f"{key}: {first} are not the first of {rows}")
    rows = [row["inside"] for row in gate.show("show", "connections", "sort", "client", "-r")]
    by_address = [(address(inside), port(inside)) for inside in rows]
    expect(by_address == sorted(by_address, reverse=True), f"{rows}")
    rows = [row["connections"] for row in gate.show("show", "clients", "sort", "connections")]
    expect(rows == sorted(rows, reverse=True) and sum(rows) >= 15, f"{rows}")
    expect(refused(gate, "show", "pools", "sort", "bytes") == "pools have no bytes to sort by", "")
    talk.close()


def everything_is_shown(lab, gate):
    """Each table and document, with rows where there are any, and the same number in JSON."""
    needs_postern(gate)
    talk = Talk(lab)
    pair = peers.ControlPair(lab, lab.clients[0])
    data, command = pair.open_data()
    pair.command(command)
    notes = []
    for what in TABLES + DOCUMENTS:
        document = gate.show("show", what)
        text = gate.table("show", what)
        if what == "config":
            expect(json.loads(text) == document and "nat" in document, text)
        elif what == "drops":
            expect(len(document) > 20, f"{document}")
        elif len(document) == 0:
            expect(text.startswith("no "), f"{what}: {text!r}")
        else:
            expect(len(rows_of_table(text)[1]) == len(document), f"{what}: {text}")
        notes.append(f"{what}: {len(document)}")
    for what in ("clients", "connections", "binds", "listeners", "filters", "pools"):
        expect(len(gate.show("show", what)) > 0, f"there are no {what}")
    expect("FLAGS" in gate.table("show", "listeners"), "")
    status = gate.show("status")
    expect(sum(w["connections"] for w in status["workers"]) >= 16, f"{status['workers']}")
    expect(gate.table("status").startswith("postern "), "no status")
    for sock in (data, pair, talk):
        sock.close()
    return notes


def find(gate, *words):
    rows = gate.show("show", "connections", *words)
    expect(len(rows) == 1, f"{words}: {rows}")
    return rows[0]


def a_killed_connection_is_over(lab, gate):
    """The packets of a TCP connection that is killed go nowhere; another one does not notice."""
    needs_postern(gate)
    talk = Talk(lab, clients=1, each=2)
    (dead, dead_far), (other, other_far) = talk.pairs
    inside = "%s:%d" % dead.getsockname()
    row = find(gate, "client", inside)
    before = gate.drops()["tcp_no_syn"]
    expect(gate.table("kill", "connection", row["id"]) == "ended 1 connection\n", "not so said")
    expect(gate.show("show", "connections", "client", inside) == [], "it is still there")
    expect(refused(gate, "kill", "connection", row["id"]) ==
           f"no connection {row['id']}: it has ended", "")
    dead.sendall(b"anybody there?")
    wait_for("its packets to be dropped", lambda: gate.drops()["tcp_no_syn"] > before)
    other.sendall(b"still here")
    expect(other_far.recv(100) == b"still here", "the other one has suffered")
    talk.close()
    return [f"{row['protocol']} {row['inside']} to {row['remote']}: {row['id']}"]


def an_editor_hears_of_a_kill(lab, gate):
    """A control connection that is killed ends its session, and what it had opened."""
    needs_postern(gate)
    pair = peers.ControlPair(lab, lab.clients[2])
    data, command = pair.open_data()
    pair.command(command)
    row = find(gate, "client", lab.clients[2], "dport", "21", "state", "established")
    expect(row["path"] == "editor" and row["editor"] == "ftp", f"{row}")
    watched = gate.show("status")["editors"][0]["connections"]
    gate.show("kill", "connection", row["id"])
    wait_for("the editor to hear", lambda:
             gate.show("status")["editors"][0]["connections"] == watched - 1)
    data.close()
    pair.close()


def a_killed_client_has_nothing_open(lab, gate):
    needs_postern(gate)
    talk = Talk(lab)
    client, other = lab.clients[0], lab.clients[1]
    pair = peers.ControlPair(lab, client)
    data, command = pair.open_data()
    pair.command(command)
    opened = [row for row in gate.listeners() if (row["client"] or "").startswith(f"{client}:")]
    expect(len(opened) > 0, f"{gate.listeners()}")
    count = len(gate.show("show", "connections", "client", client))
    others = len(gate.show("show", "connections", "client", other))
    ended = gate.show("kill", "client", client)
    # its editor, which hears of the control connection's end, may be the first to end the others
    expect(ended["connections"] == count and 0 <= ended["listeners"] <= len(opened),
           f"{ended}, there were {count} and {opened}")
    expect(gate.show("show", "connections", "client", client) == [], "connections are left")
    wait_for("its endpoints to end", lambda: not [
        row for row in gate.listeners() if (row["client"] or "").startswith(f"{client}:")])
    expect(len(gate.show("show", "connections", "client", other)) == others, "others' ended too")
    wait_for("the client to be forgotten", lambda: client not in [
        row["client"] for row in gate.show("show", "clients")])
    expect(refused(gate, "kill", "client", client) == f"client {client} has nothing open", "")
    expect(refused(gate, "kill", "client", "here") == 'not the address of a client: "here"', "")
    again = peers.connect_in(lab.client, (client, 0), (SERVER, TCP_PORTS[0]))
    expect(len(gate.show("show", "connections", "client", client)) == 1, "it may not begin anew")
    for sock in (again, data, pair, talk):
        sock.close()
    return [f"{client}: {ended}"]


def connections_like_that_are_killed(lab, gate):
    needs_postern(gate)
    talk = Talk(lab)
    udp = len(gate.show("show", "connections", "udp", "dport", str(UDP_PORT)))
    tcp = len(gate.show("show", "connections", "tcp", "dport", "7001"))
    said = gate.table("kill", "connections", "udp", "dport", str(UDP_PORT))
    expect(said == f"ended {udp} connections\n", said)
    expect(refused(gate, "kill", "connections", "udp", "dport", str(UDP_PORT)) ==
           "no connection is like that", "")
    expect(len(gate.show("show", "connections", "tcp", "dport", "7001")) == tcp, "TCP has ended")
    expect(ctl(gate, "kill", "connections").returncode == 2, "all are killed without a word")
    talk.close()


MANGLE = ["command", "show", "what", "connections", "kill", "filter", "client", "id", "sort", "limit",
          "reverse", "status", "10.0.0.0/8", "0-1-1", "-1", "4294967296", "1e999", "true", "null",
          "{}", "[]", '"', "\\", "\\u0000", "\x00", "\x7f", "\u00e9", ":", ",", "{", "}", "[", "]",
          " ", "a" * 300, "worker", "port", "65536", "0", "bytes", "state", "established"]


def random_value(depth=0):
    kind = random.randrange(7 if depth < 3 else 5)
    if kind == 0:
        return random.choice([True, False, None, random.randint(-10, 70000), 1e300, -0.5])
    if kind < 5:
        return random.choice(MANGLE)
    if kind == 5:
        return [random_value(depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(MANGLE): random_value(depth + 1) for _ in range(random.randrange(4))}


KEYS = {"command": ["show", "status", "kill", "reload", "shwo", "", 7],
        "what": ["connections", "clients", "listeners", "pools", "drops", "config", "connection",
                 "client", "x", None],
        "filter": [{"client": "10.0.0.0/8"}, {"port": 80}, {"state": "established"}, {}, [],
                   {"worker": 0, "protocol": "tcp"}, {"client": "1.2.3"}, {"remote": ":"}],
        "sort": ["bytes", "age", "client", "nothing", 1], "limit": [1, 10, 0, -1, 65537, "1"],
        "reverse": [True, False, 1], "id": ["0-0-1", "0-1-1", "9-9-9", "192.0.2.1", "", 5]}


GOOD = [
    {"command": "status"}, {"command": "show", "what": "drops"},
    {"command": "show", "what": "connections", "limit": 5},
    {"command": "show", "what": "connections", "sort": "bytes", "reverse": True},
    {"command": "show", "what": "clients", "filter": {"client": "10.0.0.0/8", "worker": 0}},
    {"command": "show", "what": "listeners", "filter": {"protocol": "tcp", "port": "1-65535"}},
    {"command": "show", "what": "pools", "sort": "ports", "limit": 3},
]


def random_line():
    """A request that is nearly right, JSON that is none, or bytes."""
    kind = random.random()
    if kind < 0.2:
        request = random.choice(GOOD)
        line = json.dumps(request)
    elif kind < 0.6:
        request = {key: random.choice(values) for key, values in KEYS.items()
                   if random.random() < (0.9 if key in ("command", "what") else 0.25)}
        if random.random() < 0.2:
            request[random.choice(MANGLE)] = random_value()
        line = json.dumps(request, ensure_ascii=False)
    elif kind < 0.8:
        line = json.dumps(random_value(), ensure_ascii=False)
    else:
        line = "".join(random.choice(MANGLE) for _ in range(random.randrange(12)))
    data = bytearray(line.encode())
    for _ in range(random.choice([0, 0, 0, 1, 3])):
        if data:
            data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data).replace(b"\n", b" ") + b"\n"


def answers_of(gate, lines):
    """The answer to each line, all on one connection, many on their way at once."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(gate.socket)
    with sock, sock.makefile("rb") as replies:
        for at in range(0, len(lines), 50):
            sock.sendall(b"".join(lines[at:at + 50]))
            for line in lines[at:at + 50]:
                yield line, replies.readline()


def ten_thousand_random_requests(lab, gate):
    """Each is answered by a result or an error with a text, and the appliance goes on."""
    needs_postern(gate)
    random.seed(7)
    talk = Talk(lab, clients=1, each=1)
    good = bad = 0
    for line, answer in answers_of(gate, [random_line() for _ in range(10000)]):
        try:
            reply = json.loads(answer)
        except ValueError:
            raise RuntimeError(f"{line!r} is answered by {answer!r}") from None
        if reply["ok"] is True:
            expect("result" in reply, f"{line!r}: {answer!r}")
            good += 1
        else:
            expect(reply["ok"] is False and len(reply["error"]) > 5, f"{line!r}: {answer!r}")
            bad += 1
    expect(good > 500 and bad > 5000, f"{good} were answered, {bad} refused: no good mix")
    expect(gate.proc.poll() is None, "the appliance has ended")
    expect(len(gate.show("show", "pools")) > 0, "it does not answer any more")
    lab.run(lab.client, "ping", "-c", "1", "-W", "2", SERVER)
    talk.close()
    return [f"{good} answered, {bad} refused"]


def a_lot_is_shown(lab, gate):
    """3,000 connections: a pipe gets all rows, and a filter its own."""
    needs_postern(gate)
    sock = peers.socket_in(lab.client, socket.SOCK_DGRAM)
    sock.bind((lab.clients[5], 0))
    far = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    far.bind((SERVER, 9))
    for k in range(3000):
        sock.sendto(b"x", (SERVER, 10000 + k))
        if k % 100 == 99:  # no more than the driver's ring holds
            want = k + 1
            wait_for("connections", lambda: len(gate.show(
                "show", "connections", "client", lab.clients[5])) >= want - 3)
    rows = gate.show("show", "connections", "udp", "client", lab.clients[5])
    expect(len(rows) >= 2990 and len({row["id"] for row in rows}) == len(rows), f"{len(rows)}")
    text = gate.table("show", "connections", "client", lab.clients[5]).splitlines()
    expect(len(text) == len(rows) + 1, f"{len(text)} lines for {len(rows)} rows")
    expect(len(gate.show("show", "connections", "dport", "10007")) == 1, "no 10007")
    terminal = livescreen.Terminal(gate, "show", "connections", "udp")
    wait_for("its end", terminal.ended)
    shown = terminal.bytes.decode().splitlines()
    expect(len(shown) == 1002 and shown[-1] ==
           "posternctl: these are the first 1000; --limit all shows the rest", f"{shown[-2:]}")
    terminal.close()
    ended = gate.show("kill", "client", lab.clients[5])
    expect(ended["connections"] == len(rows), f"{ended}")
    sock.close()
    far.close()
    return [f"{len(rows)} rows, {ended}"]


CASES = [
    ("filters find what they say", filters_find_what_they_say),
    ("orders sort", orders_sort),
    ("everything is shown", everything_is_shown),
    ("a killed connection is over", a_killed_connection_is_over),
    ("an editor hears of a kill", an_editor_hears_of_a_kill),
    ("a killed client has nothing open", a_killed_client_has_nothing_open),
    ("connections like that are killed", connections_like_that_are_killed),
    ("a lot is shown", a_lot_is_shown),
    ("10,000 random requests", ten_thousand_random_requests),
]
