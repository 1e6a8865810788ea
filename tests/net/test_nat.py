#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the library knows of NAT is what connection tracking says, and what the other end sees.

    client (c0) ===== (rc) router, nftables, nat_dump (rs) ===== (s0) server
    10.1.0.2 .3        .1                           .1 .100      10.2.0.2 .3
    fd01::2 ::3        ::1                          ::1 ::100    fd02::2 ::3

Truth: `conntrack -L` of the router for all mappings, in all they have; for single connections, the
addresses and ports that the program at the other end saw.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import (BUILD, PATIENCE, PYTHON, TRAFFIC, Skip, equal, main, run, wait_for)
from traffic import bound

NAT_DUMP = os.path.join(BUILD, "tests", "net", "nat_dump")
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
EVENTS = "net.netfilter.nf_conntrack_events"


# ---- programs in the namespaces: test_nat.py ROLE ARGUMENTS


def echo(*places):
    """Tell each peer who it is: over TCP and UDP, at each ADDRESS PORT."""
    import selectors
    selector = selectors.DefaultSelector()
    for address, port in zip(places[::2], places[1::2]):
        tcp = bound(socket.SOCK_STREAM, address, port)
        tcp.listen(100)
        udp = bound(socket.SOCK_DGRAM, address, port)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        selector.register(tcp, selectors.EVENT_READ, False)
        selector.register(udp, selectors.EVENT_READ, True)
    print("listening", flush=True)
    kept = []
    while True:
        for key, _ in selector.select():
            sock = key.fileobj
            if key.data:
                _, peer = sock.recvfrom(100)
                sock.sendto(json.dumps([peer[:2], sock.getsockname()[:2]]).encode(), peer)
            else:
                stream, peer = sock.accept()
                stream.send(json.dumps([peer[:2], stream.getsockname()[:2]]).encode())
                kept.append(stream)


def ask():
    """For each line of input, `tcp|udp SOURCE SPORT DEST DPORT`: what the other end saw. What is
    opened stays open until `close`, which ends it from here."""
    kept = []
    for line in sys.stdin:
        if line.strip() == "close":
            for sock in kept:
                sock.close()
            kept = []
            print("[]", flush=True)
            continue
        kind, source, sport, dest, dport = line.split()
        sock = bound(socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM, source, sport)
        sock.settimeout(5 * PATIENCE)
        sock.connect((dest, int(dport)))
        if kind == "udp":
            sock.send(b"?")
        print(sock.recv(200).decode(), flush=True)
        kept.append(sock)


ROLES = {"echo": echo, "ask": ask}


# ---- the lab


class Nat:
    """nat_dump in a namespace."""

    def __init__(self, lab, ns, capacity=100000, retention_ms=60000, resync_ms=0,
                 buffer_bytes=16 << 20):
        self.process = lab.start(ns, [NAT_DUMP, str(capacity), str(retention_ms), str(resync_ms),
                                      str(buffer_bytes)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        equal("nat_dump", self.answer(), {"ready": True})

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def list(self):
        return self.command("list")

    def info(self):
        return self.command("info")


def exchanges(count, first, rate=1e9, source="10.1.0.2"):
    return [PYTHON, TRAFFIC, "exchanges", source, "10.2.0.2", "7000", str(first), str(count),
            str(rate)]


class Router:
    """Client, router with these rules (chains pre and post, raw before connection tracking),
    server, and programs that answer: `client`, `router` and `server` say where."""

    def __init__(self, lab, pre="", post="", raw="", echo_at=()):
        self.lab = lab
        self.client, self.router, self.server = map(lab.namespace, "crs")
        lab.veth(self.client, "c0", self.router, "rc")
        lab.veth(self.server, "s0", self.router, "rs")
        lab.address(self.client, "c0", "10.1.0.2/24", "10.1.0.3/24", "fd01::2/64", "fd01::3/64")
        # link-local ones, too: neighbours are asked with them for packets from translated addresses
        lab.address(self.router, "rc", "10.1.0.1/24", "fd01::1/64", "fe80::1/64")
        lab.address(self.router, "rs", "10.2.0.1/24", "10.2.0.100/24", "fd02::1/64",
                    "fd02::100/64", "fe80::1/64")
        lab.address(self.server, "s0", "10.2.0.2/24", "10.2.0.3/24", "fd02::2/64", "fd02::3/64")
        for ns, net in ((self.client, 1), (self.server, 2)):
            run(["ip", "-n", ns, "route", "add", "default", "via", f"10.{net}.0.1"])
            run(["ip", "-n", ns, "-6", "route", "add", "default", "via", f"fd0{net}::1"])
        self.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.rules(pre, post, raw)
        self.askers = {}
        for place, where in echo_at:
            self.echo(place, *where)

    def rules(self, pre, post, raw=""):
        # connection tracking is there with the first rule that needs it
        nat = f"""
            chain pre {{
                type nat hook prerouting priority dstnat
                {pre}
            }}
            chain post {{
                type nat hook postrouting priority srcnat
                {post}
            }}
        """ if pre or post else ""
        self.lab.run(self.router, ["nft", "-f", "-"], input=f"""
            table inet plx {{
                chain raw {{
                    type filter hook prerouting priority raw
                    {raw}
                }}
                {nat}
            }}""")
        if nat:
            # nothing times out while a test looks at it
            self.sysctl("net.netfilter.nf_conntrack_acct=1",
                        "net.netfilter.nf_conntrack_udp_timeout=600",
                        "net.netfilter.nf_conntrack_udp_timeout_stream=600",
                        "net.netfilter.nf_conntrack_icmp_timeout=600",
                        "net.netfilter.nf_conntrack_icmpv6_timeout=600")

    def need(self, connections):
        """The limit is that of the machine; a namespace cannot have a higher one."""
        limit = int(self.lab.run(self.router, ["sysctl", "-n",
                                               "net.netfilter.nf_conntrack_max"]))
        if limit < connections:
            raise Skip(f"net.netfilter.nf_conntrack_max is {limit}, {connections} are needed")

    def sysctl(self, *settings):
        self.lab.run(self.router, ["sysctl", "-qw", *settings])

    def start(self, place, *args, **kw):
        return self.lab.start(getattr(self, place), [PYTHON, os.path.abspath(__file__), *args],
                              stdout=subprocess.PIPE, text=True, **kw)

    def echo(self, place, *where):
        process = self.start(place, "echo", *map(str, where))
        equal("echo", process.stdout.readline(), "listening\n")

    def ask(self, place, kind, source, sport, dest, dport):
        """Open a connection; ((address, port) of the peer, the same of itself) at the other end."""
        return self.tell(place, f"{kind} {source} {sport} {dest} {dport}")

    def close(self, place):
        self.tell(place, "close")

    def tell(self, place, line):
        if place not in self.askers:
            self.askers[place] = self.start(place, "ask", stdin=subprocess.PIPE)
        asker = self.askers[place]
        asker.stdin.write(line + "\n")
        asker.stdin.flush()
        return json.loads(asker.stdout.readline())

    def ping(self, place, source, dest):
        self.lab.run(getattr(self, place), ["ping", "-q", "-c", "1", "-W",
                                            str(int(5 * PATIENCE)), "-I", source, dest])

    def exchange(self, count, first=10000, rate=1e9, source="10.1.0.2"):
        """A datagram there and one back. What goes on at the same time is to have other ports:
        where two connections are to get the same one in the same moment, the kernel drops a
        packet."""
        return float(self.lab.run(self.client, exchanges(count, first, rate, source)))

    def conntrack(self, *args):
        """What conntrack(8) prints, as connections."""
        text = self.lab.run(self.router, ["conntrack", *args, "-o", "extended,id"])
        return [connection(line) for line in text.splitlines() if "src=" in line]

    def delete(self, *args):
        self.lab.run(self.router, ["conntrack", *args])

    def nat(self, **kw):
        return Nat(self.lab, self.router, **kw)


# ---- truth


def connection(line):
    """A line of conntrack(8), key=value: two tuples, flags in brackets, and what is of both."""
    words = line.split()
    ways, flags, common = [], set(), {}
    protocol = None
    for i, word in enumerate(words):
        key, _, value = word.partition("=")
        if word.startswith("["):
            flags.add(word.strip("[]"))
        elif key == "src":
            ways.append({"src": value})
            protocol = protocol or int(next(w for w in words[:i][::-1] if w in
                                            ("1", "6", "17", "58")))
        elif value and ways and (key in ("dst", "sport", "dport", "type", "code", "packets",
                                         "bytes") or (key == "id" and "use" not in common)):
            # the last id is that of the connection, all before are ICMP's
            ways[-1][key] = value
        elif value:
            common[key] = value
    state = next((w for w in words if w.isupper() and "_" in w or w in
                  ("ESTABLISHED", "CLOSE", "LISTEN")), "") if protocol == 6 else ""
    if "id" not in common:  # DESTROY has no use=, so its last id is that of the connection
        common["id"] = ways[-1].pop("id")
    return {"protocol": protocol, "ways": ways, "flags": flags, "state": state, **common}


def tuple_of(way, protocol):
    """Source, source port, destination, destination port, protocol, as a flow has them."""
    if "type" in way:
        return (way["src"], 0, way["dst"], int(way["type"]) * 256 + int(way["code"]), protocol)
    return (way["src"], int(way["sport"]), way["dst"], int(way["dport"]), protocol)


def leaving(way, back, protocol):
    """What a packet that came as way leaves as, when the answers to it come as back."""
    if "type" in way:
        return (back["dst"], 0, back["src"], int(way["type"]) * 256 + int(way["code"]), protocol)
    return (back["dst"], int(back["dport"]), back["src"], int(back["sport"]), protocol)


def zone_of(conn, reply):
    return int(conn.get("zone", conn.get("zone-reply" if reply else "zone-orig", 0)))


def mappings_of(conn):
    """Both mappings of a connection, or none when nothing is translated."""
    protocol = conn["protocol"]
    result = []
    for reply in (False, True):
        way, back = conn["ways"][reply], conn["ways"][not reply]
        before, after = tuple_of(way, protocol), leaving(way, back, protocol)
        if before != after:
            result.append((before, after, reply, before[:2] != after[:2],
                           before[2:4] != after[2:4], zone_of(conn, reply),
                           "UNREPLIED" not in conn["flags"], "ASSURED" in conn["flags"],
                           conn["state"], int(conn["id"])))
    return result


def expected(connections):
    return sorted(m for conn in connections for m in mappings_of(conn))


def listed(answer, live=True):
    return sorted((tuple(m["before"]), tuple(m["after"]), m["reply"], m["source"], m["dest"],
                   m["zone"], m["seen_reply"], m["assured"], m["tcp_state"], m["id"])
                  for m in answer["mappings"] if m["live"] == live)


def check_lookups(answer):
    """Each mapping is found by its tuples, unless a live one shares them."""
    for side in ("before", "after"):
        counts = {}
        for m in answer["mappings"]:
            key = tuple(m[side])
            counts[key] = counts.get(key, 0) + 1
        for m in answer["mappings"]:
            if counts[tuple(m[side])] == 1:
                assert m[f"found_{side}"], f"not found by {side}: {m}"
            elif not m[f"found_{side}"]:
                assert any(other[f"found_{side}"] and other[side] == m[side]
                           for other in answer["mappings"]), f"none found by {side}: {m}"


def check(router, nat, what="mappings", count=None):
    """All live mappings are those of conntrack -L; how many connections that are."""
    last = []

    def same():
        answer = nat.list()
        last[:] = expected(router.conntrack("-L")), listed(answer), answer
        return answer["synced"] and last[0] == last[1]
    try:
        wait_for(what, same, 10)
    except AssertionError as error:
        missing = [m for m in last[0] if m not in last[1]][:5]
        extra = [m for m in last[1] if m not in last[0]][:5]
        raise AssertionError(f"{error}: {len(last[0])} by conntrack, {len(last[1])} by nat_dump; "
                             f"missing {missing}, not in conntrack {extra}") from None
    answer = last[2]
    check_lookups(answer)
    equal(f"{what}: unreadable messages", answer["unreadable"], 0)
    equal(f"{what}: two for each connection", len(last[1]), 2 * answer["live"])
    if count is not None:
        equal(f"{what}: connections", answer["live"], count)
    return answer


def check_seen(answer, kind, source, sport, dest, dport, seen):
    """The mapping of a connection says what the other end of it saw; the reply turns it back."""
    (peer, peer_port), (local, local_port) = seen
    protocol = PROTOCOLS[kind]
    sent, got = [source, sport, dest, dport, protocol], [peer, peer_port, local, local_port,
                                                         protocol]
    mappings = [m for m in answer["mappings"] if m["before"] == sent]
    equal(f"{kind} {source}:{sport} as it leaves", [m["after"] for m in mappings], [got])
    back = [m for m in answer["mappings"]
            if m["before"] == [local, local_port, peer, peer_port, protocol] and m["reply"]]
    equal(f"{kind} {source}:{sport}, the answer", [m["after"] for m in back],
          [[dest, dport, source, sport, protocol]])
    return got


def scenario(router, nat, asks, pings, seen_as):
    """Open asks (place, source, sport, dest, dport) by TCP and UDP, ping (place, source, dest), and
    compare. seen_as: what the other end must have seen of each ask; None for any port."""
    seen = {}
    for kind in ("tcp", "udp"):
        for i, (place, *four) in enumerate(asks):
            seen[kind, i] = router.ask(place, kind, *four)
    for ping in pings:
        router.ping(*ping)
    answer = check(router, nat, count=2 * len(asks) + len(pings))
    for (kind, i), saw in seen.items():
        got = check_seen(answer, kind, *asks[i][1:], saw)
        want = seen_as[i]
        equal(f"{kind} {asks[i]} seen by the other end", got[:4],
              [got[j] if want[j] is None else want[j] for j in range(4)])
    if pings:
        equal("answers to pings", len([m for m in answer["mappings"] if m["reply"] and
                                       m["before"][4] in (1, 58)]), len(pings))
    # and closed: TCP goes on to TIME_WAIT, nothing is lost
    for place in router.askers:
        router.close(place)
    closed = check(router, nat, "mappings after close", 2 * len(asks) + len(pings))
    states = {m["tcp_state"] for m in closed["mappings"] if m["before"][4] == 6}
    assert states <= {"FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE"}, states
    # all end at once, and can still be found
    before = {m["id"] for m in closed["mappings"]}
    router.delete("-F")
    wait_for("all connections to have ended", lambda: nat.info()["live"] == 0)
    ended = nat.list()
    equal("ended", {m["id"] for m in ended["mappings"]}, before)
    assert not any(m["live"] for m in ended["mappings"])
    check_lookups(ended)
    equal("overruns", ended["overruns"], 0)


# ---- tests: kinds of NAT


SERVER = ("server", ("10.2.0.2", 7000, "10.2.0.2", 8080, "fd02::2", 7000, "fd02::2", 8080))


def source_nat(lab):
    router = Router(lab, post="oifname rs snat ip to 10.2.0.100", echo_at=[SERVER])
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.2.0.2", 7000)],
             [("client", "10.1.0.2", "10.2.0.2")], [["10.2.0.100", 4000, "10.2.0.2", 7000]])


def masquerade_of_one_port_of_two_clients(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    nat = router.nat()
    scenario(router, nat, [("client", "10.1.0.2", 4000, "10.2.0.2", 7000),
                           ("client", "10.1.0.3", 4000, "10.2.0.2", 7000)],
             [("client", "10.1.0.2", "10.2.0.2"), ("client", "10.1.0.3", "10.2.0.2")],
             [["10.2.0.1", 4000, "10.2.0.2", 7000], ["10.2.0.1", None, "10.2.0.2", 7000]])
    # the echo replies to both clients are one flow
    assert nat.info()["ambiguous"] > 0, "no lookup was ambiguous"


def destination_nat(lab):
    router = Router(lab, echo_at=[SERVER],
                    pre="ip daddr 10.7.0.1 meta l4proto { tcp, udp } th dport 80 "
                        "dnat ip to 10.2.0.2:8080; ip daddr 10.7.0.1 dnat ip to 10.2.0.2")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.7.0.1", 80)],
             [("client", "10.1.0.2", "10.7.0.1")], [["10.1.0.2", 4000, "10.2.0.2", 8080]])


def both_ends_translated(lab):
    router = Router(lab, echo_at=[SERVER], post="oifname rs masquerade",
                    pre="ip daddr 10.7.0.1 meta l4proto { tcp, udp } th dport 80 "
                        "dnat ip to 10.2.0.2:8080; ip daddr 10.7.0.1 dnat ip to 10.2.0.2")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.7.0.1", 80)],
             [("client", "10.1.0.2", "10.7.0.1")], [["10.2.0.1", 4000, "10.2.0.2", 8080]])


def full_cone(lab):
    """The client's public address is its own in both directions, for whoever begins."""
    router = Router(lab, echo_at=[SERVER, ("client", ("10.1.0.2", 7000))],
                    pre="iifname rs ip daddr 10.2.0.100 dnat ip to 10.1.0.2",
                    post="oifname rs ip saddr 10.1.0.2 snat ip to 10.2.0.100")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.2.0.2", 7000),
                                    ("server", "10.2.0.3", 4000, "10.2.0.100", 7000)],
             [("client", "10.1.0.2", "10.2.0.2"), ("server", "10.2.0.3", "10.2.0.100")],
             [["10.2.0.100", 4000, "10.2.0.2", 7000], ["10.2.0.3", 4000, "10.1.0.2", 7000]])


def hairpin(lab):
    """A client reaches another one in its own network by the public address of that one."""
    router = Router(lab, echo_at=[("client", ("10.1.0.3", 7000))],
                    pre="ip daddr 10.2.0.100 dnat ip to 10.1.0.3",
                    post="ip saddr 10.1.0.0/24 ip daddr 10.1.0.0/24 masquerade")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.2.0.100", 7000)],
             [("client", "10.1.0.2", "10.2.0.100")], [["10.1.0.1", 4000, "10.1.0.3", 7000]])


def whole_networks_one_to_one(lab):
    router = Router(lab, echo_at=[SERVER],
                    pre="dnat ip prefix to ip daddr map { 10.7.0.0/24 : 10.2.0.0/24 }",
                    post="oifname rs snat ip prefix to ip saddr map "
                         "{ 10.1.0.0/24 : 10.9.0.0/24 }")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.7.0.2", 7000),
                                    ("client", "10.1.0.3", 4000, "10.2.0.2", 7000)],
             [("client", "10.1.0.3", "10.7.0.3")],
             [["10.9.0.2", 4000, "10.2.0.2", 7000], ["10.9.0.3", 4000, "10.2.0.2", 7000]])


def redirect_to_the_router(lab):
    router = Router(lab, echo_at=[("router", ("10.1.0.1", 3128, "fd01::1", 3128))],
                    pre="iifname rc meta l4proto { tcp, udp } th dport 80 redirect to :3128; "
                        "iifname rc meta l4proto { icmp, icmpv6 } ct state new redirect")
    scenario(router, router.nat(), [("client", "10.1.0.2", 4000, "10.2.0.2", 80),
                                    ("client", "fd01::2", 4000, "fd02::2", 80)],
             [("client", "10.1.0.2", "10.2.0.2"), ("client", "fd01::2", "fd02::2")],
             [["10.1.0.2", 4000, "10.1.0.1", 3128], ["fd01::2", 4000, "fd01::1", 3128]])


def ipv6_prefix_translation(lab):
    router = Router(lab, echo_at=[SERVER],
                    post="oifname rs snat ip6 prefix to ip6 saddr map { fd01::/64 : fd09::/64 }")
    scenario(router, router.nat(), [("client", "fd01::2", 4000, "fd02::2", 7000),
                                    ("client", "fd01::3", 4000, "fd02::2", 7000)],
             [("client", "fd01::3", "fd02::2")],
             [["fd09::2", 4000, "fd02::2", 7000], ["fd09::3", 4000, "fd02::2", 7000]])


def ipv6_source_and_destination_nat(lab):
    router = Router(lab, echo_at=[SERVER], post="oifname rs snat ip6 to fd02::100",
                    pre="ip6 daddr fd07::1 meta l4proto { tcp, udp } th dport 80 "
                        "dnat ip6 to [fd02::2]:8080; ip6 daddr fd07::1 dnat ip6 to fd02::2")
    scenario(router, router.nat(), [("client", "fd01::2", 4000, "fd07::1", 80),
                                    ("client", "fd01::3", 4000, "fd02::2", 7000)],
             [("client", "fd01::2", "fd07::1"), ("client", "fd01::3", "fd02::2")],
             [["fd02::100", 4000, "fd02::2", 8080], ["fd02::100", 4000, "fd02::2", 7000]])


def zones_of_one_and_of_both_directions(lab):
    router = Router(lab, echo_at=[SERVER], post="oifname rs masquerade",
                    raw="meta l4proto udp ct zone set 7; "
                        "iifname rc meta l4proto icmp ct original zone set 9")
    nat = router.nat()
    router.ask("client", "udp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    answer = check(router, nat, count=1)
    equal("zones", {m["reply"]: m["zone"] for m in answer["mappings"]}, {False: 7, True: 7})
    router.ping("client", "10.1.0.2", "10.2.0.3")
    answer = check(router, nat, count=2)
    equal("zones of a ping", {m["reply"]: m["zone"] for m in answer["mappings"]
                              if m["before"][4] == 1}, {False: 9, True: 0})


# ---- tests: what there was before, what ends, what is lost


def connections_older_than_the_module(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    router.sysctl(f"{EVENTS}=1")
    router.exchange(500)
    router.ask("client", "tcp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    router.ask("client", "tcp", "fd01::2", 4000, "fd02::2", 7000)
    router.ping("client", "10.1.0.2", "10.2.0.2")
    nat = router.nat()
    answer = check(router, nat, count=503)
    assert all(m["older"] for m in answer["mappings"]), "seen as new"
    equal("events", answer["events"], 0)
    # packets were counted before: a dump has them
    equal("packets of the exchanges", {(m["packets"], m["octets"]) for m in answer["mappings"]
                                       if m["before"][4] == 17 and not m["reply"]}, {(1, 29)})
    # with nf_conntrack_events=1 they have events, from now on
    router.close("client")
    router.delete("-D", "-p", "udp")
    answer = check(router, nat, count=3)
    equal("ended", answer["ended"], 500)
    assert answer["events"] >= 500, answer["events"]
    equal("dumps after the first", answer["resyncs"], 0)


def started_while_connections_come_and_go(lab):
    """Events meanwhile are neither lost nor undone by what a dump found before them."""
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    router.sysctl(f"{EVENTS}=1")
    router.exchange(3000, first=40000)  # so that a dump takes a while
    flood = lab.start(router.client, exchanges(5000, 10000, 2500), stdout=subprocess.DEVNULL)
    nats = []
    while flood.poll() is None:
        router.exchange(50, source="10.1.0.3", first=20000)
        ends = router.lab.start(router.router, ["conntrack", "-D", "-s", "10.1.0.3"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if len(nats) < 4:
            nats.append(router.nat())
        ends.wait()
    equal("exchanges", flood.wait(), 0)
    assert len(nats) > 1, "the flood was over too soon"
    for nat in nats:
        answer = check(router, nat, count=8000)
        equal("overruns", answer["overruns"], 0)
        equal("dumps after the first", answer["resyncs"], 0)


def connections_whose_end_no_event_tells(lab):
    """The default since Linux 5.19: what is older than the first listener has no events."""
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    for events in (2, 0):
        router.delete("-F")
        router.sysctl(f"{EVENTS}={events}")
        router.exchange(100)
        nat = router.nat(resync_ms=200)
        check(router, nat, count=100)
        router.delete("-D", "-p", "udp", "--orig-port-src", "10050")
        answer = check(router, nat, f"{EVENTS}={events}: mappings after one ended", 99)
        equal("ended", answer["ended"], 1)
        if events == 2 and answer["events"]:
            # The kernel knows one listener for all namespaces (nf_ctnetlink_has_listener).
            raise Skip("somebody else on this machine listens to connection tracking")
        equal("events", answer["events"], 0)
        assert answer["resyncs"] > 0, "no dump after the first"
        # and new ones: by their events, or by dumps again
        router.exchange(10, source="10.1.0.3")
        answer = check(router, nat, f"{EVENTS}={events}: new mappings", 109)
        equal("events for them", answer["events"] > 0, events == 2)
        if events == 2:
            # once all that is left has events, nothing is dumped any more
            router.delete("-D", "-s", "10.1.0.2")
            check(router, nat, "mappings of new ones", 10)
            wait_for("dumps to end", lambda: dumps_stand_still(nat))
        else:
            assert not dumps_stand_still(nat), "no more dumps"
        nat.process.stdin.close()
        equal("exit status", nat.process.wait(10), 0)


def dumps_stand_still(nat):
    resyncs = nat.info()["resyncs"]
    time.sleep(1.5 * PATIENCE)  # there is a second between two, at least
    return nat.info()["resyncs"] == resyncs


def ended_ones_are_kept_for_a_while(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    nat = router.nat(retention_ms=1500)
    ends = router.lab.start(router.router, ["conntrack", "-E", "-e", "DESTROY", "-o",
                                            "extended,id"], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL)
    router.exchange(20)
    router.ask("client", "tcp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    router.ping("client", "10.1.0.2", "10.2.0.2")
    router.close("client")
    check(router, nat, count=22)
    router.delete("-F")
    began = time.monotonic()
    lines = [ends.stdout.readline() for _ in range(22)]
    ends.terminate()
    wait_for("their end", lambda: nat.info()["live"] == 0)
    answer = nat.list()
    # counters are in the last event
    truth = sorted((int(c["id"]), reply, int(c["ways"][reply]["packets"]),
                    int(c["ways"][reply]["bytes"]))
                   for c in map(connection, lines) for reply in (False, True))
    equal("packets and octets", sorted((m["id"], m["reply"], m["packets"], m["octets"])
                                       for m in answer["mappings"]), truth)
    assert all(m["created_ns"] <= m["last_ns"] <= answer["now_ns"] for m in answer["mappings"])
    check_lookups(answer)
    wait_for("them to be forgotten", lambda: nat.info()["ended"] == 0)
    took = time.monotonic() - began
    assert took >= 1.4, f"forgotten after {took} s"
    equal("mappings", nat.list()["mappings"], [])
    # a port is used again: the connection is another one
    router.ask("client", "udp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    check(router, nat, count=1)
    router.close("client")
    router.delete("-F")
    router.ask("client", "udp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    answer = check(router, nat, count=1)
    equal("the former one", answer["ended"], 0)
    assert not answer["mappings"][0]["older"]


def an_overrun_is_mended(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    router.need(11000)
    nat = router.nat(buffer_bytes=4096)
    router.exchange(50)
    router.exchange(50, source="10.1.0.3", first=20000)
    router.ask("client", "tcp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    check(router, nat, count=101)
    before = nat.info()
    equal("reading is paused", nat.command("pause"), {"paused": True})
    # beginnings and ends are lost, and the beginning of the next one of the same tuple
    router.exchange(200, first=15000)
    router.delete("-D", "-s", "10.1.0.3")
    router.exchange(20, source="10.1.0.3", first=20000)
    nat.command("resume")
    answer = check(router, nat, count=271)
    assert answer["overruns"] > before["overruns"], "no overrun"
    assert answer["resyncs"] > before["resyncs"], "no resync"
    ended = {m["before"][1] for m in answer["mappings"] if not m["live"] and not m["reply"]}
    equal("ended", ended, set(range(20020, 20050)))
    equal("errors", answer["errors"], 0)
    # again and again, while dumps go on, too
    flood = lab.start(router.client, exchanges(10000, 30000), stdout=subprocess.DEVNULL)
    while flood.poll() is None:
        nat.command("pause")
        router.delete("-D", "-s", "10.1.0.3")
        router.exchange(20, source="10.1.0.3", first=20000)
        nat.command("resume")
    equal("exchanges", flood.wait(), 0)
    answer = check(router, nat, count=251 + 20 + 10000)
    print(f"    {answer['overruns']} overruns, {answer['resyncs']} resyncs")


def ten_thousand_connections(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    router.need(11000)
    nat = router.nat()
    empty = nat.info()
    rate = router.exchange(10000, rate=2000)
    answer = check(router, nat, count=10000)
    equal("overruns", answer["overruns"], 0)
    equal("dumps after the first", answer["resyncs"], 0)
    assert not any(m["older"] for m in answer["mappings"]), "not by an event"
    cost(empty, answer, f"{rate:.0f} connections/s")
    memory = answer["memory_bytes"] - empty["memory_bytes"]
    print(f"    {memory / 10000:.0f} octets a connection, {empty['memory_bytes']} for an empty "
          f"table of {answer['capacity']}")
    # and with much to read at once
    for what, make in (("their ends", lambda: router.delete("-F")),
                       ("10000 beginnings", lambda: router.exchange(10000))):
        before = nat.info()
        nat.command("pause")
        make()
        nat.command("resume")
        cost(before, check(router, nat), f"{what} at once")
    equal("live", nat.info()["live"], 10000)
    equal("overruns", nat.info()["overruns"], 0)


def cost(before, after, what):
    events = after["events"] - before["events"]
    print(f"    {what}: {events} events, {(after['cpu_ns'] - before['cpu_ns']) / events:.0f} ns of "
          "CPU each")


def more_connections_than_there_is_room_for(lab):
    router = Router(lab, post="oifname rs masquerade", echo_at=[SERVER])
    # A hundred wait for their answers at most: none is forgotten before its last event, which would
    # bring it back.
    nat = router.nat(capacity=150)
    router.exchange(450)

    def ports():
        answer = nat.list()
        return answer if answer["evicted"] == 300 else None
    answer = wait_for("300 to be evicted", ports)
    equal("the latest are there", sorted(m["before"][1] for m in answer["mappings"]
                                         if not m["reply"]), list(range(10300, 10450)))
    check_lookups(answer)


def rules_that_come_later(lab):
    """A host that has no connection tracking in use costs nothing; it may have some later."""
    router = Router(lab, echo_at=[SERVER])
    nat = router.nat(resync_ms=100)
    router.ask("client", "udp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    equal("connections tracked", router.conntrack("-L"), [])
    cpu = nat.info()["cpu_ns"]
    time.sleep(0.5)  # to see that nothing happens
    info = nat.info()
    equal("events", info["events"], 0)
    took = info["cpu_ns"] - cpu
    assert took < 20e6 * PATIENCE, f"{took} ns of CPU in half a second"
    router.lab.run(router.router, ["nft", "flush", "ruleset"])
    router.rules("", "oifname rs ip saddr 10.1.0.3 masquerade")
    router.ask("client", "tcp", "10.1.0.3", 4000, "10.2.0.2", 7000)
    router.ask("client", "tcp", "10.1.0.2", 4000, "10.2.0.2", 7000)
    answer = check(router, nat, count=1)
    equal("without translation", answer["untranslated"], 1)


def without_privileges_it_says_so(lab):
    ns = lab.namespace("u")
    done = subprocess.run(["ip", "netns", "exec", ns, "setpriv", "--reuid", "65534", "--regid",
                           "65534", "--clear-groups", NAT_DUMP, "1000", "1000", "1000", "100000"],
                          capture_output=True, text=True, timeout=20)
    equal("exit code", done.returncode, 1)
    answer = json.loads(done.stdout)
    equal("errno", answer["errno"], 1)
    assert "CAP_NET_ADMIN" in answer["error"], answer


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ROLES:
        with contextlib.suppress(KeyboardInterrupt):
            ROLES[sys.argv[1]](*sys.argv[2:])
        sys.exit(0)
    main([source_nat, masquerade_of_one_port_of_two_clients, destination_nat,
          both_ends_translated, full_cone, hairpin, whole_networks_one_to_one,
          redirect_to_the_router, ipv6_prefix_translation, ipv6_source_and_destination_nat,
          zones_of_one_and_of_both_directions, connections_older_than_the_module,
          started_while_connections_come_and_go,
          connections_whose_end_no_event_tells, ended_ones_are_kept_for_a_while,
          an_overrun_is_mended, ten_thousand_connections,
          more_connections_than_there_is_room_for, rules_that_come_later,
          without_privileges_it_says_so])
