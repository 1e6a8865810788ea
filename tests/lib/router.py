# SPDX-License-Identifier: BSD-2-Clause
"""A router between a client and a server, parallaxd on it, and what its connection tracking says.

    client (c0) ===== (r0) router, parallaxd (r1) ===== (s0) server

A flow is (source, destination, protocol, source port, destination port) here, addresses as text; of
ICMP the source port is 0 and the destination port type * 256 + code.
"""

import collections
import re

from corpus import key_of, parse_lines
from netlab import Daemon, check_ledger, equal, wait_for

CLIENT4, INSIDE4, OUTSIDE4, SERVER4 = "10.1.0.2", "10.1.0.1", "198.51.100.1", "198.51.100.2"
CLIENT6, INSIDE6, OUTSIDE6, SERVER6 = "fd01::2", "fd01::1", "fd02::1", "fd02::2"
COUNTERS = ("packetDeltaCount", "octetDeltaCount", "postPacketDeltaCount", "postOctetDeltaCount")
ICMP = {1: "icmpTypeCodeIPv4", 58: "icmpTypeCodeIPv6"}


class Router:
    def __init__(self, lab, rules=""):
        self.lab = lab
        self.client, self.router, self.server = map(lab.namespace, "crs")
        lab.veth(self.client, "c0", self.router, "r0")
        lab.veth(self.router, "r1", self.server, "s0")
        for ns, dev, addresses in ((self.client, "c0", (CLIENT4, CLIENT6)),
                                   (self.router, "r0", (INSIDE4, INSIDE6)),
                                   (self.router, "r1", (OUTSIDE4, OUTSIDE6)),
                                   (self.server, "s0", (SERVER4, SERVER6))):
            lab.address(ns, dev, f"{addresses[0]}/24", f"{addresses[1]}/64")
            # A router asks for neighbours with its link-local address.
            lab.address(ns, dev, f"fe80::{ord(dev[0])}/64")
            lab.offload(ns, dev, tso=False, tx_udp_segmentation=False)
            lab.run(ns, ["nft", "add table inet quiet; add chain inet quiet out { type filter hook "
                         "output priority 0; }; add rule inet quiet out icmpv6 type 143 drop"])
            lab.run(ns, ["tc", "qdisc", "add", "dev", dev, "root", "pfifo", "limit", "100000"])
        for ns, gateways in ((self.client, (INSIDE4, INSIDE6)),
                             (self.server, (OUTSIDE4, OUTSIDE6))):
            for gateway in gateways:
                lab.run(ns, ["ip", "route", "add", "default", "via", gateway])
            # Fixed headers, so that octets follow from packets.
            lab.run(ns, ["sysctl", "-qw", "net.ipv4.tcp_sack=0", "net.ipv4.tcp_dsack=0",
                         "net.ipv4.tcp_timestamps=0", "net.ipv4.tcp_ecn=0"])
        lab.run(self.router, ["sysctl", "-qw", "net.ipv4.ip_forward=1",
                              "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0"])
        if rules:
            lab.run(self.router, ["nft", rules])

    def meter(self, *args):
        self.out = self.lab.path("flows.json")
        self.before = self.counters()
        return Daemon(self.lab, self.router, ["-i", "r0", "-i", "r1", "-e", f"json:{self.out}",
                                              *args])

    def counters(self):
        """Frames that came in and left at both, by the peers, where veth counts them exactly."""
        return {dev: self.lab.counters(ns, peer) for dev, ns, peer in
                (("r0", self.client, "c0"), ("r1", self.server, "s0"))}

    def since(self):
        """The same since meter()."""
        after = self.counters()
        return {dev: {side: after[dev][side][0] - self.before[dev][side][0]
                      for side in ("rx", "tx")} for dev in after}

    def at_rest(self, daemon):
        """Status and counters of one moment: neighbours are asked for at any time."""
        for _ in range(10):
            wire = self.since()
            status = daemon.settled(sum(n for dev in wire.values() for n in dev.values()))
            if wire == self.since():
                break
        return status, wire

    def flows_have_ended(self, daemon):
        """By themselves: only then no packets are on their way any more."""
        def ended():
            status, _ = self.at_rest(daemon)
            return status["cache"]["flows"] == status["total"]["held"]["packets"] == 0
        wait_for("flows to end", ended, 30, daemon.process)

    def finish(self, daemon):
        """Stop; the ledger equals the interface counters. The records."""
        status, wire = self.at_rest(daemon)
        for iface in status["interfaces"]:
            for direction, side in (("in", "tx"), ("out", "rx")):
                ledger = iface["ledger"][direction]
                check_ledger(ledger, f"{iface['name']} {direction}")
                equal(f"{iface['name']} {direction}: seen", ledger["seen"]["packets"],
                      wire[iface["name"]][side])
        closing = daemon.stop()
        equal("lost, difference", (closing["lost"], closing["difference"]), (0, 0))
        with open(self.out, encoding="utf-8") as file:
            records = parse_lines(file.read())
        # Each packet at each interface is in one record: on its way in, or on its way out.
        metered = sum(iface["ledger"][direction]["metered"]["packets"]
                      for iface in status["interfaces"] for direction in ("in", "out"))
        equal("packets in records", metered, sum(
            r["packetDeltaCount"] + r.get("postPacketDeltaCount", 0) for r in records))
        return records


def tuple_of(record):
    source, dest, protocol, source_port, dest_port = key_of(record)
    return (str(source), str(dest), protocol, source_port,
            record.get(ICMP.get(protocol), dest_port))


def by_tuple(records):
    """{flow: its counters of all records, as COUNTERS}"""
    flows = {}
    for r in records:
        sums = flows.setdefault(tuple_of(r), [0, 0, 0, 0])
        for i, name in enumerate(COUNTERS):
            sums[i] += r.get(name, 0)
    return flows


def translated(record):
    """The flow as it left, by the fields that NAT has in a record; None when it has none."""
    version = record["ipVersion"]
    fields = (f"postNATSourceIPv{version}Address", f"postNATDestinationIPv{version}Address",
              "postNAPTSourceTransportPort", "postNAPTDestinationTransportPort")
    flow = tuple_of(record)
    if flow[2] in ICMP:  # type and code stay, and are no ports
        equal(f"ports of {flow}", [name for name in fields[2:] if name in record], [])
        record = {**record, fields[2]: flow[3], fields[3]: flow[4]}
    elif not any(name in record for name in fields):
        return None
    if flow[2] in ICMP and fields[0] not in record:
        equal(f"fields of {flow}", fields[1] in record, False)
        return None
    return (record[fields[0]], record[fields[1]], flow[2], record[fields[2]], record[fields[3]])


# One direction of a connection: the flow as it comes and as it leaves, and packets and octets where
# net.netfilter.nf_conntrack_acct is 1. `way` has 0 for the connection's first packet's direction.
Mapping = collections.namedtuple("Mapping", "before after way packets octets")


def mappings_of(text):
    """{flow as it comes: Mapping}, of what conntrack(8) prints with -o extended."""
    mappings = {}
    for line in text.splitlines():
        protocol = re.search(r"\s(?:tcp|udp|icmp|icmpv6)\s+(\d+)\s", line)
        if not protocol or "src=127." in line:
            continue
        protocol = int(protocol.group(1))
        ways = [dict(re.findall(r"(\w+)=(\S+)", "src=" + part))
                for part in line.split("src=")[1:]]
        flows = []
        for way in ways:
            ports = (0, int(way["type"]) * 256 + int(way["code"])) if protocol in ICMP else \
                (int(way["sport"]), int(way["dport"]))
            flows.append((way["src"], way["dst"], protocol, *ports))
        for i, way in enumerate(ways):
            flow, back = flows[i], flows[1 - i]
            ports = flow[3:] if protocol in ICMP else back[:2:-1]
            after = (back[1], back[0], protocol, *ports)
            # ICMP's identifier is not in a flow: two of them may be one
            assert flow not in mappings, f"two connections are {flow}"
            mappings[flow] = Mapping(flow, after, i, int(way.get("packets", 0)),
                                     int(way.get("bytes", 0)))
    return mappings


def conntrack(net):
    return mappings_of(net.lab.run(net.router, ["conntrack", "-L", "-o", "extended"]))
