#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""NetFlow v9, and v5: nfcapd, nfacctd and tshark read from it what the JSON records of the same run say.

    client (c0) ===== (r0) router, nftables, parallaxd, collectors (r1) ===== (s0) server
"""

import datetime
import os
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import CLIENT4 as CABLE4, CLIENT6 as CABLE6, SERVER4 as SINK4, SERVER6 as SINK6
from cable import cable, ping, tcp, udp
from netlab import BUILD, PATIENCE, Collector, Daemon, equal, five_tuple, main, wait_for
from router import CLIENT4, CLIENT6, OUTSIDE4, SERVER4, SERVER6, Router, translated, tuple_of
from test_nat_export import Nfacctd

OCTETS = 4 << 20


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000 + 0.5)


def every_field_is_read_as_it_was(lab):
    net = Router(lab, "add table ip nat; add chain ip nat post { type nat hook postrouting priority "
                 "100; }; add rule ip nat post oifname r1 masquerade random")
    nfcapd = Collector(lab, net.router, 9995)
    nfacctd = Nfacctd(lab, net.router, 9996)
    pcap = lab.path("netflow9.pcap")
    sniffer = lab.start(net.router, ["tshark", "-q", "-i", "lo", "-w", pcap, "-f", "udp port 9995"],
                        stderr=subprocess.DEVNULL)
    wait_for("tshark to listen", lambda: os.path.exists(pcap) and os.path.getsize(pcap) > 0)
    # Often templates, and flows in several pieces
    url = nfcapd.url.replace("ipfix", "netflow9") + "?template-packets=3"
    daemon = net.meter("-e", url, "-e", nfacctd.url.replace("ipfix", "netflow9"),
                       "--set", "timeouts.active=1s")
    tcp(lab, net.client, net.server, SERVER4, 5001, OCTETS)
    tcp(lab, net.client, net.server, SERVER6, 5002, OCTETS)
    udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 40, 30, 700, 1)
    ping(lab, net.client, CLIENT4, SERVER4, 5)
    ping(lab, net.client, CLIENT6, SERVER6, 5)
    records = net.finish(daemon)

    rows = nfcapd.stop()  # no sequence failure, no complaint
    wanted = sorted(
        (tuple_of(r), r["packetDeltaCount"], r["octetDeltaCount"],
         # without ingress nothing came in
         r.get("postPacketDeltaCount", 0), r.get("postOctetDeltaCount", 0),
         r["flowStartNanoseconds"] // 1000000, r["flowEndNanoseconds"] // 1000000,
         r["ipClassOfService"], r["ingressInterface"], r["egressInterface"], r["flowDirection"],
         r["sourceMacAddress"], r["destinationMacAddress"]) for r in records)
    got = sorted(
        (five_tuple(row), row["in_packets"], row["in_bytes"], row.get("out_packets", 0),
         row.get("out_bytes", 0), milliseconds(row["first"]), milliseconds(row["last"]),
         row["src_tos"], row["input_snmp"], row["output_snmp"], row["direction"],
         row["in_src_mac"], row["in_dst_mac"]) for row in rows)
    equal("records", len(got), len(wanted))
    for g, w in zip(got, wanted):
        # a millisecond of rounding, as offsets are taken when a message is begun
        equal("nfdump", (*g[:5], *g[7:]), (*w[:5], *w[7:]))
        assert abs(g[5] - w[5]) <= 1 and abs(g[6] - w[6]) <= 1, f"times {g}, {w}"
    behind = {tuple_of(r): translated(r) for r in records if translated(r)}
    assert len(behind) >= 40, behind
    for row in rows:
        after = behind.get(five_tuple(row))
        if after and row["proto"] in (6, 17):
            equal("behind NAT", (row["src4_xlt_ip"], row["dst4_xlt_ip"], row["proto"],
                                 int(row["src_xlt_port"]), int(row["dst_xlt_port"])), after)
    assert any(after[0] == OUTSIDE4 for after in behind.values()), behind

    packets = sum(r["packetDeltaCount"] for r in records)
    sums = {}
    for r in records:
        sums[tuple_of(r)] = sums.get(tuple_of(r), 0) + r["packetDeltaCount"]
    told = nfacctd.stop(packets)
    for flow, (after, count) in told.items():
        if flow[2] in (6, 17):
            equal(f"nfacctd: {flow}", count, sums[flow])
            if flow in behind:
                equal(f"nfacctd: {flow}", after, behind[flow])

    sniffer.send_signal(signal.SIGINT)
    sniffer.wait(timeout=20 * PATIENCE)
    options = ["-r", pcap, "-d", "udp.port==9995,cflow", "-o", "cflow.max_template_fields:0"]
    equal("what tshark complains of", lab.run(net.router, [
        "tshark", *options, "-Y", "_ws.malformed || cflow.unexpected_sequence_number || "
        "cflow.no_template_found || cflow.flowset_length.invalid"]), "")
    headers = [line.split("\t") for line in lab.run(net.router, [
        "tshark", *options, "-T", "fields", "-E", "aggregator=;", "-e", "cflow.version", "-e",
        "cflow.sequence", "-e", "udp.length", "-e", "cflow.flowset_length"]).splitlines()]
    assert len(headers) > 3, headers
    for i, (version, sequence, size, sets) in enumerate(headers):
        equal("version, sequence", (version, int(sequence)), ("9", i))
        equal("length", int(size) - 8, 20 + sum(map(int, sets.split(";"))))


def a_capture_of_long_ago_keeps_its_times(lab):
    """Older than 32 bits of milliseconds can tell."""
    ns = lab.namespace("c")
    nfcapd = Collector(lab, ns, 9995)
    ip = bytes.fromhex("4500001c000040004011000 0c0000201c0000202".replace(" ", ""))
    frame = bytes.fromhex("020000000002020000000001 0800".replace(" ", "")) + ip + \
        bytes.fromhex("1000003500080000")
    begin, end = 1262304000123, 1262304002456  # 2010-01-01, in ms
    with open(lab.path("old.pcap"), "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at in (begin, end):
            file.write(struct.pack("<IIII", at // 1000, at % 1000 * 1000, len(frame), len(frame)))
            file.write(frame)
    lab.run(ns, [os.path.join(BUILD, "parallaxd"), "-r", lab.path("old.pcap"), "-e",
                 nfcapd.url.replace("ipfix", "netflow9")])
    flow, = nfcapd.stop()
    equal("flow", (five_tuple(flow), flow["in_packets"], flow["in_bytes"]),
          (("192.0.2.1", "192.0.2.2", 17, 4096, 53), 2, 56))
    equal("times", (milliseconds(flow["first"]), milliseconds(flow["last"])), (begin, end))


def smaller_formats_tell_what_they_can(lab):
    """NetFlow v5, which has no IPv6, and NetFlow v9 with the fields of nfdump and with options."""
    client, server = cable(lab)
    v5, v9 = Collector(lab, server, 9995), Collector(lab, server, 9996)
    pcap = lab.path("options.pcap")
    sniffer = lab.start(server, ["tshark", "-q", "-i", "lo", "-w", pcap, "-f", "udp port 9996"],
                        stderr=subprocess.DEVNULL)
    wait_for("tshark to listen", lambda: os.path.exists(pcap) and os.path.getsize(pcap) > 0)
    url5 = v5.url.replace("ipfix", "netflow5")
    url9 = v9.url.replace("ipfix", "netflow9") + "?options-refresh=1&fields=nfdump"
    daemon = Daemon(lab, server, ["-i", "sv0", "-e", url5, "-e", url9, "--set",
                                  "timeouts.inactive=1s", "--set", "timeouts.active=1s"])
    flows4 = udp(lab, client, server, CABLE4, SINK4, 6001, 50, 20, 300, 1)
    flows6 = udp(lab, client, server, CABLE6, SINK6, 6001, 5, 20, 300, 1)

    def books(url):
        return next(e for e in daemon.status()["exporters"] if e["url"] == url)

    def all_was_sent():  # templates of flows, of IPv6, of ICMPv6, and of options
        book = books(url5)
        return (books(url9)["templates"] > 3 and book["handed"]["records"] >= 55 and
                not book["queued"]["records"] and book)
    book = wait_for("flows and options to be sent", all_was_sent, 20, daemon.process)
    lost = book["lost"]["export_format"]
    equal("sent by NetFlow v5", book["sent"]["records"],
          book["handed"]["records"] - lost["records"])
    assert lost["records"] >= 5 and lost["packets"] >= 100, lost
    options = ["-r", pcap, "-d", "udp.port==9996,cflow"]

    def name_was_read():  # options go along with flows
        lab.run(client, ["ping", "-q", "-c", "1", SINK4])
        return "sv0" in lab.run(server, ["tshark", *options, "-T", "fields", "-e", "cflow.if_name",
                                         "-e", "cflow.if_descr"]).split()
    wait_for("tshark to read the interface's name", name_was_read, 20, daemon.process)
    daemon.stop()

    def counted(rows):
        return {five_tuple(row): (row["in_packets"], row["in_bytes"]) for row in rows
                if row["proto"] == 17}
    equal("NetFlow v5", counted(v5.stop()), flows4)
    equal("NetFlow v9", counted(v9.stop()), {**flows4, **flows6})
    sniffer.send_signal(signal.SIGINT)
    sniffer.wait(timeout=20 * PATIENCE)
    equal("what tshark complains of", lab.run(server, [
        "tshark", *options, "-Y", "_ws.malformed || cflow.unexpected_sequence_number || "
        "cflow.no_template_found"]), "")


if __name__ == "__main__":
    main([every_field_is_read_as_it_was, a_capture_of_long_ago_keeps_its_times,
          smaller_formats_tell_what_they_can])
