#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a router dropped, flows that never left included, is droppedPacketDeltaCount; what was for the
router itself, or left where nobody counts, is not.

    client (c0) ===== (r0) router, nftables, parallaxd (r1) ===== (s0) server

Truth: nftables' counters.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import udp
from netlab import PYTHON, TRAFFIC, equal, main
from router import (CLIENT4, CLIENT6, INSIDE4, INSIDE6, SERVER4, SERVER6, Router, translated,
                    tuple_of)

DROPS = """
    table inet drops {
        chain forw {
            type filter hook forward priority 0
            numgen random mod 100 == 0 counter drop
        }
    }
"""
EXCHANGES = 3000
TIMES = ("--set", "timeouts.inactive=2s")


def sinks(net, *places):
    """Who takes datagrams and says nothing: an ICMP error would be a packet to be dropped, too."""
    for addr, port in places:
        sink = net.lab.start(net.server, [PYTHON, TRAFFIC, "udp-sink", addr, str(port)], stdout=-1,
                             text=True)
        equal("sink", sink.stdout.readline().strip(), "listening")


def shots(net, source, dest, port, count):
    """So many flows of one packet each, which nobody answers."""
    net.lab.run(net.client, [PYTHON, TRAFFIC, "shots", source, dest, str(port), str(count)])


def dropped_by(net):
    text = net.lab.run(net.router, ["nft", "list", "table", "inet", "drops"])
    return sum(map(int, re.findall(r"counter packets (\d+)", text)))


def told(records):
    """{port of the destination: packets told as dropped}"""
    sums = {}
    for r in records:
        port = tuple_of(r)[4]
        sums[port] = sums.get(port, 0) + r.get("droppedPacketDeltaCount", 0)
    return sums


def flows_of_one_packet(lab):
    """One in a hundred is dropped, and is a flow that never left."""
    net = Router(lab)
    lab.run(net.router, ["nft", "-f", "-"], input=DROPS)
    sinks(net, (SERVER4, 7000), (SERVER6, 7006))
    daemon = net.meter(*TIMES)
    shots(net, CLIENT4, SERVER4, 7000, EXCHANGES)
    shots(net, CLIENT6, SERVER6, 7006, EXCHANGES)
    udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 5, 3000, 300, 1)
    net.flows_have_ended(daemon)
    dropped = dropped_by(net)
    records = net.finish(daemon)
    sums = told(records)
    equal("droppedPacketDeltaCount = nftables' counter", sum(sums.values()), dropped)
    for port in (7000, 7006, 6001):
        assert sums[port] > 0, sums
    never = [r for r in records if "droppedPacketDeltaCount" in r and
             "postPacketDeltaCount" not in r]
    equal("one packet each", {r["packetDeltaCount"] for r in never}, {1})


def flows_of_one_packet_under_nat(lab):
    net = Router(lab)
    lab.run(net.router, ["nft", "-f", "-"], input=DROPS + f"""
        table inet nat {{
            chain pre {{
                type nat hook prerouting priority dstnat
                ip daddr 192.0.2.80 udp dport 80 dnat ip to {SERVER4}:8080
            }}
            chain post {{
                type nat hook postrouting priority srcnat
                oifname r1 masquerade
            }}
        }}""")
    # Nobody knows what is sent to 192.0.2.80 and dropped before it was translated for good.
    lab.run(net.router, ["ip", "route", "add", "192.0.2.0/24", "dev", "r1"])
    sinks(net, (SERVER4, 7000), (SERVER4, 8080), (SERVER6, 7006))
    daemon = net.meter(*TIMES)
    shots(net, CLIENT4, SERVER4, 7000, EXCHANGES)
    shots(net, CLIENT4, "192.0.2.80", 80, EXCHANGES)
    shots(net, CLIENT6, SERVER6, 7006, EXCHANGES)
    net.flows_have_ended(daemon)
    dropped = dropped_by(net)
    records = net.finish(daemon)
    sums = told(records)
    equal("droppedPacketDeltaCount = nftables' counter", sum(sums.values()), dropped)
    for port in (7000, 80, 7006):
        assert sums[port] > 0, sums
    for r in records:
        if "postPacketDeltaCount" in r and r["protocolIdentifier"] == 17:
            assert translated(r), r


def long_flows_that_never_leave(lab):
    """Cut by the active timeout several times, they are told of once, at their end, and in full."""
    net = Router(lab)
    lab.run(net.router, ["nft", "-f", "-"], input="""
        table inet drops {
            chain forw {
                type filter hook forward priority 0
                udp dport { 6001, 6002 } counter drop
            }
        }""")
    # Packets come for 2.5 seconds.
    daemon = net.meter(*TIMES, "--set", "timeouts.active=1s")
    for port in (6001, 6002):
        net.lab.run(net.client, [PYTHON, TRAFFIC, "shots", CLIENT4, SERVER4, str(port), "1500", "1",
                                 "600"])
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    for port in (6001, 6002):
        mine = [r for r in records if tuple_of(r)[4] == port]
        assert len(mine) > 1, mine
        equal("packets", sum(r["packetDeltaCount"] for r in mine), 1500)
        equal("dropped", [r["droppedPacketDeltaCount"] for r in mine
                          if "droppedPacketDeltaCount" in r], [1500])


def what_was_not_to_be_forwarded_was_not_dropped(lab):
    net = Router(lab)
    lab.veth(net.router, "r2", net.server, "s2")  # not metered
    lab.address(net.router, "r2", "203.0.113.1/24")
    lab.address(net.server, "s2", "203.0.113.2/24")
    for arguments in (["unreachable", "192.0.2.0/25"], ["blackhole", "192.0.2.128/25"],
                      ["unreachable", "2001:db8::/32"]):
        lab.run(net.router, ["ip", "route", "add", *arguments])
    daemon = net.meter(*TIMES)
    # for the router, a broadcast, a group, out of an interface that is not metered
    shots(net, CLIENT4, INSIDE4, 7001, 10)
    shots(net, CLIENT6, INSIDE6, 7002, 10)
    shots(net, CLIENT4, "10.1.0.255", 7003, 10)
    shots(net, CLIENT4, "224.0.0.251", 7004, 10)
    shots(net, CLIENT6, "ff02::fb%c0", 7005, 10)
    shots(net, CLIENT4, "203.0.113.2", 7006, 10)
    # no route
    shots(net, CLIENT4, "192.0.2.1", 7011, 10)
    shots(net, CLIENT4, "192.0.2.200", 7012, 10)
    shots(net, CLIENT6, "2001:db8::1", 7013, 10)
    # a mirror: frames to somebody else
    mac = json.loads(lab.run(net.client, ["ip", "-j", "link", "show", "c0"]))[0]["address"]
    lab.run(net.client, ["ip", "neigh", "replace", INSIDE4, "lladdr", "02:00:00:00:00:99", "dev",
                         "c0"])
    shots(net, CLIENT4, SERVER4, 7007, 10)
    assert mac != "02:00:00:00:00:99"
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    sums = {port: count for port, count in told(records).items() if 7000 < port < 7100}
    equal("dropped, by port", sums, {7001: 0, 7002: 0, 7003: 0, 7004: 0, 7005: 0, 7006: 0, 7007: 0,
                                     7011: 10, 7012: 10, 7013: 10})


def a_host_drops_nothing(lab):
    net = Router(lab)
    lab.run(net.router, ["sysctl", "-qw", "net.ipv4.ip_forward=0",
                         "net.ipv6.conf.all.forwarding=0"])
    daemon = net.meter(*TIMES)
    shots(net, CLIENT4, SERVER4, 7000, 10)
    shots(net, CLIENT6, SERVER6, 7006, 10)
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    equal("dropped", set(told(records).values()), {0})
    equal("flows", sum(tuple_of(r)[4] in (7000, 7006) for r in records), 20)


if __name__ == "__main__":
    main([flows_of_one_packet, flows_of_one_packet_under_nat, long_flows_that_never_leave,
          what_was_not_to_be_forwarded_was_not_dropped, a_host_drops_nothing])
