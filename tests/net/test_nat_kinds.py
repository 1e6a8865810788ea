#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every kind of NAT at once, 2000 new connections a second of one packet each way, 13,500 in all:
each record has the mapping and the counters that `conntrack -L` has."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import equal, main
from router import CLIENT4, CLIENT6, INSIDE4, SERVER4, SERVER6, conntrack, tuple_of
from test_nat_export import FORWARDED, OTHER4, POOL4, POOL6, Nat, check, is_translated

EACH, RATE, FIRST = 1500, 2000, 10000
SNAT, MASQUERADE, HAIRPIN, REDIRECT = 7000, 7001, 7002, 53

PRE = f"""
    ip daddr 192.0.2.80 udp dport 80 dnat ip to {SERVER4}:8080
    ip daddr 192.0.2.81 udp dport 80 dnat ip to {SERVER4}:8080
    ip daddr {POOL4} udp dport {HAIRPIN} dnat ip to {OTHER4}
    ip daddr 10.7.0.0/24 dnat ip prefix to ip daddr map {{ 10.7.0.0/24 : 198.51.100.0/24 }}
    iifname r0 udp dport {REDIRECT} redirect to :3128
    ip6 daddr fd07::1 udp dport 80 dnat ip6 to [{SERVER6}]:8080
"""
# What 192.0.2.80 stands for is not translated once more.
POST = f"""
    udp dport {SNAT} ip saddr {CLIENT4} snat ip to {POOL4}
    udp dport {MASQUERADE} oifname r1 masquerade random
    ct original ip daddr 192.0.2.81 masquerade
    ip saddr 10.1.0.0/24 ip daddr 10.1.0.0/24 masquerade
    ip saddr {OTHER4} oifname r1 snat ip prefix to ip saddr map {{ 10.1.0.0/24 : 10.9.0.0/24 }}
    ct original ip6 daddr fd07::1 snat ip6 to {POOL6}
    oifname r1 snat ip6 prefix to ip6 saddr map {{ fd01::/64 : fd09::/64 }}
"""
# Of each kind: where from, where to, and what a packet of it leaves with.
KINDS = {
    "source": ((CLIENT4, SERVER4, SNAT), (POOL4, SERVER4, SNAT)),
    "masquerade": ((CLIENT4, SERVER4, MASQUERADE), ("198.51.100.1", SERVER4, MASQUERADE)),
    "destination": ((CLIENT4, "192.0.2.80", 80), (CLIENT4, SERVER4, 8080)),
    "both ends": ((CLIENT4, "192.0.2.81", 80), ("198.51.100.1", SERVER4, 8080)),
    "hairpin": ((CLIENT4, POOL4, HAIRPIN), (INSIDE4, OTHER4, HAIRPIN)),
    "networks": ((OTHER4, "10.7.0.2", SNAT), ("10.9.0.3", SERVER4, SNAT)),
    "redirect": ((CLIENT4, SERVER4, REDIRECT), (CLIENT4, INSIDE4, 3128)),
    "prefixes": ((CLIENT6, SERVER6, SNAT), ("fd09::2", SERVER6, SNAT)),
    "both ends, IPv6": ((CLIENT6, "fd07::1", 80), (POOL6, SERVER6, 8080)),
}
WAYS = {"hairpin": ("r0", "r0"), "redirect": ("r0", None)}


def ends(flow):
    """Without the port of the client, which is any."""
    return flow[0], flow[1], flow[4]


def thousands_of_each_kind(lab):
    net = Nat(lab, pre=PRE, post=POST, inside=[("client", OTHER4, HAIRPIN),
                                               ("router", INSIDE4, 3128)])
    net.echo(net.server, SERVER4, MASQUERADE)
    daemon = net.meter()
    rates = []
    for number, ((source, dest, port), _) in enumerate(KINDS.values()):
        rates.append(net.exchanges(source, dest, port, FIRST + number * EACH, EACH, RATE))
    mappings = conntrack(net)
    lab.run(net.router, ["conntrack", "-F"])
    records = net.finish(daemon)
    equal("connections", len(mappings), 2 * EACH * len(KINDS))
    rest = dict(mappings)
    for number, (kind, (before, after)) in enumerate(KINDS.items()):
        ports = range(FIRST + number * EACH, FIRST + (number + 1) * EACH)
        mine = {}
        for flow, m in mappings.items():
            original = flow[3] if not m.way else m.after[4]
            if original in ports:
                mine[flow] = rest.pop(flow)
        equal(f"{kind}: connections", len(mine), 2 * EACH)
        assert all(map(is_translated, mine.values())), f"{kind}: some are not translated"
        equal(f"{kind}: kind", {(ends(m.before), ends(m.after)) for m in mine.values()
                                if not m.way}, {(before, after)})
        check([r for r in records if tuple_of(r) in mine], mine, WAYS.get(kind, FORWARDED))
    equal("connections of no kind", rest, {})
    check([r for r in records if tuple_of(r) not in mappings], {})
    print(f"    {min(rates):.0f} connections/s, {len(records)} records of {len(KINDS)} kinds")


if __name__ == "__main__":
    main([thousands_of_each_kind])
