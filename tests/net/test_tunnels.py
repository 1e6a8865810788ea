#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tunnels, with super-packets at work inside of them: every record of an inner flow has the packets of
that flow, and the octets that they had on the wire, outer headers included.

    client (tn0 over cl0) ===== veth ===== (sv0 below tn0) server, parallaxd

Truth: the sockets' own counters inside of the tunnel, plus what the tunnel adds to each packet; and in
sum the interface counters of the client. A counter of nftables at sv0 shows that the packets were few
and large there. What kinds of tunnel there are, depends on the kernel; the others are skipped.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import CLIENT4, CLIENT6, ETHERNET, SERVER4, SERVER6, cable, tcp, udp
from corpus import key_of, parse_lines
from netlab import Daemon, Skip, check_ledger, equal, main, run

INNER4 = "10.78.0.1", "10.78.0.2"
INNER6 = "fd78::1", "fd78::2"
OCTETS = int(os.environ.get("PLX_TUNNEL_OCTETS", 48 << 20))
KEY = 42


class Kind:
    """How to make a tunnel, which families it takes inside, octets it adds, and what records say."""

    def __init__(self, link, families, adds, says, outer6=False, device="tn0"):
        self.link, self.families, self.adds, self.says = link, families, adds, says
        self.outer6, self.device = outer6, device

    def make(self, lab, ns, dev, end):
        """One end: 0 is the client's."""
        outer = ((CLIENT6, SERVER6) if self.outer6 else (CLIENT4, SERVER4))
        local, remote = outer[end], outer[1 - end]
        argv = ["ip", "-n", ns, "link", "add", self.device, "type",
                *self.link.format(local=local, remote=remote, dev=dev).split()]
        try:
            run(argv)
        except AssertionError as error:
            if re.search("Unknown device type|not supported", str(error)):
                raise Skip(f"no {argv[7]} devices here") from None
            raise
        run(["ip", "-n", ns, "link", "set", self.device, "mtu", "1400", "up"])
        for family, addresses in ((4, INNER4), (6, INNER6)):
            if family in self.families:
                lab.address(ns, self.device, addresses[end] + ("/24" if family == 4 else "/64"))


# Outer IPv4 20, IPv6 40; UDP 8, VXLAN and Geneve 8, GRE 4, its key 4, an Ethernet header 14.
KINDS = {
    "vxlan": Kind("vxlan id 42 local {local} remote {remote} dstport 4789 dev {dev}", (4, 6),
                  20 + 8 + 8 + 14, {"layer2SegmentId": 1 << 56 | KEY}),
    "vxlan_over_ipv6": Kind("vxlan id 42 local {local} remote {remote} dstport 8472 dev {dev}",
                            (4, 6), 40 + 8 + 8 + 14, {"layer2SegmentId": 1 << 56 | KEY}, True),
    "geneve": Kind("geneve id 42 remote {remote}", (4, 6), 20 + 8 + 8 + 14,
                   {"layer2SegmentId": KEY}),
    "gre": Kind("gre local {local} remote {remote} key 42", (4, 6), 20 + 4 + 4, {"greKey": KEY}),
    "gretap": Kind("gretap local {local} remote {remote}", (4, 6), 20 + 4 + 14, {}),
    "ipip": Kind("ipip local {local} remote {remote}", (4,), 20, {}),
    "sit": Kind("sit local {local} remote {remote}", (6,), 20, {}),
    "ip6tnl": Kind("ip6tnl mode any local {local} remote {remote} encaplimit none", (4, 6), 40, {},
                   True),
}


def count_skbs(lab, ns, dev):
    """Count what passes dev in the stack of ns, super-packets as one: on the way in behind GRO, on the
    way out before segmentation. Returns a function that says how many (in, out) by now."""
    lab.run(ns, ["nft", "add table netdev skbs; "
                 f"add chain netdev skbs in {{ type filter hook ingress device {dev} priority 0; }}; "
                 f"add chain netdev skbs out {{ type filter hook egress device {dev} priority 0; }}; "
                 "add rule netdev skbs in counter; add rule netdev skbs out counter"])

    def counted():
        text = lab.run(ns, ["nft", "list", "table", "netdev", "skbs"])
        return tuple(int(n) for n in re.findall(r"counter packets (\d+)", text))
    return counted


def traffic(lab, client, server, kind):
    """{five-tuple: (packets, octets)} inside of the tunnel."""
    truth = {}
    for family, (source, addr) in ((4, INNER4), (6, INNER6)):
        if family not in kind.families:
            continue
        truth |= tcp(lab, client, server, addr, 5000 + family, OCTETS)
        # One UDP super-packet is many datagrams of one flow.
        truth |= udp(lab, client, server, source, addr, 6000 + family, 2, 3001, 1000, 30)
    return truth


def summed(records, key):
    flows = {}
    for record in records:
        packets, octets = flows.get(key(record), (0, 0))
        flows[key(record)] = (packets + record["packetDeltaCount"],
                              octets + record["octetDeltaCount"])
    return flows


def texts(flow):
    return (str(flow[0]), str(flow[1]), *flow[2:])


def through(lab, name, hook, policy):
    """All traffic through a tunnel; the daemon's records are checked against the truth."""
    kind = KINDS[name]
    client, server = cable(lab)
    for ns, dev, end in ((client, "cl0", 0), (server, "sv0", 1)):
        kind.make(lab, ns, dev, end)
    out = lab.path("flows.json")
    daemon = Daemon(lab, server, ["-e", f"json:{out}", "--set", f"tunnel={policy}", "--set",
                                  f"interfaces=[{{name: sv0, hook: {hook}}}]"])
    iface = daemon.status()["interfaces"][0]
    equal("ingress hook, exact, policy", (iface["hook_in"], iface["exact"], iface["tunnel"]),
          (hook, True, policy))
    skbs = count_skbs(lab, server, "sv0")
    before = lab.counters(client, "cl0")
    truth = traffic(lab, client, server, kind)

    # Of one moment: neighbours are asked for at any time.
    for _ in range(10):
        after = lab.counters(client, "cl0")
        wire = {side: tuple(a - b for a, b in zip(after[side], before[side])) for side in after}
        status = daemon.settled(wire["tx"][0] + wire["rx"][0])
        if lab.counters(client, "cl0") == after:
            break
    ledger = status["interfaces"][0]["ledger"]
    for side, direction in (("tx", "in"), ("rx", "out")):
        seen = ledger[direction]["seen"]
        # veth counts a frame without its Ethernet header where the receiver polls.
        equal(f"{direction}: seen = what the client's interface counted",
              (seen["packets"], seen["bytes"] - ETHERNET * seen["packets"]), wire[side])
        check_ledger(ledger[direction], direction)
    handled = skbs()
    assert handled[1] < wire["rx"][0] / 3, f"no GSO: {handled[1]} of {wire['rx'][0]} packets"
    # GRO does not merge UDP, but the TCP segments that come in.
    segments = sum(truth[key][0] for key in truth if key[2] == 6 and key[4] < 7000)
    merged = wire["tx"][0] - handled[0]
    if hook == "tc":
        assert merged > segments / 2, f"no GRO: {merged} of {segments} segments"
    closing = daemon.stop()
    equal("lost, difference", (closing["lost"], closing["difference"]), (0, 0))
    with open(out, encoding="utf-8") as file:
        records = parse_lines(file.read())
    check_records(kind, policy, truth, records)


def check_records(kind, policy, truth, records):
    outer = {CLIENT4, SERVER4, CLIENT6, SERVER6}
    if policy == "outer":
        # What is outer and no neighbour discovery is the tunnel's.
        mine = [r for r in records if r["protocolIdentifier"] != 58]
        sums = [sum(r[name] for r in mine) for name in ("packetDeltaCount", "octetDeltaCount")]
        for record in records:
            assert "outer" not in record and {texts(key_of(record))[0]} <= outer, record
        least = [sum(v[0] for v in truth.values()),
                 sum(v[1] + v[0] * kind.adds for v in truth.values())]
        # ... and inside of it there is more: ARP or neighbour discovery, a few packets.
        stray = sums[0] - least[0]
        assert 0 <= stray <= 40, f"{sums[0]} packets, not {least[0]}"
        assert 0 <= sums[1] - least[1] <= stray * 200, f"{sums[1]} octets, not {least[1]}"
        return
    stored = summed(records, lambda r: texts(key_of(r)))
    for key, (packets, octets) in truth.items():
        equal(f"flow {key}: (packets, octets on the wire)", stored.get(key),
              (packets, octets + packets * kind.adds))
    inside = [r for r in records if texts(key_of(r)) in truth]
    for record in inside:
        equal("outer header", "outer" in record, policy == "both")
        for name, value in kind.says.items():
            equal(name, record.get(name), value if policy == "both" else None)
        if policy == "both":
            version = record["outer"]["ipVersion"]
            equal("outer version", version, 6 if kind.outer6 else 4)
            ends = {record["outer"][f"{end}IPv{version}Address"]
                    for end in ("source", "destination")}
            assert ends <= outer and len(ends) == 2, record["outer"]
            equal("first interface", record["flowDirection"],
                  int(record["outer"][f"sourceIPv{version}Address"] in (SERVER4, SERVER6)))


def test_of(name, hook, policy):
    def test(lab):
        through(lab, name, hook, policy)
    test.__name__ = f"{name}_at_{hook}_keyed_by_{policy}"
    return test


if __name__ == "__main__":
    main([test_of(name, hook, "both") for name in KINDS for hook in ("xdp", "tc")] +
         [test_of("vxlan", "tc", policy) for policy in ("inner", "outer")])
