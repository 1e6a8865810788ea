#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Wire-exact, end to end: what a collector stored equals what was sent, packet by packet and octet
by octet, per flow and in sum, with GRO, GSO and UDP GSO at work.

    client (cl0) ===== veth ===== (sv0) server, parallaxd, nfcapd

Truth: the client's interface counters, each TCP socket's own counters, and the sent UDP and ICMP
packets. Segmentation offload is off on both devices, so that what the counters count is what a
wire would carry; super-packets exist above them: in the stack before segmentation (the TC egress
hook sees those), and after GRO (the TC ingress hook sees those).
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import (PYTHON, TRAFFIC, Collector, Daemon, check_ledger, equal, five_tuple, main,
                    run, sums)

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


def udp(lab, client, server, addr, port, flows, packets, size, segments):
    sink = lab.start(server, [PYTHON, TRAFFIC, "udp-sink", addr, str(port)], stdout=-1, text=True)
    equal("sink", sink.stdout.readline().strip(), "listening")
    lab.run(client, [PYTHON, TRAFFIC, "udp", addr, str(port), str(flows), str(packets), str(size),
                     str(segments)])
    source = CLIENT6 if ":" in addr else CLIENT4
    header = 48 if ":" in addr else 28
    return {(source, addr, 17, 20000 + i, port): (packets, packets * (size + header))
            for i in range(flows)}


def ping(lab, client, addr, count):
    lab.run(client, ["ping", "-q", "-i", "0.002", "-c", str(count), addr])
    six = ":" in addr
    here = CLIENT6 if six else CLIENT4
    octets = count * (56 + 8 + (40 if six else 20))
    request, reply = (128, 129) if six else (8, 0)
    return {(here, addr, 58 if six else 1, 0, request * 256): (count, octets),
            (addr, here, 58 if six else 1, 0, reply * 256): (count, octets)}


def ip_counter(lab, ns, name):
    """A counter of the IP layer, of nstat's names: packets that the stack handled, super or not."""
    out = json.loads(lab.run(ns, ["nstat", "-asj", name]))["kernel"]
    return int(out.get(name, 0))


def per_flow(flows):
    total = {}
    for flow in flows:
        key = five_tuple(flow)
        packets, octets = total.get(key, (0, 0))
        total[key] = (packets + flow["in_packets"], octets + flow["in_bytes"])
    return total


def exact(lab, hook, tcp_octets):
    client, server = cable(lab)
    collector = Collector(lab, server)
    daemon = Daemon(lab, server, ["-e", collector.url, "--set",
                                  f"interfaces=[{{name: sv0, hook: {hook}}}]",
                                  "--set", "timeouts.active=2s"])
    iface = daemon.status()["interfaces"][0]
    equal("ingress hook", iface["hook_in"], hook)
    equal("counts are exact", iface["exact"], True)
    before = {ns: lab.counters(ns, dev) for ns, dev in ((client, "cl0"), (server, "sv0"))}

    truth = {}
    handled = ip_counter(lab, server, "IpInReceives"), ip_counter(lab, server, "IpOutRequests")
    truth |= tcp(lab, client, server, SERVER4, 5001, tcp_octets)
    handled = (ip_counter(lab, server, "IpInReceives") - handled[0],
               ip_counter(lab, server, "IpOutRequests") - handled[1])
    wire_in, wire_out = (next(v[0] for k, v in truth.items() if k[0] == source)
                         for source in (CLIENT4, SERVER4))
    # The test would prove nothing without super-packets at the hooks.
    assert handled[1] < wire_out / 4, f"no GSO: {handled[1]} of {wire_out} packets handled"
    if hook == "tc":
        assert handled[0] < wire_in / 2, f"no GRO: {handled[0]} of {wire_in} packets handled"
    truth |= tcp(lab, client, server, SERVER6, 5002, tcp_octets // 4)
    truth |= udp(lab, client, server, SERVER4, 6001, 40, 5000, 100, 1)
    truth |= udp(lab, client, server, SERVER4, 6002, 4, 30001, 1000, 40)
    truth |= udp(lab, client, server, SERVER6, 6003, 2, 20003, 1200, 30)
    truth |= ping(lab, client, SERVER4, 50)
    truth |= ping(lab, client, SERVER6, 50)

    sent = lab.counters(client, "cl0")["tx"][0] - before[client]["tx"][0]
    sent += lab.counters(client, "cl0")["rx"][0] - before[client]["rx"][0]
    status = daemon.settled(sent)
    check_ledger(status["total"])
    closing = daemon.stop()
    equal("difference", closing["difference"], 0)
    equal("lost", closing["lost"], 0)
    flows = collector.stop()

    after = lab.counters(client, "cl0")
    # veth counts octets at a polling (NAPI) receiver, which GRO and XDP make of both, and there
    # without the Ethernet header: IP octets, and for ARP its 28.
    gained = {side: tuple(a - b for a, b in zip(after[side], before[client][side]))
              for side in ("rx", "tx")}
    gained = {side: (packets, octets + ETHERNET * packets)
              for side, (packets, octets) in gained.items()}
    # ARP is on the wire and no flow; neighbour discovery is ICMPv6 and one.
    ledger = status["interfaces"][0]["ledger"]
    for side, direction in (("tx", "in"), ("rx", "out")):
        equal(f"ledger, {direction}: seen = what the client's interface counted",
              (ledger[direction]["seen"]["packets"], ledger[direction]["seen"]["bytes"]),
              gained[side])
        skipped = ledger[direction]["skipped"]
        equal(f"{direction}: all that was skipped is ARP",
              sum(t["packets"] for t in skipped.values()), skipped["arp"]["packets"])
    arp = [sum(ledger[d]["skipped"]["arp"][unit] for d in ("in", "out"))
           for unit in ("packets", "bytes")]
    packets, octets = sums(flows)
    wire_packets = gained["tx"][0] + gained["rx"][0] - arp[0]
    wire_bytes = gained["tx"][1] + gained["rx"][1] - arp[1]
    equal("collector: packets = interface counters", packets, wire_packets)
    equal("collector: IP octets = interface counters without Ethernet headers",
          octets, wire_bytes - ETHERNET * wire_packets)

    stored = per_flow(flows)
    for key, want in truth.items():
        equal(f"flow {key}: (packets, octets)", stored.pop(key, None), want)
    for key in stored:
        assert key[2] == 58 and key[4] // 256 in (135, 136), f"stray flow {key}"
    return packets, octets


def flows_at_xdp_equal_what_was_sent(lab):
    packets, octets = exact(lab, "xdp", 384 << 20)
    assert packets >= 1_000_000 and octets >= 1 << 30, f"too little: {packets}, {octets}"


def flows_at_tc_equal_what_was_sent(lab):
    packets, octets = exact(lab, "tc", 384 << 20)
    assert packets >= 1_000_000 and octets >= 1 << 30, f"too little: {packets}, {octets}"


if __name__ == "__main__":
    main([flows_at_xdp_equal_what_was_sent, flows_at_tc_equal_what_was_sent])
