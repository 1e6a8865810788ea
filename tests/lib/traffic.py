#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic whose packets are known exactly, from the kernel's own counters of each socket.

    traffic.py tcp-server ADDR PORT                  one connection, both directions; then JSON
    traffic.py tcp-client ADDR PORT OCTETS [SPORT]   send OCTETS, receive as many; then JSON
    traffic.py udp-sink ADDR PORT                    receive until killed
    traffic.py udp ADDR PORT FLOWS PACKETS SIZE [SEGMENTS]
        FLOWS source ports 20000.., PACKETS of SIZE payload octets each; with SEGMENTS, so many of
        them at once as one UDP_SEGMENT super-packet
    traffic.py echo ADDR PORT [ADDR PORT]...         send back what comes, over TCP and UDP
    traffic.py talk                                  connections that live on, by lines of the
        standard input: `tcp|udp SOURCE SPORT ADDR PORT` opens one, `say N` has N messages and their
        echoes go over each, `close` ends all; an empty line says that it is done
    traffic.py exchanges SOURCE ADDR PORT FIRST COUNT RATE
        a datagram and its echo from each of COUNT source ports from FIRST on, so many of them in a
        second; then the rate that it was
    traffic.py shots SOURCE ADDR PORT COUNT [FLOWS [RATE]]
        COUNT datagrams, each of another source port or in turn of FLOWS from 10000 on, so many in a
        second (2000), whether somebody answers or not; also to broadcast and multicast addresses
    traffic.py frames DEV                            send each frame of the standard input, which is
        its length as 32 bits and its octets; after a length of 0, say how many there were

TCP truth: tcpi_segs_out counts wire segments, retransmissions and pure acknowledgements included
(Linux 4.2); tcpi_bytes_sent counts payload octets, retransmitted ones too (Linux 4.19).
"""

import collections
import json
import os
import socket
import struct
import sys
import threading
import time

UDP_SEGMENT = 103
TCP_CLOSE = 7
CHUNK = 1 << 20
MESSAGE = 100


def tcp_info(sock):
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    # struct tcp_info of <linux/tcp.h>
    segs_out, segs_in = struct.unpack_from("=II", raw, 136)
    bytes_sent, = struct.unpack_from("=Q", raw, 200)
    return {"state": raw[0], "segs_out": segs_out, "segs_in": segs_in, "bytes_sent": bytes_sent}


def exchange(sock, octets):
    """Send octets and our FIN while receiving until the peer's FIN; the truth after both."""
    def send():
        block = b"x" * CHUNK
        left = octets
        while left > 0:
            left -= sock.send(block[:min(left, CHUNK)])
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    received = 0
    buffer = bytearray(CHUNK)
    while True:
        n = sock.recv_into(buffer)
        if n == 0:
            break
        received += n
    sender.join()
    # The last acknowledgements: our FIN's, or that of the peer's FIN.
    while tcp_info(sock)["state"] != TCP_CLOSE:
        threading.Event().wait(0.01)
    return {**tcp_info(sock), "received": received, "local": sock.getsockname()[:2],
            "peer": sock.getpeername_saved}


class Sock(socket.socket):
    getpeername_saved = None


def tcp_server(addr, port):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    with Sock(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((addr, int(port)))
        listener.listen(1)
        print("listening", flush=True)
        fd, peer = listener._accept()
        with Sock(family, socket.SOCK_STREAM, fileno=fd) as sock:
            sock.getpeername_saved = peer[:2]
            # as much back as the client announces in its first eight octets
            octets, = struct.unpack("!Q", sock.recv(8, socket.MSG_WAITALL))
            print(json.dumps(exchange(sock, octets)), flush=True)


def tcp_client(addr, port, octets, sport=0):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    with Sock(family, socket.SOCK_STREAM) as sock:
        sock.bind(("", int(sport)))
        sock.connect((addr, int(port)))
        sock.getpeername_saved = (addr, int(port))
        sock.sendall(struct.pack("!Q", int(octets)))
        print(json.dumps(exchange(sock, int(octets))), flush=True)


def udp_sink(addr, port):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((addr, int(port)))
        print("listening", flush=True)
        while True:
            sock.recv(65536)


def udp(addr, port, flows, packets, size, segments=1):
    flows, packets, size, segments = map(int, (flows, packets, size, segments))
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    socks = []
    for i in range(flows):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind(("", 20000 + i))
        sock.connect((addr, int(port)))
        if segments > 1:
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        socks.append(sock)
    payload = b"u" * size
    sent = 0
    while sent < packets:
        n = min(segments, packets - sent)
        for sock in socks:
            sock.send(payload * n)
        sent += n
    print(json.dumps({"flows": flows, "packets": packets, "size": size}), flush=True)


def bound(kind, addr, port):
    sock = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((addr, int(port)))
    return sock


def echo(*places):
    def answer_stream(stream):
        with stream:
            while data := stream.recv(MESSAGE):
                stream.sendall(data)

    def answer_streams(listener):
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=answer_stream, args=(stream,), daemon=True).start()

    def answer_datagrams(sock):
        while True:
            sock.sendto(*sock.recvfrom(MESSAGE))

    threads = []
    for addr, port in zip(places[::2], places[1::2]):
        listener = bound(socket.SOCK_STREAM, addr, port)
        listener.listen(100)
        datagrams = bound(socket.SOCK_DGRAM, addr, port)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        threads.append(threading.Thread(target=answer_streams, args=(listener,)))
        threads.append(threading.Thread(target=answer_datagrams, args=(datagrams,)))
    for thread in threads:
        thread.start()
    print("listening", flush=True)


def ask(sock):
    """A message and its echo; again when it is lost, as when XDP comes to a veth."""
    while True:
        sock.send(b"?" * MESSAGE)
        try:
            answer = sock.recv(MESSAGE, socket.MSG_WAITALL)
            assert len(answer) == MESSAGE, answer
            return
        except TimeoutError:
            if sock.type == socket.SOCK_STREAM:
                raise


def talk():
    socks = []
    for line in sys.stdin:
        word, *args = line.split()
        if word == "say":
            for _ in range(int(args[0])):
                for sock in socks:
                    ask(sock)
        elif word == "close":
            for sock in socks:
                if sock.type == socket.SOCK_STREAM:
                    sock.shutdown(socket.SHUT_WR)
                    assert not sock.recv(1)
                sock.close()
            socks = []
        else:
            sock = bound(socket.SOCK_STREAM if word == "tcp" else socket.SOCK_DGRAM, *args[:2])
            sock.settimeout(20 if word == "tcp" else 1)
            sock.connect((args[2], int(args[3])))
            socks.append(sock)
        print(flush=True)


def exchanges(source, addr, port, first, count, rate):
    first, count, rate = int(first), int(count), float(rate)
    waiting = collections.deque()

    def finish():
        with waiting.popleft() as sock:
            sock.recv(MESSAGE)

    begin = time.monotonic()
    for i in range(count):
        sock = bound(socket.SOCK_DGRAM, source, first + i)
        sock.settimeout(20)
        sock.connect((addr, int(port)))
        sock.send(b"?")
        waiting.append(sock)
        if len(waiting) > 100:  # the echoes of a burst wait in the server's buffer
            finish()
        ahead = i / rate - (time.monotonic() - begin)
        if ahead > 0.002:
            time.sleep(ahead)
    while waiting:
        finish()
    print(count / (time.monotonic() - begin))


def shots(source, addr, port, count, flows="", rate="2000"):
    """Datagrams that nobody answers, each of another flow, or in turn of so many flows."""
    count, rate = int(count), float(rate)
    flows = int(flows or count)
    sockets = []
    begin = time.monotonic()
    for i in range(count):
        if i < flows:
            sock = bound(socket.SOCK_DGRAM, source, 10000 + i)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sockets.append(sock)
        # not connected: an error that comes back is of no interest
        sockets[i % flows].sendto(b"!", (addr, int(port)))
        if flows == count:
            sockets[i].close()
        ahead = i / rate - (time.monotonic() - begin)
        if ahead > 0.002:
            time.sleep(ahead)


def frames(dev):
    # From one CPU, or they may overtake each other on the way.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((dev, 0))
        print("ready", flush=True)
        count = 0
        while head := sys.stdin.buffer.read(4):
            size, = struct.unpack("!I", head)
            if size:
                sock.send(sys.stdin.buffer.read(size))
                count += 1
            else:
                print(count, flush=True)
                count = 0


if __name__ == "__main__":
    {"tcp-server": tcp_server, "tcp-client": tcp_client, "udp-sink": udp_sink, "udp": udp,
     "echo": echo, "talk": talk, "exchanges": exchanges, "shots": shots,
     "frames": frames}[sys.argv[1]](*sys.argv[2:])
