#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Of a sample the ledger has all packets, chosen or not, and records what was chosen.

    client (cl0) ===== veth ===== (sv0) server, parallaxd
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import CLIENT4, SERVER4, cable, udp
from corpus import parse_lines
from netlab import Daemon, check_ledger, equal, main

FLOWS, PACKETS, INTERVAL = 200, 500, 10


def sampled(lab, by):
    """Records, and the ledger of ingress, of FLOWS flows at sv0."""
    client, server = cable(lab)
    out = lab.path("flows.json")
    daemon = Daemon(lab, server, ["-i", "sv0", "-e", f"json:{out}", "--set",
                                  f"sampling.interval={INTERVAL}", "--set", f"sampling.by={by}"])
    udp(lab, client, server, CLIENT4, SERVER4, 6001, FLOWS, PACKETS, 100, 1)
    status = daemon.settled(FLOWS * PACKETS)
    ledger = status["interfaces"][0]["ledger"]["in"]
    for direction in ("in", "out"):
        check_ledger(status["interfaces"][0]["ledger"][direction], direction)
    equal("status", status["sampling"], {"interval": INTERVAL, "by": by})
    closing = daemon.stop()
    equal("lost, difference", (closing["lost"], closing["difference"]), (0, 0))
    with open(out, encoding="utf-8") as file:
        records = parse_lines(file.read())
    for record in records:
        equal("samplingInterval", record["samplingInterval"], INTERVAL)
    equal("packets in records", sum(r["packetDeltaCount"] for r in records), closing["metered"])
    return [r for r in records if r["protocolIdentifier"] == 17 and
            r.get("destinationTransportPort") == 6001], ledger


def about(what, chosen, of):
    """Within six standard deviations."""
    mean = of / INTERVAL
    assert (chosen - mean) ** 2 <= 36 * mean * (1 - 1 / INTERVAL), f"{what}: {chosen} of {of}"


def one_in_ten_packets(lab):
    records, ledger = sampled(lab, "packet")
    chosen = sum(r["packetDeltaCount"] for r in records)
    about("packets", chosen, FLOWS * PACKETS)
    assert ledger["unsampled"]["packets"] >= FLOWS * PACKETS - chosen, ledger
    # at 50 of 500 no flow is left out
    equal("flows", len(records), FLOWS)


def one_in_ten_flows(lab):
    records, ledger = sampled(lab, "flow")
    equal("packets of each", {r["packetDeltaCount"] for r in records}, {PACKETS})
    about("flows", len(records), FLOWS)
    assert ledger["unsampled"]["packets"] >= (FLOWS - len(records)) * PACKETS, ledger


if __name__ == "__main__":
    main([one_in_ten_packets, one_in_ten_flows])
