#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What collectors read from each format is what was in the packets.

    parallaxd -r CAPTURE ===== loopback of a namespace ===== nfcapd, nfacctd, and tshark that listens

The capture is made here, so the truth is what it was made of: addresses, ports, ICMP, VLAN and MAC
addresses, TOS, flags, counters and times, two packets a flow. NAT is in test_nat_export.py and
test_netflow9.py.
"""

import calendar
import collections
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from ipaddress import ip_address

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cable import ping, udp
from corpus import SECOND, pcap
from netlab import BUILD, PATIENCE, Collector, equal, five_tuple, main, wait_for
from router import CLIENT4, CLIENT6, SERVER4, SERVER6, Router, tuple_of
from test_nat_export import Nfacctd
from test_netflow9 import milliseconds

T0 = 1_600_000_000 * SECOND
MS = 10**6

# A flow as it was sent; of ICMP the destination port is type * 256 + code.
Flow = collections.namedtuple("Flow", "source dest protocol sport dport packets octets start end "
                              "tos flags vlan source_mac dest_mac")


def mac(number):
    return f"02:00:00:00:00:{number:02x}"


def frame(flow, payload, flags, customer=None):
    """One packet of it, with so many octets behind the IP header."""
    source, dest = ip_address(flow.source), ip_address(flow.dest)
    ports = struct.pack("!HH", flow.sport, flow.dport)
    if flow.protocol == 6:
        body = ports + struct.pack("!IIBBHHH", 1, 1, 0x50, flags, 1000, 0, 0)
    elif flow.protocol == 17:
        body = ports + struct.pack("!HH", payload, 0)
    else:
        body = struct.pack("!HHHH", flow.dport, 0, 1, 1)
    body += bytes(payload - len(body))
    if source.version == 4:
        packet = struct.pack("!BBHHHBBH", 0x45, flow.tos, 20 + payload, 0, 0x4000, 64,
                             flow.protocol, 0) + source.packed + dest.packed
    else:
        packet = struct.pack("!IHBB", 6 << 28 | flow.tos << 20, payload, flow.protocol, 64) + \
            source.packed + dest.packed
    tags = b"" if not flow.vlan else struct.pack("!HH", 0x8100, flow.vlan)
    tags += b"" if not customer else struct.pack("!HH", 0x8100, customer)
    macs = b"".join(bytes.fromhex(m.replace(":", "")) for m in (flow.dest_mac, flow.source_mac))
    return macs + tags + struct.pack("!H", 0x0800 if source.version == 4 else 0x86dd) + packet + \
        body


def make_flows():
    """Flows, and the packets of a capture that has them."""
    kinds = [("192.0.2.1", "198.51.100.9", 6, 40000, 443, 0), ("192.0.2.1", "198.51.100.9", 17, 40000,
             53, 0x123), ("192.0.2.1", "198.51.100.9", 1, 0, 3 * 256 + 4, 0),
             ("2001:db8::1", "2001:db8::9", 6, 40001, 443, 0), ("2001:db8::1", "2001:db8::9", 17,
             40001, 53, 0xffe), ("2001:db8::1", "2001:db8::9", 58, 0, 128 * 256, 0)]
    flows, packets = [], []
    for i in range(60):  # so many that templates are sent again
        source, dest, protocol, sport, dport, vlan = kinds[i % 6]
        if protocol in (6, 17):
            sport += i
        else:
            source = str(ip_address(source) + i)
        start = T0 + i * 100 * MS + 123456789
        end = start + 50 * MS + i
        six = ":" in source
        sizes = (100 + i, 200)
        flow = Flow(source, dest, protocol, sport, dport, 2, sum(sizes) + 2 * (40 if six else 20),
                    start, end, 0xb8 if i % 2 else 0, 0x12 | 0x01 if protocol == 6 else 0, vlan,
                    mac(1 + i), mac(101 + i))
        flows.append(flow)
        customer = 0x45 if vlan == 0xffe else None
        packets += [(start, frame(flow, sizes[0], 0x12, customer)),
                    (end, frame(flow, sizes[1], 0x11, customer))]
        flows[-1] = flow._replace(flags=0x13 if protocol == 6 else 0)
    return flows, [(at, data, len(data)) for at, data in sorted(packets)]


class Accounting(Nfacctd):
    FIELDS = ("src_host", "dst_host", "src_port", "dst_port", "proto", "tos", "tcpflags", "vlan",
              "src_mac", "dst_mac", "timestamp_start", "timestamp_end")

    def stop_when(self, rows):
        wait_for(f"nfacctd to tell of {rows} flows", lambda: len(self.rows()) >= rows, 20,
                 self.process)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30 * PATIENCE)


class Sniffer:
    """tshark on the loopback of a namespace, and what it makes of the messages."""

    def __init__(self, lab, ns, port):
        self.lab, self.ns = lab, ns
        self.pcap = lab.path("messages.pcap")
        self.process = lab.start(ns, ["tshark", "-q", "-i", "lo", "-w", self.pcap, "-f",
                                      f"udp port {port}"], stderr=subprocess.DEVNULL)
        self.options = ["-r", self.pcap, "-d", f"udp.port=={port},cflow", "-o",
                        "cflow.max_template_fields:0"]
        wait_for("tshark to listen",
                 lambda: os.path.exists(self.pcap) and os.path.getsize(self.pcap) > 0)

    def read(self, *args):
        # while a packet is written its end is missing
        done = subprocess.run(["tshark", *self.options, *args], capture_output=True, text=True,
                              timeout=60 * PATIENCE, env={**os.environ, "TZ": "UTC"})
        return done.stdout

    def stop(self, records):
        """End it when it has so many; the text of all."""
        wait_for(f"tshark to see {records} records",
                 lambda: len(re.findall(r"^ +SrcAddr: ", self.read("-V"), re.M)) >= records,
                 20, self.process)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=20 * PATIENCE)
        equal("what tshark complains of", self.read(
            "-Y", "_ws.malformed || cflow.unexpected_sequence_number || cflow.no_template_found || "
            "cflow.flowset_length.invalid || cflow.flowsets.impossible || cflow.options.too_many"),
            "")
        return self.read("-V")


# ---- what they read, each as {5-tuple: Flow}; None: the format or the collector does not have it


def by_key(flows):
    found = {}
    for flow in flows:
        assert flow[:5] not in found, f"two records of {flow[:5]}"
        found[flow[:5]] = flow
    return found


def of_nfdump(rows):
    flows = []
    for row in rows:
        flags = sum(bit for bit, name in zip((32, 16, 8, 4, 2, 1), row["tcp_flags"][-6:])
                    if name != ".") if row["proto"] == 6 else 0
        flows.append(Flow(*five_tuple(row), row["in_packets"], row["in_bytes"],
                          milliseconds(row["first"]), milliseconds(row["last"]), row["src_tos"],
                          flags, row.get("src_vlan"), row.get("in_src_mac"),
                          row.get("in_dst_mac")))
    return by_key(flows)


def of_nfacctd(rows):
    flows = []
    for row in rows:
        protocol = {"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58}.get(row["ip_proto"])
        start, end = (milliseconds(row[name] + "+00:00")
                      for name in ("timestamp_start", "timestamp_end"))
        flows.append(Flow(row["ip_src"], row["ip_dst"], protocol, row["port_src"], row["port_dst"],
                          row["packets"], row["bytes"], start, end, row["tos"],
                          int(row["tcp_flags"]), row["vlan"], row["mac_src"], row["mac_dst"]))
    return by_key(flows)


def tshark_time(text, boot):
    """In ms since 1970, of a date, or of seconds since boot."""
    if text.endswith(" seconds"):
        return boot + round(float(text.split()[0]) * 1000)
    date, fraction = text.removesuffix(" UTC").rsplit(".", 1)
    return calendar.timegm(time.strptime(date, "%b %d, %Y %H:%M:%S")) * 1000 + int(fraction) // MS


def of_tshark(text):
    flows = []
    # header, or record, up to the next one
    for part in re.split(r"\n(?= +(?:Flow|pdu) \d+|Frame \d)", "\n" + text):
        row = dict(re.findall(r"^ +([\w ]+): (.+)$", part, re.M))
        if not re.match(r" +(?:Flow|pdu) \d", part):
            if "SysUptime" in row:
                boot = tshark_time(row["Timestamp"], 0) - tshark_time(row["SysUptime"], 0)
            else:
                boot = None
            continue
        if "SrcAddr" not in row:  # an options record
            continue
        protocol = int(row["Protocol"].split("(")[1].rstrip(")"))
        flows.append(Flow(
            row["SrcAddr"], row["DstAddr"], protocol, int(row["SrcPort"]), int(row["DstPort"]),
            int(row["Packets"]), int(row["Octets"]), tshark_time(row["StartTime"], boot),
            tshark_time(row["EndTime"], boot), int(row["IP ToS"], 0),
            int(row["TCP Flags"].split(",")[0], 0),
            int(row["Vlan Id"]) if "Vlan Id" in row else None,
            *(row[f"{way} Mac Address"].split()[0] if f"{way} Mac Address" in row else None
              for way in ("Source", "Destination"))))
    return by_key(flows)


def compare(what, got, wanted, left_out=(), tolerance=0):
    """Times to the ms, tolerance is of one that a collector does not keep so finely."""
    equal(f"{what}: flows", sorted(got), sorted(wanted))
    for key, flow in wanted.items():
        for name in Flow._fields:
            mine, theirs = getattr(flow, name), getattr(got[key], name)
            if name in left_out:
                continue
            if name in ("start", "end"):
                assert abs(mine // MS - theirs) <= tolerance, f"{what}: {key}: {name}: {theirs}"
                continue
            equal(f"{what}: {key}: {name}", theirs, mine)


def export(lab, scheme, options):
    """Send the flows by such an exporter; all three collectors have got them. tshark's text."""
    ns = lab.namespace("c")
    flows, packets = make_flows()
    with open(lab.path("flows.pcap"), "wb") as file:
        file.write(pcap(packets))
    wanted = {f[:5]: f for f in flows if scheme != "netflow5" or ":" not in f.source}
    nfcapd = Collector(lab, ns, 9995)
    nfacctd = Accounting(lab, ns, 9996)
    sniffer = Sniffer(lab, ns, 9995)
    lab.run(ns, [os.path.join(BUILD, "parallaxd"), "-r", lab.path("flows.pcap"), "-e",
                 f"{scheme}://127.0.0.1:9995{options}", "-e",
                 f"{scheme}://127.0.0.1:9996{options}"])
    text = sniffer.stop(len(wanted))
    left_out = ("vlan", "source_mac", "dest_mac") if scheme == "netflow5" else ()
    compare("tshark", of_tshark(text), wanted, left_out)
    compare("nfdump", of_nfdump(nfcapd.stop()), wanted, left_out)
    # nfacctd has whole seconds of NetFlow v5
    tolerance = 999 if scheme == "netflow5" else 0
    nfacctd.stop_when(len(wanted))
    compare("nfacctd", of_nfacctd(nfacctd.rows()), wanted, left_out, tolerance)
    return text


# Templates come again and again
OFTEN = "?template-packets=2&mtu=700"


def ipfix(lab):
    text = export(lab, "ipfix", OFTEN)
    assert text.count("Template (Id = 256") > 2, "templates were not sent again"


def ipfix_with_fields_of_nfdump(lab):
    text = export(lab, "ipfix", OFTEN + "&fields=nfdump")
    assert "Flow Id" not in text and "MinTTL" not in text, "a field that nfdump does not know"


def ipfix_with_all_fields(lab):
    text = export(lab, "ipfix", OFTEN + "&fields=full")
    for name in ("ICMP Type", "nanoseconds"):
        assert name in text, name


def netflow_v9(lab):
    export(lab, "netflow9", OFTEN)


def netflow_v9_with_fields_of_nfdump(lab):
    export(lab, "netflow9", OFTEN + "&fields=nfdump")


def netflow_v9_with_all_fields(lab):
    export(lab, "netflow9", OFTEN + "&fields=full")


def netflow_v9_with_options(lab):
    """nfcapd counts no failure of sequence: Collector looks."""
    text = export(lab, "netflow9", OFTEN + "&options-refresh=1")
    assert "Options Template" in text


def netflow_v5(lab):
    export(lab, "netflow5", "")


# ---- live: times since boot, interfaces and the ledger


def netflow_v5_of_a_live_interface(lab):
    """Times are since boot then; and it cannot tell of IPv6."""
    net = Router(lab)
    nfcapd = Collector(lab, net.router, 9995)
    daemon = net.meter("-e", nfcapd.url.replace("ipfix", "netflow5"))
    udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 40, 30, 700, 1)
    udp(lab, net.client, net.server, CLIENT6, SERVER6, 6002, 10, 30, 700, 1)
    ping(lab, net.client, CLIENT4, SERVER4, 5)
    daemon.settled(2 * (1200 + 300 + 10))

    def told():
        daemon.cli("export", "flush")
        books = daemon.status()["exporters"][1]
        return books if books["lost"]["export_format"]["records"] >= 10 else None
    books = wait_for("flows of IPv6 to be counted", told, 20, daemon.process)
    records = net.finish(daemon)
    wanted = sorted((tuple_of(r), r["packetDeltaCount"], r["octetDeltaCount"],
                     r["flowStartNanoseconds"] // MS, r["flowEndNanoseconds"] // MS,
                     r["ingressInterface"], r["egressInterface"]) for r in records
                    if r["ipVersion"] == 4)
    got = sorted((five_tuple(row), row["in_packets"], row["in_bytes"], milliseconds(row["first"]),
                  milliseconds(row["last"]), row["input_snmp"], row["output_snmp"])
                 for row in nfcapd.stop())
    equal("records", len(got), len(wanted))
    for g, w in zip(got, wanted):
        equal("nfdump", (*g[:3], *g[5:]), (*w[:3], *w[5:]))
        # offsets are taken when a packet is begun
        assert abs(g[3] - w[3]) <= 1 and abs(g[4] - w[4]) <= 1, f"times {g}, {w}"
    equal("books", books["lost"]["export_send"]["records"], 0)


def names_of_interfaces_and_the_ledger_in_options(lab):
    """As tshark reads them of IPFIX, and nfdump of NetFlow v9."""
    net = Router(lab)
    lab.run(net.router, ["ip", "link", "set", "dev", "r1", "alias", "uplink of the lab"])
    nfcapd = Collector(lab, net.router, 9995)
    Accounting(lab, net.router, 9996)
    sniffer = Sniffer(lab, net.router, 9996)
    daemon = net.meter("-e", "ipfix://127.0.0.1:9996?options-refresh=1&mtu=700", "-e",
                       "netflow9://127.0.0.1:9995?options-refresh=1&mtu=700&fields=nfdump")
    udp(lab, net.client, net.server, CLIENT4, SERVER4, 6001, 40, 30, 700, 1)
    daemon.settled(2400)
    daemon.cli("export", "flush")
    skipped = sum(t["packets"] for t in daemon.status()["total"]["skipped"].values())
    assert skipped > 0, "nobody asked for a neighbour"
    net.finish(daemon)
    text = sniffer.stop(40)
    for line in ("IfName: r0", "IfDescr: r0", "IfName: r1", "IfDescr: uplink of the lab",
                 f"Ignored Packets: {skipped}", "Not Sent Flows: 0"):
        assert line in text, f"{line}: not in what tshark shows"
    nfcapd.stop()
    shown = lab.run(net.router, ["nfdump", "-R", nfcapd.dir, "-q", "-o", "fmt:%in %inam %out %onam"])
    index = {name: json.loads(lab.run(net.router, ["ip", "-j", "link", "show", name]))[0]["ifindex"]
             for name in ("r0", "r1")}
    named = [line.split() for line in shown.splitlines() if "r0" in line]
    assert named, f"no names: {shown}"
    for line in named:
        equal("names", line, [str(index["r0"]), "r0", str(index["r1"]), "r1"])


if __name__ == "__main__":
    main([ipfix, ipfix_with_fields_of_nfdump, ipfix_with_all_fields, netflow_v9,
          netflow_v9_with_fields_of_nfdump, netflow_v9_with_all_fields, netflow_v9_with_options,
          netflow_v5, netflow_v5_of_a_live_interface,
          names_of_interfaces_and_the_ledger_in_options])
