#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a router dropped, flows that never left included, is droppedPacketDeltaCount; what was for the
router itself, or left where nobody counts, or as nobody knows, is not.

    client (c0) ===== (r0) router, nftables, parallaxd (r1) ===== (s0) server

Truth: nftables' counters.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import udp
from corpus import parse_lines
from netlab import PYTHON, TRAFFIC, equal, main, wait_for
from router import (CLIENT4, CLIENT6, INSIDE4, INSIDE6, OUTSIDE4, SERVER4, SERVER6, Router,
                    translated, tuple_of)

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


MASQUERADE = """
    table inet nat {
        chain post {
            type nat hook postrouting priority srcnat
            oifname r1 masquerade random
        }
    }
"""
LOSE = "table inet lose { chain forw { type filter hook forward priority 0; drop; }; }"


def told_of(net, daemon, port):
    """What the record of the end of the only flow to that port says."""
    def ended():
        with open(net.out, encoding="utf-8") as file:
            return [r for r in parse_lines(file.read()) if tuple_of(r)[4] == port]
    records = wait_for(f"the flow to {port}", ended, 30, daemon.process)
    equal("flowEndReason", [r["flowEndReason"] for r in records], [1])
    return told(records)[port]


def what_may_have_left_as_another_flow_was_not_dropped(lab):
    """Masqueraded, and what says so is not there, or does not know the protocol."""
    net = Router(lab)
    lab.run(net.router, ["nft", "-f", "-"], input=MASQUERADE)
    sinks(net, (SERVER4, 7000), (SERVER6, 7006))
    for source in ("off", "kfuncs", "ctnetlink"):
        daemon = net.meter(*TIMES, "--set", f"nat={source}")
        shots(net, CLIENT4, SERVER4, 7000, 20)
        shots(net, CLIENT6, SERVER6, 7006, 20)
        lab.run(net.client, ["ping", "-qc1", "-W1", SERVER4])
        # Nobody listens: an error from there to here, translated as the connection is.
        shots(net, CLIENT4, SERVER4, 7001, 1)
        net.flows_have_ended(daemon)
        records = net.finish(daemon)
        seen = [(tuple_of(r)[2:5:2], "postPacketDeltaCount" in r) for r in records]
        equal(f"{source}: dropped", set(told(records).values()), {0})
        equal(f"{source}: joined", seen.count(((17, 7000), True)), 0 if source == "off" else 20)
        equal(f"{source}: ICMP joined", ((1, 8 << 8), True) in seen, source == "ctnetlink")
        os.remove(net.out)


def an_error_under_nat_was_not_dropped(lab):
    """From the client, as the answer to what it does not want: it leaves from another address."""
    net = Router(lab)
    lab.run(net.router, ["nft", "-f", "-"], input=f"""
        table inet nat {{
            chain pre {{
                type nat hook prerouting priority dstnat
                iifname r1 udp dport 53 dnat ip to {CLIENT4}
            }}
        }}""")
    daemon = net.meter(*TIMES)
    lab.run(net.server, [PYTHON, TRAFFIC, "shots", SERVER4, OUTSIDE4, "53", "1"])
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    errors = [r for r in records if tuple_of(r)[2] == 1]
    equal("errors, in and out", sorted(tuple_of(r)[0] for r in errors), [CLIENT4, OUTSIDE4])
    equal("dropped", set(told(records).values()), {0})


def what_was_lost_on_its_way_here_was_not_dropped(lab):
    """One side of many packets does not fit into table and ring: they seem not to have left."""
    net = Router(lab)
    sinks(net, (SERVER4, 7000))
    # What is for the router itself has one side: so the ring is full now before the one side of a
    # forwarded packet, now before the other.
    local = lab.start(net.router, [PYTHON, TRAFFIC, "udp-sink", INSIDE4, "7001"], stdout=-1, text=True)
    equal("sink", local.stdout.readline().strip(), "listening")
    daemon = net.meter(*TIMES, "--set", "tables.flows=1024", "--set", "tables.ring=4096")
    others = lab.start(net.client, [PYTHON, TRAFFIC, "shots", CLIENT4, INSIDE4, "7001", "40000", "7000",
                                    "100000"])
    lab.run(net.client, [PYTHON, TRAFFIC, "shots", CLIENT4, SERVER4, "7000", "40000", "6000", "100000"])
    equal("exit status", others.wait(timeout=60), 0)
    net.flows_have_ended(daemon)
    lost = daemon.status()["total"]["lost"]
    daemon.stop()
    with open(net.out, encoding="utf-8") as file:
        records = parse_lines(file.read())
    less = [r for r in records if tuple_of(r)[4] == 7000 and
            r["packetDeltaCount"] > r.get("postPacketDeltaCount", 0)]
    assert less and lost["ring_full"]["packets"] > 0, (len(less), lost)
    equal("dropped", set(told(records).values()), {0})


def what_is_not_for_ip_of_that_interface_was_not_dropped(lab):
    """A port of a bridge, which has the address of the port."""
    net = Router(lab)
    lab.run(net.router, ["ip", "link", "add", "br0", "type", "bridge"])
    lab.run(net.router, ["ip", "link", "set", "r0", "master", "br0"])
    lab.up(net.router, "br0")
    lab.run(net.router, ["nft", LOSE])
    daemon = net.meter("--set", "timeouts.inactive=1s")
    shots(net, CLIENT4, SERVER4, 7001, 1)
    equal("dropped", told_of(net, daemon, 7001), 0)
    daemon.stop()


def what_is_not_certain_was_not_dropped(lab):
    """Each of these can send a packet elsewhere, or make another one of it, and no request for a
    route says so."""
    net = Router(lab)
    lab.run(net.router, ["nft", LOSE])
    ports = iter(range(7001, 7100))

    def lost(daemon, *changes, undo=()):
        for change in changes:
            lab.run(net.router, change.split())
        port = next(ports)
        shots(net, CLIENT4, SERVER4, port, 1)
        count = told_of(net, daemon, port)
        for change in undo:
            lab.run(net.router, change.split())
        return count
    daemon = net.meter("--set", "timeouts.inactive=1s")
    equal("as it is", lost(daemon), 1)
    equal("with rules by mark", lost(daemon, "ip rule add fwmark 1 lookup 100",
                                     undo=["ip rule del fwmark 1"]), 0)
    equal("with a rule for that source",
          lost(daemon, f"ip rule add from {CLIENT4} lookup 100 priority 0",
               f"ip route add local {SERVER4} dev lo table 100",
               undo=[f"ip rule del from {CLIENT4}"]), 0)
    equal("with a rule for another source",
          lost(daemon, "ip rule add from 10.1.0.77 lookup 100 priority 0",
               undo=["ip rule del from 10.1.0.77"]), 1)
    equal("with IPsec",
          lost(daemon, f"ip xfrm policy add src 10.1.0.0/24 dst 192.0.2.0/24 dir out tmpl src {OUTSIDE4} "
               f"dst {SERVER4} proto esp mode tunnel", undo=["ip xfrm policy flush"]), 0)
    equal("no router", lost(daemon, "sysctl -qw net.ipv4.ip_forward=0",
                            undo=["sysctl -qw net.ipv4.ip_forward=1"]), 0)
    equal("as it was", lost(daemon), 1)
    daemon.stop()
    daemon = net.meter("--set", "timeouts.inactive=1s", "--set", "nat=ctnetlink")
    equal("by events", lost(daemon), 1)
    equal("without events", lost(daemon, "sysctl -qw net.netfilter.nf_conntrack_events=0",
                                 undo=["sysctl -qw net.netfilter.nf_conntrack_events=1"]), 0)
    daemon.stop()


if __name__ == "__main__":
    main([flows_of_one_packet, flows_of_one_packet_under_nat, long_flows_that_never_leave,
          what_was_not_to_be_forwarded_was_not_dropped, a_host_drops_nothing,
          what_may_have_left_as_another_flow_was_not_dropped, an_error_under_nat_was_not_dropped,
          what_was_lost_on_its_way_here_was_not_dropped,
          what_is_not_for_ip_of_that_interface_was_not_dropped,
          what_is_not_certain_was_not_dropped])
