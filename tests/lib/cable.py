# SPDX-License-Identifier: BSD-2-Clause
"""A client and a server with a veth between them, and traffic whose packets and octets are known.

    client (cl0) ===== veth ===== (sv0) server

Each function sends something and returns its truth: {five-tuple: (packets, IP octets)}, from the
sockets' own counters and from what was sent. Segmentation offload is off on both devices, so that what
they count is what a wire would carry; super-packets exist above them.
"""

import json

from netlab import PYTHON, TRAFFIC, equal, run

CLIENT4, SERVER4 = "10.77.0.1", "10.77.0.2"
CLIENT6, SERVER6 = "fd77::1", "fd77::2"
ETHERNET = 14


def cable(lab):
    """The two namespaces; nothing is dropped on the way, and TCP headers have a fixed length."""
    client, server = lab.namespace("c"), lab.namespace("s")
    lab.veth(client, "cl0", server, "sv0")
    for ns, dev, addresses in ((client, "cl0", (CLIENT4, CLIENT6)),
                               (server, "sv0", (SERVER4, SERVER6))):
        lab.address(ns, dev, f"{addresses[0]}/24", f"{addresses[1]}/64")
        # Nothing leaves that the test has not sent: multicast listener reports come at odd times.
        lab.run(ns, ["nft", "add table inet quiet; "
                     "add chain inet quiet out { type filter hook output priority 0; }; "
                     "add rule inet quiet out icmpv6 type 143 drop"])
        # With a queue the sender waits for a full veth ring instead of losing packets in it.
        lab.run(ns, ["tc", "qdisc", "add", "dev", dev, "root", "pfifo", "limit", "100000"])
        lab.offload(ns, dev, tso=False, tx_udp_segmentation=False, gso=True, gro=True)
        # BIG TCP: super-packets beyond 64 KiB, for which IPv6 gets a header that is on no wire.
        run(["ip", "-n", ns, "link", "set", dev, "gso_max_size", "150000", "gro_max_size",
             "150000"])
        # 20 octets of TCP header, 28 in the SYN: then octets follow from segments and payload.
        lab.run(ns, ["sysctl", "-qw", "net.ipv4.tcp_sack=0", "net.ipv4.tcp_dsack=0",
                     "net.ipv4.tcp_timestamps=0", "net.ipv4.tcp_ecn=0"])
    return client, server


def tcp(lab, client, server, addr, port, octets):
    """octets both ways at once; {five-tuple: (packets, ip octets)} by the sockets' counters."""
    listener = lab.start(server, [PYTHON, TRAFFIC, "tcp-server", addr, str(port)],
                         stdout=-1, text=True)
    equal("server", listener.stdout.readline().strip(), "listening")
    ends = [json.loads(lab.run(client, [PYTHON, TRAFFIC, "tcp-client", addr, str(port),
                                        str(octets)])),
            json.loads(listener.stdout.readline())]
    header = 60 if ":" in addr else 40
    truth = {}
    # The SYN-ACK is sent before the connection's socket exists, and is not in its counters.
    for end, uncounted in zip(ends, (0, 1)):
        equal("payload received", end["received"], octets)
        key = (*end["local"][:1], *end["peer"][:1], 6, end["local"][1], end["peer"][1])
        segments = end["segs_out"] + uncounted
        truth[key] = (segments, segments * header + 8 + end["bytes_sent"])
    return truth


def udp(lab, client, server, source, addr, port, flows, packets, size, segments):
    sink = lab.start(server, [PYTHON, TRAFFIC, "udp-sink", addr, str(port)], stdout=-1, text=True)
    equal("sink", sink.stdout.readline().strip(), "listening")
    lab.run(client, [PYTHON, TRAFFIC, "udp", addr, str(port), str(flows), str(packets), str(size),
                     str(segments)])
    header = 48 if ":" in addr else 28
    return {(source, addr, 17, 20000 + i, port): (packets, packets * (size + header))
            for i in range(flows)}


def ping(lab, client, source, addr, count):
    lab.run(client, ["ping", "-q", "-i", "0.002", "-c", str(count), addr])
    six = ":" in addr
    octets = count * (56 + 8 + (40 if six else 20))
    request, reply = (128, 129) if six else (8, 0)
    return {(source, addr, 58 if six else 1, 0, request * 256): (count, octets),
            (addr, source, 58 if six else 1, 0, reply * 256): (count, octets)}


def ip_counter(lab, ns, name):
    """A counter of the IP layer, of nstat's names: packets that the stack handled, super or not."""
    out = json.loads(lab.run(ns, ["nstat", "-asj", name]))["kernel"]
    return int(out.get(name, 0))
