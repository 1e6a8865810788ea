#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that ask connection tracking (`nat: kfuncs`) and ctnetlink (`nat: ctnetlink`) agree.

Each is the only source here, and has to say of each kind of NAT what `conntrack -L` says; both at
once are what test_nat_export.py has. The kfuncs know TCP and UDP only.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import equal, main, wait_for
from router import CLIENT4, CLIENT6, INSIDE4, INSIDE6, SERVER4, SERVER6, conntrack
from test_nat_export import (OTHER4, OTHER6, POOL4, POOL6, Nat, is_translated, scenario,
                             ten_thousand_connections)

DNAT4 = ("ip daddr 192.0.2.80 meta l4proto { tcp, udp } th dport 80 dnat ip to "
         f"{SERVER4}:8080")
TWO_CLIENTS = [(CLIENT4, 4000, "192.0.2.80", 80), (OTHER4, 4000, "192.0.2.80", 80)]


# ---- kinds of NAT, by kfuncs alone


def masquerade_by_kfuncs(lab):
    scenario(lab, [(CLIENT4, 4000, SERVER4, 7000), (OTHER4, 4000, SERVER4, 7000)], [],
             source="kfuncs", post="oifname r1 masquerade")


def both_ends_by_kfuncs(lab):
    scenario(lab, TWO_CLIENTS, [], source="kfuncs", post="oifname r1 masquerade", pre=DNAT4)


def hairpin_by_kfuncs(lab):
    scenario(lab, [(CLIENT4, 4000, POOL4, 7000)], [], way=("r0", "r0"), source="kfuncs",
             inside=[("client", OTHER4, 7000)], pre=f"ip daddr {POOL4} dnat ip to {OTHER4}",
             post="ip saddr 10.1.0.0/24 ip daddr 10.1.0.0/24 masquerade")


def redirect_by_kfuncs(lab):
    scenario(lab, [(CLIENT4, 4000, SERVER4, 80), (CLIENT6, 4000, SERVER6, 80)], [],
             way=("r0", None), source="kfuncs", inside=[("router", INSIDE4, 3128, INSIDE6, 3128)],
             pre="iifname r0 meta l4proto { tcp, udp } th dport 80 redirect to :3128")


def ipv6_by_kfuncs(lab):
    scenario(lab, [(CLIENT6, 4000, "fd07::1", 80), (OTHER6, 4000, SERVER6, 7000)], [],
             source="kfuncs", post=f"oifname r1 snat ip6 to {POOL6}",
             pre="ip6 daddr fd07::1 meta l4proto { tcp, udp } th dport 80 dnat ip6 to "
                 f"[{SERVER6}]:8080")


def ten_thousand_by_kfuncs(lab):
    ten_thousand_connections(lab, source="kfuncs")


# ---- and by ctnetlink alone


def both_ends_by_ctnetlink(lab):
    scenario(lab, TWO_CLIENTS, [(CLIENT4, "192.0.2.80")], source="ctnetlink",
             post="oifname r1 masquerade",
             pre=f"{DNAT4}; ip daddr 192.0.2.80 dnat ip to {SERVER4}")


def ten_thousand_by_ctnetlink(lab):
    ten_thousand_connections(lab, source="ctnetlink")


# ---- what is in use, and what is told


def mappings_of_all_sources_are_the_same(lab):
    net = Nat(lab, post="oifname r1 masquerade random", pre=DNAT4)
    told = {}
    net.open([(CLIENT4, 4000 + i, SERVER4, 7000) for i in range(10)] +
             [(OTHER4, 4000 + i, "192.0.2.80", 80) for i in range(10)])
    net.tell("say", 1)
    truth = {m.before: m.after for m in conntrack(net).values() if is_translated(m)}
    equal("translated", len(truth), 2 * 40)
    for source, in_use in (("auto", (True, True)), ("kfuncs", (True, False)),
                           ("ctnetlink", (False, True))):
        daemon = net.meter("--set", f"nat={source}")

        def mappings():
            net.tell("say", 1)
            reply = daemon.cli("nat", "--limit", "1000")
            told[source] = {
                (m["sourceIPv4Address"], m["destinationIPv4Address"], m["protocolIdentifier"],
                 m["sourceTransportPort"], m["destinationTransportPort"]):
                (m["postNATSourceIPv4Address"], m["postNATDestinationIPv4Address"],
                 m["protocolIdentifier"], m["postNAPTSourceTransportPort"],
                 m["postNAPTDestinationTransportPort"]) for m in reply["mappings"]}
            # a dump knows them all before the first packet has come
            seen = daemon.status()["nat"]["seen"]
            return told[source] == truth and (seen > 0 or not in_use[0])
        wait_for(f"{source} to tell of all mappings", mappings, 20, daemon.process)
        nat = daemon.status()["nat"]
        equal(f"{source}: in use", (nat["kfuncs"], nat["ctnetlink"]), in_use)
        equal(f"{source}: told by packets", nat["seen"] > 0, in_use[0])
        equal(f"{source}: not told for want of room", nat["unseen"], 0)
        daemon.stop()


if __name__ == "__main__":
    main([masquerade_by_kfuncs, both_ends_by_kfuncs, hairpin_by_kfuncs, redirect_by_kfuncs,
          ipv6_by_kfuncs, ten_thousand_by_kfuncs, both_ends_by_ctnetlink,
          ten_thousand_by_ctnetlink, mappings_of_all_sources_are_the_same])
