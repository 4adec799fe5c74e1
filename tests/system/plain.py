"""Traffic that no editor touches."""
import hashlib
import selectors
import socket
import threading

import peers
from claims import expect, is_postern, needs_postern
from lab import GATE_OUT, SERVER, wait_for


def ping(lab, gate):
    for size in ("56", "1400"):
        lab.run(lab.client, "ping", "-c", "3", "-i", "0.1", "-W", "2", "-s", size, SERVER)
    lab.run(lab.client, "ping", "-c", "2", "-i", "0.1", "-W", "2", lab.gate_in)
    lab.run(lab.server, "ping", "-c", "2", "-i", "0.1", "-W", "2", GATE_OUT)


def for_the_gate_itself(lab, gate):
    """From inside: a port where nobody listens is said to be closed."""
    for source in lab.clients:
        sock = peers.socket_in(lab.client, socket.SOCK_DGRAM)
        sock.bind((source, 0))
        sock.connect((lab.gate_in, 9))
        sock.send(b"anybody?")
        try:
            sock.recv(100)
            raise AssertionError(f"{source} got an answer")
        except ConnectionRefusedError:
            sock.close()


def unasked_for(lab, gate):
    """From outside, to ports that nobody has: nothing comes in, and it is counted."""
    needs_postern(gate)
    before = gate.drops()["no_mapping"]
    sock = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    sock.bind((SERVER, 0))
    for port in range(2000, 2010):
        sock.sendto(b"anybody?", (GATE_OUT, port))
    sock.close()
    wait_for("ten drops", lambda: gate.drops()["no_mapping"] == before + 10, 2)


def questions_over_udp(lab, gate):
    """As DNS does: each question from a fresh socket, each answered from its own port."""
    server = peers.socket_in(lab.server, socket.SOCK_DGRAM)
    server.bind((SERVER, 53))
    seen, clients = set(), []
    for i in range(64):
        client = peers.socket_in(lab.client, socket.SOCK_DGRAM)
        client.bind((lab.clients[i % len(lab.clients)], 0))
        client.sendto(f"question {i}".encode(), (SERVER, 53))
        data, peer = server.recvfrom(2000)
        expect(peer[0] == GATE_OUT, f"the server saw {peer[0]}")
        seen.add(peer)
        server.sendto(b"answer to " + data, peer)
        expect(client.recvfrom(2000)[0] == b"answer to question %d" % i, "another answer")
        clients.append(client)  # kept: its port is not to be given to the next one
    for sock in [server, *clients]:
        sock.close()
    expect(len(seen) == 64, f"{len(seen)} outside endpoints for 64 questions")


def echo_all(listener, count):
    """Send back what each of so many connections sends, until it ends."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    ended = 0
    while ended < count:
        for key, _ in selector.select(10):
            if key.fileobj is listener:
                conn, _ = listener.accept()
                selector.register(conn, selectors.EVENT_READ)
                continue
            data = key.fileobj.recv(1 << 16)
            if data:
                key.fileobj.sendall(data)
                continue
            selector.unregister(key.fileobj)
            key.fileobj.close()
            ended += 1


def two_hundred_connections(lab, gate):
    listener = peers.listen_in(lab.server, SERVER, 7000)
    thread = threading.Thread(target=echo_all, args=(listener, 200), daemon=True)
    thread.start()
    conns = []
    for i in range(200):
        source = (lab.clients[i % len(lab.clients)], 0)
        conns.append(peers.connect_in(lab.client, source, (SERVER, 7000)))
    if is_postern(gate):
        open_now = [c for c in gate.show("show", "connections") if c["remote"] == f"{SERVER}:7000"
                    and c["state"] == "established"]
        expect(len(open_now) == 200, f"{len(open_now)} of 200 are shown as established")
    for i, conn in enumerate(conns):
        data = hashlib.sha256(str(i).encode()).digest() * 100
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        expect(peers.read_all(conn) == data, f"connection {i} got other bytes")
        conn.close()
    thread.join(10)
    listener.close()
