#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""More flows than fit: the ledger balances to the packet and to the octet all the same.

    generator (g0) ===== veth ===== (m0) parallaxd, native XDP

The generator sends as fast as it can, a million flows, and says how many frames the device took.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import BUILD, Collector, Daemon, check_ledger, equal, main, sums, wait_for

FLOWGEN = os.path.join(BUILD, "perf", "flowgen")
FRAME = 60


def cable(lab):
    generator, metered = lab.namespace("g"), lab.namespace("m")
    lab.veth(generator, "g0", metered, "m0")
    return generator, metered


def rx(lab, ns, dev):
    return lab.counters(ns, dev)["rx"][0]


def generate(lab, ns, *args):
    return json.loads(lab.run(ns, [FLOWGEN, "-i", "g0", "--json", *args]))


def load(lab, generator, metered, daemon, *args):
    """Run the generator; the ledger of ingress when all that arrived has been seen."""
    before = rx(lab, metered, "m0")
    generate(lab, generator, *args)
    arrived = rx(lab, metered, "m0") - before
    status = daemon.settled(arrived, "ledger to have seen what the interface received")
    ledger = status["interfaces"][0]["ledger"]["in"]
    equal("seen = received by the interface", ledger["seen"],
          {"packets": arrived, "bytes": arrived * FRAME})
    return arrived, status


def a_million_flows_into_a_table_of_64k(lab):
    """Default ring and cache: what does not fit the table spills, and the daemon keeps up or says
    exactly what it lost. All that was metered reaches the collector or is in the loss counters."""
    generator, metered = cable(lab)
    collector = Collector(lab, metered)
    daemon = Daemon(lab, metered, ["-e", collector.url + "?rate=150000", "-i", "m0",
                                   "--set", "tables.flows=65536"])
    arrived, status = load(lab, generator, metered, daemon,
                           "--flows", "1000000", "--packets", "3000000")
    check_ledger(status["total"])
    tables = status["tables"]
    assert tables["spilled"] > 0, "nothing spilled: the table was not overfilled"
    equal("evicted by the kernel's LRU", tables["evicted_flows"], 0)
    closing = daemon.stop(seconds=120)
    for name, want in (("seen", arrived), ("held", 0), ("difference", 0)):
        equal(f"closing ledger, {name}", closing[name], want)
    packets, octets = sums(collector.stop())
    equal("collector: packets", packets, closing["exported"])
    equal("collector: octets", octets, closing["exported"] * (FRAME - 14))


def a_ring_and_a_cache_that_are_too_small(lab):
    """Loss on purpose: a page of ring, a cache of 1024 flows that nobody empties in time. It must
    happen, be counted under its causes, and the books must balance with it."""
    generator, metered = cable(lab)
    daemon = Daemon(lab, metered, ["-e", "ipfix://127.0.0.1:9?rate=1000&queue=16", "-i", "m0",
                                   "--set", "tables.flows=1024", "--set", "tables.ring=4096",
                                   "--set", "cache.flows=1024"])
    arrived, status = load(lab, generator, metered, daemon,
                           "--flows", "200000", "--packets", "1000000")
    check_ledger(status["total"])
    lost = status["total"]["lost"]
    for cause in ("ring_full", "cache_full"):
        assert lost[cause]["packets"] > 0, f"no loss by {cause}"
    equal("loss without a cause", lost["table_evicted"]["packets"], 0)
    # each exporter has books of its own
    for exporter in status["exporters"]:
        for unit in ("records", "packets", "bytes"):
            equal(f"exporter: handed = sent + queued + lost, {unit}", exporter["handed"][unit],
                  exporter["sent"][unit] + exporter["queued"][unit] +
                  sum(loss[unit] for loss in exporter["lost"].values()))
    closing = daemon.stop(seconds=120)
    for name, want in (("seen", arrived), ("held", 0), ("difference", 0)):
        equal(f"closing ledger, {name}", closing[name], want)


def one_flow_and_swaps_at_full_rate(lab):
    """Ten swaps a second under full load: no packet falls between two epochs."""
    generator, metered = cable(lab)
    daemon = Daemon(lab, metered, ["-i", "m0", "--set", "timeouts.epoch=100ms"])
    _, status = load(lab, generator, metered, daemon, "--flows", "1", "--packets", "6000000")
    check_ledger(status["total"])
    equal("lost", sum(t["packets"] for t in status["total"]["lost"].values()), 0)
    assert status["tables"]["epochs"] >= 10, f"only {status['tables']['epochs']} epochs"
    equal("closing difference", daemon.stop()["difference"], 0)


def collector_that_is_not_there(lab):
    """ECONNREFUSED is noticed, counted and shown; the daemon goes on, and the next one decodes."""
    generator, metered = cable(lab)
    url = "ipfix://127.0.0.1:9996"
    daemon = Daemon(lab, metered, ["-e", url, "-i", "m0"])
    load(lab, generator, metered, daemon, "--flows", "2000", "--packets", "2000")
    # An unconnected port answers only the second datagram with the error of the first.
    for _ in range(3):
        daemon.cli("export", "flush")

    def refused():
        exporter = daemon.cli("export", "list")["exporters"][0]
        return exporter if exporter["errors"] else None
    exporter = wait_for("the refusal to be noticed", refused)
    assert "refused" in exporter["last_error"], exporter
    assert exporter["lost"]["export_send"]["records"] > 0, exporter
    collector = Collector(lab, metered, 9996)

    def recovered():
        generate(lab, generator)
        daemon.cli("export", "flush")
        return daemon.cli("export", "list")["exporters"][0]["state"] == "ready"
    wait_for("the exporter to be ready again", recovered)
    generate(lab, generator, "--flows", "100", "--packets", "5000", "--source-base", "198.19.0.0")
    wait_for("the second load to be in the cache",
             lambda: sum(f["packetDeltaCount"] for f in daemon.cli("flows")["flows"]) >= 5000)
    equal("closing difference", daemon.stop()["difference"], 0)
    collector.process.terminate()
    collector.process.wait()
    text = lab.run(metered, ["nfdump", "-R", collector.dir, "-o", "json"])
    equal("packets of the second load that the late collector stored",
          sum(f["in_packets"] for f in json.loads(text) if f["src4_addr"].startswith("198.19.")),
          5000)


if __name__ == "__main__":
    main([a_million_flows_into_a_table_of_64k, a_ring_and_a_cache_that_are_too_small,
          one_flow_and_swaps_at_full_rate, collector_that_is_not_there])
