#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is exported of connections under NAT is what connection tracking says of them.

    client (c0) ===== (r0) router, nftables, parallaxd (r1) ===== (s0) server
    10.1.0.2 .3 .9    .1                        198.51.100.1 .100  .2
    fd01::2 ::3 ::9   ::1                            fd02::1 ::100 ::2

Truth: `conntrack -L` of the router, of each direction of a connection the flow as it comes, the
flow as it leaves, packets and octets; its interface counters; nftables' counter of what it dropped.
The rules leave 10.1.0.9 and fd01::9 alone.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from operator import itemgetter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import udp
from corpus import parse_lines
from netlab import (PATIENCE, PYTHON, TRAFFIC, Collector, equal, five_tuple, main, wait_for)
from router import (CLIENT4, CLIENT6, INSIDE4, INSIDE6, OUTSIDE4, SERVER4, SERVER6, Router,
                    by_tuple, conntrack, translated, tuple_of)

OTHER4, PLAIN4, POOL4 = "10.1.0.3", "10.1.0.9", "198.51.100.100"
OTHER6, PLAIN6, POOL6 = "fd01::3", "fd01::9", "fd02::100"
FORWARDED = ("r0", "r1")
# Connections without NAT that each test has among the others
PLAIN = ((PLAIN4, 4000, SERVER4, 7000), (PLAIN6, 4000, SERVER6, 7000))
PLAIN_PINGS = ((PLAIN4, SERVER4), (PLAIN6, SERVER6))


class Nat(Router):
    """With rules, in the chains pre and post; and programs that answer and that talk."""

    def __init__(self, lab, pre="", post="", inside=()):
        super().__init__(lab)
        lab.address(self.client, "c0", *(f"{a}/24" for a in (OTHER4, PLAIN4)),
                    *(f"{a}/64" for a in (OTHER6, PLAIN6)))
        lab.address(self.router, "r1", f"{POOL4}/24", f"{POOL6}/64")
        alone = f"ip saddr {PLAIN4} return; ip6 saddr {PLAIN6} return"
        lab.run(self.router, ["nft", "-f", "-"], input=f"""
            table inet nat {{
                chain track {{
                    type filter hook prerouting priority filter
                    ct state invalid counter
                }}
                chain pre {{
                    type nat hook prerouting priority dstnat
                    {alone}
                    {pre}
                }}
                chain post {{
                    type nat hook postrouting priority srcnat
                    {alone}
                    {post}
                }}
            }}""")
        # Connection tracking is there with the first rule that needs it, of each family.
        lab.run(self.router, ["sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1",
                              "net.netfilter.nf_conntrack_udp_timeout=600",
                              "net.netfilter.nf_conntrack_udp_timeout_stream=600",
                              "net.netfilter.nf_conntrack_icmp_timeout=600",
                              "net.netfilter.nf_conntrack_icmpv6_timeout=600",
                              # of hairpins: they would be packets that no program has sent
                              "net.ipv4.conf.all.send_redirects=0",
                              "net.ipv4.conf.r0.send_redirects=0"])
        self.echo(self.server, SERVER4, 7000, SERVER4, 8080, SERVER6, 7000, SERVER6, 8080)
        for ns, *places in inside:
            self.echo(getattr(self, ns), *places)
        self.talker = self.program(self.client, "talk", stdin=subprocess.PIPE)
        self.talking = threading.Lock()

    def program(self, ns, *args, **kw):
        return self.lab.start(ns, [PYTHON, TRAFFIC, *map(str, args)], stdout=subprocess.PIPE,
                              text=True, **kw)

    def echo(self, ns, *places):
        equal("echo", self.program(ns, "echo", *places).stdout.readline(), "listening\n")

    def tell(self, *words):
        with self.talking:
            self.talker.stdin.write(" ".join(map(str, words)) + "\n")
            self.talker.stdin.flush()
            equal(f"the answer to {words}", self.talker.stdout.readline(), "\n")

    def open(self, connections):
        for protocol in ("tcp", "udp"):
            for connection in connections:
                self.tell(protocol, *connection)

    def close(self):
        """End all connections; what connection tracking has when the last packet has passed."""
        self.tell("close")

        def closed():
            lines = self.lab.run(self.router, ["conntrack", "-L", "-p", "tcp"]).splitlines()
            return all("TIME_WAIT" in line for line in lines)
        wait_for("connections to end", closed)
        return conntrack(self)

    def ping(self, source, dest):
        self.lab.run(self.client, ["ping", "-q", "-c", "1", "-W", str(int(5 * PATIENCE)), "-I",
                                   source, dest])

    def exchanges(self, *args):
        return float(self.lab.run(self.client, [PYTHON, TRAFFIC, "exchanges", *map(str, args)]))


def is_translated(mapping):
    return mapping.before != mapping.after


def check(records, mappings, way=FORWARDED):
    """Records have the mappings and counters of connection tracking, all of them and nothing else;
    translated connections came in and left as `way` says, None: they end here."""
    flows = by_tuple(records)
    for r in records:
        flow = tuple_of(r)
        if flow not in mappings:  # neighbours are asked for, which is not tracked
            equal(f"{flow}: translation", translated(r), None)
            equal(f"{flow}: protocol", flow[2], 58)
            continue
        mapping = mappings[flow]
        equal(f"{flow}: translation", translated(r),
              mapping.after if is_translated(mapping) else None)
        dev_in, dev_out = (way if is_translated(mapping) else FORWARDED)[::-1 if mapping.way else 1]
        equal(f"{flow}: interfaces",
              (r.get("ingressInterfaceName"), r.get("egressInterfaceName")), (dev_in, dev_out))
        assert "droppedPacketDeltaCount" not in r, r
    for flow, mapping in mappings.items():
        counted = [mapping.packets, mapping.octets]
        one_side = is_translated(mapping) and None in way
        equal(f"{flow}: packets, octets", flows.get(flow), counted + ([0, 0] if one_side
                                                                      else counted))


def scenario(lab, connections, pings, way=FORWARDED, source="auto", **rules):
    """TCP and UDP connections, and pings; all are translated."""
    net = Nat(lab, **rules)
    daemon = net.meter("--set", f"nat={source}")
    net.open((*connections, *PLAIN))
    net.tell("say", 3)
    for ping in (*pings, *PLAIN_PINGS):
        net.ping(*ping)
    mappings = net.close()
    records = net.finish(daemon)
    wanted = sorted([(s, d, protocol, sp, dp) for s, sp, d, dp in connections
                     for protocol in (6, 17)] +
                    [(s, d, 58, 0, 128 << 8) if ":" in s else (s, d, 1, 0, 8 << 8)
                     for s, d in pings])
    equal("translated connections", sorted(m.before for m in mappings.values()
                                           if is_translated(m) and not m.way), wanted)
    equal("others", sum(not is_translated(m) for m in mappings.values()),
          2 * (2 * len(PLAIN) + len(PLAIN_PINGS)))
    check(records, mappings, way)
    return mappings


# ---- kinds of NAT


def source_nat(lab):
    scenario(lab, [(CLIENT4, 4000, SERVER4, 7000)], [(CLIENT4, SERVER4)],
             post=f"oifname r1 snat ip to {POOL4}")


def masquerade_of_one_port_of_two_clients(lab):
    # One ping only: of echo replies the outside has the router's address for all clients.
    mappings = scenario(lab, [(CLIENT4, 4000, SERVER4, 7000), (OTHER4, 4000, SERVER4, 7000)],
                        [(CLIENT4, SERVER4)], post="oifname r1 masquerade")
    for protocol in (6, 17):
        ports = {m.after[3] for m in mappings.values()
                 if m.after[:3] == (OUTSIDE4, SERVER4, protocol) and not m.way}
        assert len(ports) == 2 and 4000 in ports, f"no port was changed: {ports}"


def destination_nat(lab):
    scenario(lab, [(CLIENT4, 4000, "192.0.2.80", 80), (OTHER4, 4000, "192.0.2.80", 80)],
             [(CLIENT4, "192.0.2.80")],
             pre=f"ip daddr 192.0.2.80 meta l4proto {{ tcp, udp }} th dport 80 dnat ip to "
                 f"{SERVER4}:8080; ip daddr 192.0.2.80 dnat ip to {SERVER4}")


def both_ends_translated(lab):
    scenario(lab, [(CLIENT4, 4000, "192.0.2.80", 80), (OTHER4, 4000, "192.0.2.80", 80)],
             [(CLIENT4, "192.0.2.80")], post="oifname r1 masquerade",
             pre=f"ip daddr 192.0.2.80 meta l4proto {{ tcp, udp }} th dport 80 dnat ip to "
                 f"{SERVER4}:8080; ip daddr 192.0.2.80 dnat ip to {SERVER4}")


def hairpin(lab):
    """A client reaches another one in its own network by the public address of that one."""
    scenario(lab, [(CLIENT4, 4000, POOL4, 7000)], [(CLIENT4, POOL4)], way=("r0", "r0"),
             inside=[("client", OTHER4, 7000)], pre=f"ip daddr {POOL4} dnat ip to {OTHER4}",
             post="ip saddr 10.1.0.0/24 ip daddr 10.1.0.0/24 masquerade")


def whole_networks_one_to_one(lab):
    scenario(lab, [(CLIENT4, 4000, "10.7.0.2", 7000), (OTHER4, 4000, SERVER4, 7000)],
             [(OTHER4, "10.7.0.2")],
             pre="dnat ip prefix to ip daddr map { 10.7.0.0/24 : 198.51.100.0/24 }",
             post="oifname r1 snat ip prefix to ip saddr map { 10.1.0.0/24 : 10.9.0.0/24 }")


def redirect_to_the_router(lab):
    scenario(lab, [(CLIENT4, 4000, SERVER4, 80), (CLIENT6, 4000, SERVER6, 80)],
             [(CLIENT4, SERVER4), (CLIENT6, SERVER6)], way=("r0", None),
             inside=[("router", INSIDE4, 3128, INSIDE6, 3128)],
             pre="iifname r0 meta l4proto { tcp, udp } th dport 80 redirect to :3128; "
                 "iifname r0 meta l4proto { icmp, icmpv6 } ct state new redirect")


def ipv6_prefix_translation(lab):
    scenario(lab, [(CLIENT6, 4000, SERVER6, 7000), (OTHER6, 4000, SERVER6, 7000)],
             [(CLIENT6, SERVER6), (OTHER6, SERVER6)],
             post="oifname r1 snat ip6 prefix to ip6 saddr map { fd01::/64 : fd09::/64 }")


def ipv6_source_and_destination_nat(lab):
    scenario(lab, [(CLIENT6, 4000, "fd07::1", 80), (OTHER6, 4000, SERVER6, 7000)],
             [(CLIENT6, "fd07::1")], post=f"oifname r1 snat ip6 to {POOL6}",
             pre="ip6 daddr fd07::1 meta l4proto { tcp, udp } th dport 80 dnat ip6 to "
                 f"[{SERVER6}]:8080; ip6 daddr fd07::1 dnat ip6 to {SERVER6}")


# ---- many of them, and those that are there already


def ten_thousand_connections(lab, source="auto"):
    """And connection tracking has forgotten all of them before they are exported."""
    net = Nat(lab, post="oifname r1 masquerade random")
    daemon = net.meter("--set", f"nat={source}")
    rate = net.exchanges(CLIENT4, SERVER4, 7000, 10000, 10000, 2000)
    mappings = conntrack(net)
    lab.run(net.router, ["conntrack", "-F"])
    records = net.finish(daemon)
    equal("connections", len(mappings), 2 * 10000)
    equal("translated", sum(map(is_translated, mappings.values())), 2 * 10000)
    check(records, mappings)
    moved = sum(m.before[3] != m.after[3] for m in mappings.values())
    print(f"    {rate:.0f} connections/s, {len(records)} records, {moved} with other source ports")


def started_in_the_middle_of_connections(lab):
    net = Nat(lab, post="oifname r1 masquerade random",
              pre=f"ip daddr 192.0.2.80 meta l4proto {{ tcp, udp }} th dport 80 dnat ip to "
                  f"{SERVER4}:8080")
    net.open([(CLIENT4, 4000 + i, SERVER4, 7000) for i in range(10)] +
             [(OTHER4, 4000 + i, "192.0.2.80", 80) for i in range(10)])
    net.tell("say", 1)
    over = threading.Event()

    def keep_talking():
        while not over.wait(0.01):
            net.tell("say", 1)
    talking = threading.Thread(target=keep_talking)
    talking.start()
    try:
        mappings = {k: m.after for k, m in conntrack(net).items()}
        equal("connections", len(mappings), 2 * 40)
        daemon = net.meter("--set", "timeouts.active=2s", "--set", "timeouts.inactive=2s")
        ready = time.monotonic()
        seen = set()

        def all_there():
            flows = [f for f in daemon.cli("flows", "--limit", "1000")["flows"]
                     if f["protocolIdentifier"] in (6, 17)]
            for flow in flows:
                equal(f"{tuple_of(flow)}: translation", translated(flow),
                      mappings.get(tuple_of(flow)))
            seen.update(map(tuple_of, flows))
            return seen == set(mappings)
        wait_for("all mappings in parallax flows", all_there, 10, daemon.process)
        took = time.monotonic() - ready
        epoch = daemon.status()["epoch_ns"] / 1e9
        assert took < (2 * epoch + 0.2) * PATIENCE, f"all mappings {took} s after the start"
        # and they go on, with packets on both sides
        time.sleep(2)
    finally:
        over.set()
        talking.join()
    net.close()
    wait_for("flows to end", lambda: daemon.status()["cache"]["flows"] == 0, 30, daemon.process)
    equal("lost, difference", itemgetter("lost", "difference")(daemon.stop()), (0, 0))
    with open(net.out, encoding="utf-8") as file:
        records = [r for r in parse_lines(file.read()) if r["protocolIdentifier"] in (6, 17)]
    equal("flows", {tuple_of(r): translated(r) for r in records}, mappings)
    for flow, (packets, _, left, _) in by_tuple(records).items():
        # while one interface is metered and the other one not yet, a packet may pass
        assert packets > 20 and abs(packets - left) <= 2, f"{flow}: {packets} in, {left} out"
    for r in records:
        assert "droppedPacketDeltaCount" not in r, r
    print(f"    all mappings after {took:.2f} s")


# ---- what is asked for with a filter


def told(daemon, command, *words):
    """{flow as it comes: as it leaves}, and how many there are."""
    document = daemon.cli(command, *words)
    found = document["mappings" if command == "nat" else "flows"]
    return {tuple_of(r): translated(r) for r in found}, document["total"]


def filters_match_either_side(lab):
    net = Nat(lab, post="oifname r1 ip protocol tcp masquerade random; oifname r1 ip protocol udp "
              "masquerade random")
    daemon = net.meter("--set", "timeouts.active=60s", "--set", "timeouts.inactive=60s",
                       "--set", "timeouts.tcp_end=60s")
    net.open([(CLIENT4, 4000 + i, SERVER4, 7000 + 1080 * (i % 2)) for i in range(6)] + list(PLAIN))
    net.tell("say", 3)
    mappings = net.close()
    net.at_rest(daemon)
    nat = {k: m.after for k, m in mappings.items() if is_translated(m)}
    equal("mappings", len(nat), 2 * 2 * 6)
    for flow, after in nat.items():
        source, dest, protocol, sport, dport = after
        name = {6: "tcp", 17: "udp"}[protocol]
        words = f"src {source} and dst {dest} and {name} src port {sport} and dst port {dport}"
        # as one word or as several, as it left or as it came
        equal(f"nat {words}", told(daemon, "nat", words), ({flow: after}, 1))
        equal(f"flows {words}", told(daemon, "flows", *words.split()), ({flow: after}, 1))
        words = f"src host {flow[0]} and {name} src port {flow[3]} and dst port {flow[4]}"
        equal(f"flows {words}", told(daemon, "flows", words)[0][flow], after)
    ends = {k: v for k, v in nat.items() if k[2] == 6 and 8080 in k[3:] + v[3:]}
    equal("nat tcp port 8080", told(daemon, "nat", "tcp", "port", "8080"), (ends, len(ends)))
    some, total = told(daemon, "nat", "--limit", "2", "tcp", "port", "8080")
    equal("of those, two", (len(some), set(some) <= set(ends), total), (2, True, len(ends)))
    equal("flows that are not translated", {v for v in told(
        daemon, "flows", f"udp and host {PLAIN4}")[0].values()}, {None})
    equal("flows with SYN and without ACK", told(
        daemon, "flows", "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn")[1], 0)
    for command, expression, why in (
            ("flows", "len > 100", "the length of a packet is not in a flow record: 'len > 100'"),
            ("nat", "ip[8] = 64", "the TTL is not in a NAT mapping: 'ip[8] = 64'"),
            ("nat", "tcp prot 80", "syntax error: 'tcp prot 80'"),
            ("flows", "host nowhere.example", "unknown host 'nowhere.example'")):
        code, document = daemon.cli(command, expression, check=False)
        equal(expression, (code, document["error"]["code"]), (1, "bad_request"))
        assert why in document["error"]["message"], document
    net.finish(daemon)


# ---- what collectors make of it


class Nfacctd:
    """nfacctd of pmacct on the loopback of a namespace."""

    FIELDS = ("src_host", "dst_host", "src_port", "dst_port", "proto", "post_nat_src_host",
              "post_nat_dst_host", "post_nat_src_port", "post_nat_dst_port")

    def __init__(self, lab, ns, port):
        self.url = f"ipfix://127.0.0.1:{port}"
        self.out = lab.path("nfacctd.json")
        config = lab.path("nfacctd.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("daemonize: false\n"
                       "nfacctd_ip: 127.0.0.1\n"
                       f"nfacctd_port: {port}\n"
                       "nfacctd_time_new: true\n"
                       "plugins: print[nat]\n"
                       f"aggregate[nat]: {','.join(self.FIELDS)}\n"
                       "print_output[nat]: json\n"
                       f"print_output_file[nat]: {self.out}\n"
                       "print_output_file_append[nat]: true\n"
                       "print_refresh_time[nat]: 1\n"
                       "print_history[nat]: 1h\n")
        with open(lab.path("nfacctd.log"), "w", encoding="utf-8") as log:
            self.process = lab.start(ns, ["nfacctd", "-f", config], stdout=log, stderr=log)
        wait_for("nfacctd to listen",
                 lambda: f":{port} " in lab.run(ns, ["ss", "-Hlun"]), 20, self.process)

    def rows(self):
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().rpartition("\n")[0].splitlines()]

    def stop(self, packets):
        """End it when it has told of so many packets; {flow: (flow as it left, packets)}."""
        wait_for(f"nfacctd to tell of {packets} packets",
                 lambda: sum(row["packets"] for row in self.rows()) >= packets, 20, self.process)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30 * PATIENCE)
        flows = {}
        for row in self.rows():
            protocol = {"tcp": 6, "udp": 17}.get(row["ip_proto"], row["ip_proto"])
            flow, after = ((row[s], row[d], protocol, row[sp], row[dp]) for s, d, sp, dp in (
                ("ip_src", "ip_dst", "port_src", "port_dst"),
                ("post_nat_ip_src", "post_nat_ip_dst", "post_nat_port_src",
                 "post_nat_port_dst")))
            flows[flow] = after, flows.get(flow, (after, 0))[1] + row["packets"]
        return flows


def collectors_show_the_mappings(lab):
    net = Nat(lab, post="oifname r1 masquerade random",
              pre=f"ip daddr 192.0.2.80 meta l4proto {{ tcp, udp }} th dport 80 dnat ip to "
                  f"{SERVER4}:8080")
    nfcapd = Collector(lab, net.router, 9995)
    nfacctd = Nfacctd(lab, net.router, 9996)
    daemon = net.meter("-e", nfcapd.url, "-e", nfacctd.url)
    net.open([(CLIENT4, 4000 + i, SERVER4, 7000) for i in range(5)] +
             [(OTHER4, 4000 + i, "192.0.2.80", 80) for i in range(5)])
    net.tell("say", 3)
    mappings = net.close()
    records = net.finish(daemon)
    check(records, mappings)
    equal("connections", len(mappings), 2 * 20)
    wanted = {m.before: (m.after, m.packets) for m in mappings.values()}

    got = {}
    for flow in nfcapd.stop():
        if flow["proto"] not in (6, 17):
            continue
        key = five_tuple(flow)
        after = (flow["src4_xlt_ip"], flow["dst4_xlt_ip"], flow["proto"],
                 int(flow["src_xlt_port"]), int(flow["dst_xlt_port"]))
        equal(f"nfdump: {key}: out_packets", flow["out_packets"], flow["in_packets"])
        assert key not in got, f"two records of {key}"
        got[key] = after, flow["in_packets"]
    equal("nfdump", got, wanted)

    packets = sum(r["packetDeltaCount"] for r in records)
    got = {k: v for k, v in nfacctd.stop(packets).items() if k[2] in (6, 17)}
    equal("nfacctd", got, wanted)


# ---- without, and with drops


def without_looking_at_nat(lab):
    """Each side as it was seen; what is not translated is still joined."""
    net = Nat(lab, post="oifname r1 masquerade random")
    daemon = net.meter("--set", "nat=off")
    net.open([(CLIENT4, 4000 + i, SERVER4, 7000) for i in range(5)] + list(PLAIN))
    net.tell("say", 3)
    mappings = net.close()
    nat = daemon.status()["nat"]
    equal("status", (nat["kfuncs"], nat["ctnetlink"]), (False, False))
    records = net.finish(daemon)
    wanted = {}
    for m in mappings.values():
        ways = FORWARDED[::-1 if m.way else 1]
        if is_translated(m):
            wanted[m.before, ways[0], None] = [m.packets, m.octets, 0, 0]
            wanted[m.after, ways[0], ways[1]] = [m.packets, m.octets, 0, 0]
        else:
            wanted[m.before, *ways] = [m.packets, m.octets, m.packets, m.octets]
    equal("flows", len(wanted), 2 * (2 * 10 + 2 * len(PLAIN)))
    got = {}
    for r in records:
        equal("translation", translated(r), None)
        assert "droppedPacketDeltaCount" not in r, r
        if r["protocolIdentifier"] in (6, 17):
            (flow, counted), = by_tuple([r]).items()
            got[flow, r.get("ingressInterfaceName"), r.get("egressInterfaceName")] = counted
    equal("flows of each side", got, wanted)


def drops_are_counted_under_nat(lab):
    net = Nat(lab, post="oifname r1 masquerade random")
    lab.run(net.router, ["nft", "add table ip drops; add chain ip drops forw { type filter hook "
                         "forward priority 0; }; add rule ip drops forw numgen random mod 100 == 0 "
                         "counter drop"])
    daemon = net.meter("--set", "timeouts.active=1s", "--set", "timeouts.inactive=2s")
    truth = udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 20, 5000, 300, 1)
    mappings = conntrack(net)
    text = lab.run(net.router, ["nft", "list", "table", "ip", "drops"])
    dropped = int(re.search(r"counter packets (\d+)", text).group(1))
    assert dropped > 100, f"only {dropped} dropped"
    net.flows_have_ended(daemon)
    records = net.finish(daemon)
    flows = by_tuple(records)
    for flow, counted in truth.items():
        equal(f"{flow}: packets, octets", tuple(flows[flow][:2]), counted)
        mine = [r for r in records if tuple_of(r) == flow]
        equal(f"{flow}: translation", {translated(r) for r in mine}, {mappings[flow].after})
        equal(f"{flow}: dropped", sum(r.get("droppedPacketDeltaCount", 0) for r in mine),
              counted[0] - flows[flow][2])
    equal("droppedPacketDeltaCount = nftables' counter",
          sum(r.get("droppedPacketDeltaCount", 0) for r in records), dropped)


if __name__ == "__main__":
    main([source_nat, masquerade_of_one_port_of_two_clients, destination_nat,
          both_ends_translated, hairpin, whole_networks_one_to_one, redirect_to_the_router,
          ipv6_prefix_translation, ipv6_source_and_destination_nat, ten_thousand_connections,
          started_in_the_middle_of_connections, filters_match_either_side,
          collectors_show_the_mappings,
          without_looking_at_nat, drops_are_counted_under_nat])
