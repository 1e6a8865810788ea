#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The NAT event log (RFC 8158): each connection under NAT that begins or ends is one event, with the
tuples of connection tracking.

    client (c0) ===== (r0) router, nftables, parallaxd, nfcapd, nfacctd (r1) ===== (s0) server

Truth: `conntrack -E` of the router, NEW and DESTROY.
"""

import collections
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import PATIENCE, Collector, equal, main, wait_for
from router import CLIENT4, CLIENT6, SERVER4, SERVER6, mappings_of
from test_nat_export import PLAIN4, Nat, is_translated

CONNECTIONS = 100  # of each kind: conntrack -E has room for 170 that end at once
RULES = {
    "pre": f"ip daddr 192.0.2.80 udp dport 80 dnat ip to {SERVER4}:8080; "
           f"ip6 daddr fd07::1 udp dport 80 dnat ip6 to [{SERVER6}]:8080",
    "post": "oifname r1 masquerade random",
}
TARGETS = ((CLIENT4, SERVER4, 7000), (CLIENT4, "192.0.2.80", 80), (CLIENT6, SERVER6, 7000),
           (CLIENT6, "fd07::1", 80))
NAMES = {4: "NAT44 session create", 5: "NAT44 session delete", 1: "NAT translation create",
         2: "NAT translation delete"}


class Tracker:
    """conntrack -E; what it said of connections under NAT: {(begins, before, after): how often}."""

    def __init__(self, net):
        self.path = net.lab.path("conntrack.log")
        with open(self.path, "w", encoding="utf-8") as out:
            self.process = net.lab.start(net.router, ["stdbuf", "-oL", "conntrack", "-E", "-e",
                                                      "NEW,DESTROY", "-o", "extended"],
                                         stdout=out, stderr=subprocess.DEVNULL)
        # it listens when a connection of our own has been told of
        def listens():
            net.lab.run(net.client, ["ping", "-q", "-c", "1", "-W", "1", "-I", PLAIN4, SERVER4])
            return os.path.getsize(self.path) > 0
        wait_for("conntrack to listen", listens)

    def events(self):
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().rpartition("\n")[0].splitlines()
        found = collections.Counter()
        for line in lines:
            begins = "[NEW]" in line
            # of a connection of which no answer was seen the words are others
            text = re.sub(r"\[\w+\]", "", line)
            for mapping in mappings_of(text).values():
                if not mapping.way and is_translated(mapping):
                    found[begins, mapping.before, mapping.after] += 1
        return found

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=10 * PATIENCE)


def run_connections(net, tracker):
    """They begin, and all of them end."""
    total = 0
    # without NAT: no event
    net.exchanges(PLAIN4, SERVER4, 7000, 10000, 10, 2000)
    for number, target in enumerate(TARGETS):
        net.exchanges(*target, 10000 + number * CONNECTIONS, CONNECTIONS, 2000)
        net.lab.run(net.router, ["conntrack", "-F"])
        total += 2 * CONNECTIONS
        wait_for("conntrack to tell of all", lambda: sum(tracker.events().values()) >= total)
    return total


def exporter_of(daemon, url):
    return next(e for e in daemon.status()["exporters"] if e["url"] == url)


def handed(daemon, url):
    return exporter_of(daemon, url)["handed"]["records"]


def read_json(path):
    """Events of a file, as Tracker.events()."""
    found = collections.Counter()
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        if "natEvent" not in row:
            continue
        version = row["ipVersion"]
        before, after = (tuple(row[name] for name in names) for names in (
            (f"sourceIPv{version}Address", f"destinationIPv{version}Address",
             "protocolIdentifier", "sourceTransportPort", "destinationTransportPort"),
            (f"postNATSourceIPv{version}Address", f"postNATDestinationIPv{version}Address",
             "protocolIdentifier", "postNAPTSourceTransportPort",
             "postNAPTDestinationTransportPort")))
        equal("kind of event", row["natEvent"] in (4, 5), version == 4)
        found[row["natEvent"] in (1, 4), before, after] += 1
    return found


def each_connection_begins_and_ends_once(lab, source="auto", scheme="ipfix"):
    net = Nat(lab, **RULES)
    nfcapd = Collector(lab, net.router, 9995)
    url = f"{nfcapd.url.replace('ipfix', scheme)}?nat-events=1"
    tracker = Tracker(net)
    events = lab.path("events.json")
    daemon = net.meter("-e", url, "-e", "ipfix://127.0.0.1:9996", "-e",
                       f"json:{events}?nat-events=1", "--set", "timeouts.inactive=60s", "--set",
                       f"nat={source}")
    total = run_connections(net, tracker)
    tracker.stop()
    truth = tracker.events()
    equal("events by conntrack", (sum(truth.values()), set(truth.values())), (total, {1}))
    # Flows last a minute here: all that was handed over is events.
    wait_for("all events to be handed over", lambda: handed(daemon, url) >= total, 20,
             daemon.process)
    equal("events", handed(daemon, url), total)
    equal("packets of events", exporter_of(daemon, url)["handed"]["packets"], 0)
    equal("events to who did not ask", handed(daemon, "ipfix://127.0.0.1:9996"), 0)
    records = net.finish(daemon)
    assert records

    got = collections.Counter()
    for row in nfcapd.stop():
        number = int(row.get("nat_event_id", 0))
        if not number:
            assert "t_event" not in row, row
            continue
        equal("name", row["nat_event"], NAMES[number])
        equal("packets, octets", (row["in_packets"], row["in_bytes"]), (0, 0))
        six = "src6_addr" in row
        equal("kind of event", number in (1, 2), six)
        before = (row["src6_addr" if six else "src4_addr"], row["dst6_addr" if six else "dst4_addr"],
                  row["proto"], row["src_port"], row["dst_port"])
        # nfdump has addresses behind NAT of IPv6 from NetFlow v9 only
        after = (row.get(f"src{6 if six else 4}_xlt_ip"), row.get(f"dst{6 if six else 4}_xlt_ip"),
                 row["proto"], int(row["src_xlt_port"]), int(row["dst_xlt_port"]))
        got[number in (1, 4), before, after] += 1
        assert row["t_event"] > "2020", row
    wanted = collections.Counter()
    for (begins, before, after), count in truth.items():
        if ":" in before[0] and scheme == "ipfix":
            after = (None, None, *after[2:])
        wanted[begins, before, after] += count
    equal("events by nfdump only, by conntrack only", (got - wanted, wanted - got), ({}, {}))
    got = read_json(events)
    equal("events in JSON only, by conntrack only", (got - truth, truth - got), ({}, {}))


def each_connection_begins_and_ends_once_in_netflow_v9(lab):
    each_connection_begins_and_ends_once(lab, scheme="netflow9")


def read_by_tshark(net, pcap):
    """Events of IPv6, as Tracker.events()."""
    argv = ["tshark", "-r", pcap, "-d", "udp.port==4739,cflow", "-o", "cflow.max_template_fields:0",
            "-Y", "cflow.nat_event", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
    for field in ("nat_event", "srcaddrv6", "dstaddrv6", "post_nat_source_ipv6_address",
                  "post_nat_destination_ipv6_address", "srcport", "dstport",
                  "post_naptsource_transport_port", "post_naptdestination_transport_port"):
        argv += ["-e", f"cflow.{field}"]
    found = collections.Counter()
    for line in net.lab.run(net.router, argv).splitlines():
        columns = [column.split(";") for column in line.split("\t")]
        # flows of the same message come behind the events
        for event, s, d, ns, nd, sp, dp, nsp, ndp in zip(*(c[:len(columns[0])] for c in columns)):
            found[event == "1", (s, d, 17, int(sp), int(dp)), (ns, nd, 17, int(nsp), int(ndp))] += 1
    return found


def addresses_of_ipv6_are_there(lab):
    """As tshark reads them, since nfdump does not."""
    net = Nat(lab, **RULES)
    pcap = lab.path("events.pcap")
    tracker = Tracker(net)
    sniffer = lab.start(net.router, ["tshark", "-q", "-i", "lo", "-w", pcap, "-f",
                                     "udp port 4739"], stderr=subprocess.DEVNULL)
    wait_for("tshark to listen", lambda: os.path.exists(pcap) and os.path.getsize(pcap) > 0)
    url = f"{Collector(lab, net.router, 4739).url}?nat-events=1"  # without one they are refused
    daemon = net.meter("-e", url)
    net.exchanges(CLIENT6, "fd07::1", 80, 10000, 20, 2000)
    lab.run(net.router, ["conntrack", "-F"])
    wait_for("all events to be sent",
             lambda: exporter_of(daemon, url)["sent"]["records"] >= 40, 20, daemon.process)
    wait_for("conntrack to tell of all", lambda: sum(tracker.events().values()) >= 40)
    wait_for("tshark to write all", lambda: sum(read_by_tshark(net, pcap).values()) >= 40)
    wanted, got = tracker.events(), read_by_tshark(net, pcap)
    equal("events by tshark only, by conntrack only", (got - wanted, wanted - got), ({}, {}))
    net.finish(daemon)
    sniffer.send_signal(signal.SIGINT)
    sniffer.wait(timeout=20 * PATIENCE)
    malformed = lab.run(net.router, ["tshark", "-r", pcap, "-d", "udp.port==4739,cflow", "-Y",
                                     "_ws.malformed || cflow.unexpected_sequence_number || "
                                     "cflow.no_template_found"])
    equal("what tshark complains of", malformed, "")


def what_was_there_did_not_begin(lab):
    net = Nat(lab, **RULES)
    for number, target in enumerate(TARGETS):
        net.exchanges(*target, 10000 + number * CONNECTIONS, CONNECTIONS, 2000)
    url = "ipfix://127.0.0.1:9996?nat-events=1"
    daemon = net.meter("-e", url)
    wait_for("the first dump", lambda: daemon.status()["nat"]["synced"], 20, daemon.process)
    equal("events of what was there", handed(daemon, url), 0)
    lab.run(net.router, ["conntrack", "-F"])
    net.exchanges(CLIENT4, SERVER4, 7000, 20000, 10, 2000)
    wait_for("ten that begin", lambda: handed(daemon, url) >= 10, 20, daemon.process)
    daemon.stop()


if __name__ == "__main__":
    main([each_connection_begins_and_ends_once,
          each_connection_begins_and_ends_once_in_netflow_v9, addresses_of_ipv6_are_there,
          what_was_there_did_not_begin])
