#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic whose packets are known exactly, from the kernel's own counters of each socket.

    traffic.py tcp-server ADDR PORT                  one connection, both directions; then JSON
    traffic.py tcp-client ADDR PORT OCTETS [SPORT]   send OCTETS, receive as many; then JSON
    traffic.py udp-sink ADDR PORT                    receive until killed
    traffic.py udp ADDR PORT FLOWS PACKETS SIZE [SEGMENTS]
        FLOWS source ports 20000.., PACKETS of SIZE payload octets each; with SEGMENTS, so many of
        them at once as one UDP_SEGMENT super-packet
    traffic.py frames DEV                            send each frame of the standard input, which is
        its length as 32 bits and its octets; after a length of 0, say how many there were

TCP truth: tcpi_segs_out counts wire segments, retransmissions and pure acknowledgements included
(Linux 4.2); tcpi_bytes_sent counts payload octets, retransmitted ones too (Linux 4.19).
"""

import json
import os
import socket
import struct
import sys
import threading

UDP_SEGMENT = 103
TCP_CLOSE = 7
CHUNK = 1 << 20


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
    {"tcp-server": tcp_server, "tcp-client": tcp_client, "udp-sink": udp_sink,
     "udp": udp, "frames": frames}[sys.argv[1]](*sys.argv[2:])
