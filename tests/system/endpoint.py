"""The endpoint that a PORT opens, and who may use it: both FTP ends are scripted."""
import socket

import peers
from claims import expect, needs_postern
from lab import SECOND, SERVER, THIRD


def reached(lab, source, to):
    try:
        peers.connect_in(lab.server, source, to, timeout=1.2).close()
    except OSError:
        return False
    return True


def expect_refused(lab, gate, who, source, reason):
    """A connection does not come about, and is counted by that reason and no other."""
    address, to = source
    before = gate.drops()
    expect(not reached(lab, address, to), f"{who} came through")
    after = gate.drops()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    expect(set(grown) == {reason}, f"{who}: counted {grown}, not {reason}")
    return f"{who}: refused, {reason} +{grown[reason]}"


def only_the_server_and_once(lab, gate):
    needs_postern(gate)
    pair = peers.ControlPair(lab, lab.clients[0])
    data, command = pair.open_data()
    seen = pair.command(command)
    to = peers.endpoint_of(seen)
    pair.reply("200 PORT done")
    rows = [r for r in gate.listeners() if r["external"] == f"{to[0]}:{to[1]}"]
    expect(len(rows) == 1, f"{to} is not among {gate.listeners()}")
    expect(rows[0]["filter"] == [f"{SERVER}-{SERVER}"], f"filter {rows[0]['filter']}")
    notes = [f"client said {command!r}, server saw {seen!r}"]
    for who, address in (("the server's second address", SECOND), ("a third host", THIRD)):
        notes.append(expect_refused(lab, gate, who, ((address, 20), to), "ip_filter"))
    good = peers.connect_in(lab.server, (SERVER, 0), to)
    inside, _ = data.accept()
    notes.append(expect_refused(lab, gate, "a second connection", ((SERVER, 0), to),
                                "endpoint_used"))
    good.sendall(b"the file")
    good.close()
    expect(peers.read_all(inside) == b"the file", "the data differ")
    inside.close()
    notes.append(expect_refused(lab, gate, "the server after the transfer", ((SERVER, 0), to),
                                "endpoint_used"))
    pair.close()
    data.close()
    return notes


def what_opens_nothing(lab, gate):
    """Another host's address, a service's port, and what is no PORT: passed on as they are."""
    needs_postern(gate)
    before = {row["external"] for row in gate.listeners()}
    pair = peers.ControlPair(lab, lab.clients[1])
    own = lab.clients[1].replace(".", ",")
    other = lab.gate_in.replace(".", ",")
    for line in (f"PORT {other},19,137", f"PORT {own},0,22", "PORT 1,2"):
        said = line.encode() + b"\r\n"
        seen = pair.command(said)
        expect(seen == said, f"{said!r} became {seen!r}")
        pair.reply("500 no")
    opened = [row for row in gate.listeners() if row["external"] not in before]
    expect(not opened, f"an endpoint was opened: {opened}")
    pair.close()


def latched(gate):
    """The FTP editor's counter of streams that are not FTP."""
    rows = [row for row in gate.show("show", "editors") if row["name"] == "ftp"]
    return rows[0]["counters"]["latched"]


POST = b"POST /upload HTTP/1.1\r\nHost: %s:21\r\nContent-Length: 60\r\n\r\n" % SERVER.encode()


def a_form_post_opens_nothing(lab, gate):
    """What a page makes a browser inside send to port 21 (NAT slipstreaming)."""
    needs_postern(gate)
    own, other = (a.replace(".", ",") for a in lab.clients[:2])
    lines = [f"PORT {own},19,137", f"PORT {other},19,137", f"PORT {own},0,22",
             f"EPRT |1|{lab.clients[0]}|5001|"]
    before, notes = {row["external"] for row in gate.listeners()}, []
    for line in lines:
        count = latched(gate)
        listener = peers.listen_in(lab.server, SERVER, 21, 1)
        browser = peers.connect_in(lab.client, (lab.clients[0], 0), (SERVER, 21))
        server, _ = listener.accept()
        sent = POST
        browser.sendall(POST)
        for piece in (line.encode() + b"\r\n", line.encode() + b"\r\n"):
            browser.sendall(piece)  # at a segment's start, and again
            sent += piece
        browser.shutdown(socket.SHUT_WR)
        got = peers.read_all(server)
        expect(got == sent, f"the server got {got!r}")
        expect(latched(gate) == count + 1, "it was not counted as latched")
        for sock in (browser, server, listener):
            sock.close()
        notes.append(f"{line}: unedited, nothing opened")
    opened = [row for row in gate.listeners() if row["external"] not in before]
    expect(not opened, f"an endpoint was opened: {opened}")
    return notes
