#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A router: what is forwarded is one record with both sides, whatever NAT does to it.

    client (c0) ===== (r0) router, parallaxd (r1) ===== (s0) server

Truth: the sockets' own counters, the router's interface counters, its connection tracking table, and
nftables' counters of what it dropped.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import tcp, udp
from netlab import equal, main
from router import (CLIENT4, CLIENT6, OUTSIDE4, SERVER4, SERVER6, Router, by_tuple, conntrack, translated,
                    tuple_of)

TCP_OCTETS = int(os.environ.get("PLX_JOIN_OCTETS", 8 << 20))


def both_sides(records, truth, egress):
    """Each flow of the truth is there, came in and left, and that in full."""
    flows = by_tuple(records)
    for key, (packets, octets) in truth.items():
        equal(f"flow {key}: in and out", flows.get(key), [packets, octets, packets, octets])
        for r in records:
            if tuple_of(r) == key:
                equal("interfaces", (r["ingressInterfaceName"], r["egressInterfaceName"]), egress)


def forwarded_flows_are_one_record(lab):
    net = Router(lab)
    daemon = net.meter()
    truth = tcp(lab, net.client, net.server, SERVER4, 5001, TCP_OCTETS)
    truth |= tcp(lab, net.client, net.server, SERVER6, 5002, TCP_OCTETS)
    truth |= udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 3, 2001, 700, 1)
    records = net.finish(daemon)
    for source, way in ((CLIENT4, ("r0", "r1")), (CLIENT6, ("r0", "r1")),
                        (SERVER4, ("r1", "r0")), (SERVER6, ("r1", "r0"))):
        both_sides(records, {k: v for k, v in truth.items() if k[0] == source}, way)
    for r in records:
        equal("no NAT", translated(r), None)
        assert "droppedPacketDeltaCount" not in r, r


def masqueraded_flows_have_both_tuples(lab):
    net = Router(lab, "add table ip nat; add chain ip nat post { type nat hook postrouting priority "
                 "100; }; add rule ip nat post oifname r1 masquerade random")
    daemon = net.meter()
    truth = tcp(lab, net.client, net.server, SERVER4, 5001, TCP_OCTETS)
    # The server's end knows the connection by the router's address, and so do its packets.
    truth |= udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 5, 1001, 700, 1)
    mappings = conntrack(net)
    records = net.finish(daemon)
    both_sides(records, {k: v for k, v in truth.items() if k[0] == CLIENT4}, ("r0", "r1"))
    both_sides(records, {k: v for k, v in truth.items() if k[0] == SERVER4}, ("r1", "r0"))
    checked = 0
    for r in records:
        key = tuple_of(r)
        if key in mappings:
            equal(f"translation of {key}", translated(r), mappings[key].after)
            checked += 1
    assert checked >= 7, f"{checked} records were compared with conntrack"


def redirected_flows_have_both_tuples(lab):
    """DNAT to the server behind a public address, as seen from the client."""
    net = Router(lab, "add table ip nat; add chain ip nat pre { type nat hook prerouting priority "
                 f"-100; }}; add rule ip nat pre iifname r0 tcp dport 80 dnat to {SERVER4}:5001")
    daemon = net.meter()
    listener = net.lab.start(net.server, ["/usr/bin/python3", os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "lib", "traffic.py"), "tcp-server",
        SERVER4, "5001"], stdout=-1, text=True)
    equal("server", listener.stdout.readline().strip(), "listening")
    end = json.loads(lab.run(net.client, ["/usr/bin/python3", os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "lib", "traffic.py"), "tcp-client",
        "192.0.2.80", "80", str(TCP_OCTETS)]))
    records = net.finish(daemon)
    port = end["local"][1]
    out = [r for r in records if tuple_of(r) == (CLIENT4, "192.0.2.80", 6, port, 80)]
    back = [r for r in records if tuple_of(r) == (SERVER4, CLIENT4, 6, 5001, port)]
    assert out and back, records
    for r in out:
        equal("to the server", translated(r), (CLIENT4, SERVER4, 6, port, 5001))
        equal("in and out", r["packetDeltaCount"], r["postPacketDeltaCount"])
    for r in back:
        equal("back", translated(r), ("192.0.2.80", CLIENT4, 6, 80, port))
        equal("in and out", r["packetDeltaCount"], r["postPacketDeltaCount"])


def tunnels_behind_nat_are_one_record(lab):
    """VXLAN through the router, whose outer header it translates both ways: of an inner flow there is
    one record for each direction, with the outer header before and behind NAT."""
    net = Router(lab, f"""
        add table ip nat
        add chain ip nat pre {{ type nat hook prerouting priority -100; }}
        add chain ip nat post {{ type nat hook postrouting priority 100; }}
        add rule ip nat pre iifname r1 ip daddr {OUTSIDE4} udp dport 4789 dnat to {CLIENT4}
        add rule ip nat post oifname r1 udp dport 4789 snat to {OUTSIDE4}""")
    for ns, dev, remote, inner in ((net.client, "c0", SERVER4, "10.78.0.1"),
                                   (net.server, "s0", OUTSIDE4, "10.78.0.2")):
        lab.run(ns, ["ip", "link", "add", "tn0", "type", "vxlan", "id", "42", "remote", remote,
                     "dstport", "4789", "dev", dev])
        lab.run(ns, ["ip", "link", "set", "tn0", "mtu", "1400", "up"])
        lab.address(ns, "tn0", f"{inner}/24")
    daemon = net.meter()
    truth = tcp(lab, net.client, net.server, "10.78.0.2", 5001, TCP_OCTETS)
    truth |= udp(lab, net.client, net.server, "10.78.0.1", "10.78.0.2", 6001, 3, 1001, 700, 1)
    records = net.finish(daemon)
    adds = 20 + 8 + 8 + 14  # outer IPv4, UDP, VXLAN, Ethernet
    both_sides(records, {k: (packets, octets + packets * adds)
                         for k, (packets, octets) in truth.items() if k[0] == "10.78.0.1"},
               ("r0", "r1"))
    both_sides(records, {k: (packets, octets + packets * adds)
                         for k, (packets, octets) in truth.items() if k[0] == "10.78.0.2"},
               ("r1", "r0"))
    tunnelled = [r for r in records if "outer" in r]
    for r in tunnelled:
        outer = r["outer"]
        ways = ((CLIENT4, SERVER4), (OUTSIDE4, SERVER4))
        if r["ingressInterfaceName"] == "r1":
            ways = ((SERVER4, OUTSIDE4), (SERVER4, CLIENT4))
        equal("outer header", ((outer["sourceIPv4Address"], outer["destinationIPv4Address"]),
                               (outer["postNATSourceIPv4Address"],
                                outer["postNATDestinationIPv4Address"])), ways)
        equal("outer port", (outer["destinationTransportPort"],
                             outer["postNAPTDestinationTransportPort"]), (4789, 4789))
        equal("the inner flow has no NAT", [name for name in r if name.startswith("postNA")], [])
    equal("flows", len({tuple_of(r) for r in tunnelled} & set(truth)), len(truth))


def drops_are_counted_to_the_packet(lab):
    net = Router(lab, "add table ip drops; add chain ip drops forw { type filter hook forward "
                 "priority 0; }; add rule ip drops forw numgen random mod 100 == 0 counter drop")
    daemon = net.meter("--set", "timeouts.active=1s", "--set", "timeouts.inactive=2s")
    udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 20, 5000, 300, 1)
    text = lab.run(net.router, ["nft", "list", "table", "ip", "drops"])
    dropped = int(re.search(r"counter packets (\d+)", text).group(1))
    assert dropped > 100, f"only {dropped} dropped"
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    equal("droppedPacketDeltaCount = nftables' counter",
          sum(r.get("droppedPacketDeltaCount", 0) for r in records), dropped)


def sides_can_be_kept_apart(lab):
    net = Router(lab)
    daemon = net.meter("--set", "forwarded=both")
    truth = udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 2, 500, 300, 1)
    records = net.finish(daemon)
    for key, (packets, octets) in truth.items():
        mine = [r for r in records if tuple_of(r) == key]
        equal("directions", sorted({r["flowDirection"] for r in mine}), [0, 1])
        for direction in (0, 1):
            equal("packets, octets", tuple(sum(r[name] for r in mine
                                               if r["flowDirection"] == direction)
                                           for name in ("packetDeltaCount", "octetDeltaCount")),
                  (packets, octets))


if __name__ == "__main__":
    main([forwarded_flows_are_one_record, masqueraded_flows_have_both_tuples,
          redirected_flows_have_both_tuples, tunnels_behind_nat_are_one_record, drops_are_counted_to_the_packet,
          sides_can_be_kept_apart])
