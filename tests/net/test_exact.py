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

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import (CLIENT4, CLIENT6, ETHERNET, SERVER4, SERVER6, cable, ip_counter, ping, tcp,
                   udp)
from netlab import Collector, Daemon, check_ledger, equal, five_tuple, main, sums


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
    truth |= udp(lab, client, server, CLIENT4, SERVER4, 6001, 40, 5000, 100, 1)
    truth |= udp(lab, client, server, CLIENT4, SERVER4, 6002, 4, 30001, 1000, 40)
    truth |= udp(lab, client, server, CLIENT6, SERVER6, 6003, 2, 20003, 1200, 30)
    truth |= ping(lab, client, CLIENT4, SERVER4, 50)
    truth |= ping(lab, client, CLIENT6, SERVER6, 50)

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
