#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""parallaxd -r: captures made here byte by byte, and every file of the capture corpus."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from corpus import (ARP, CORPUS, IPV4, IPV6, PARALLAXD, SECOND, Result, check_truth, frames_of,
                    parse_lines, pcap, replay_file, tests_of_corpus, times)
from netlab import equal, main

T0 = 1_600_000_000 * SECOND  # a time at which no test runs
FIN, SYN, ACK = 1, 2, 16
IDLE, ACTIVE, DETECTED, FORCED = 1, 2, 3, 4  # flowEndReason


# --- packets and captures ------------------------------------------------------------------------

def eth(kind, payload, *tags):
    """tags: (EtherType, TCI), outer first."""
    head = bytes.fromhex("020000000002020000000001")
    for tag in tags:
        head += struct.pack(">HH", *tag)
    return head + struct.pack(">H", kind) + payload


def ip4(protocol, payload, source="10.0.0.1", dest="10.0.0.2", ident=0, fragment=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol,
                       0, socket.inet_aton(source), socket.inet_aton(dest)) + payload


def ip6(following, payload, source="2001:db8::1", dest="2001:db8::2"):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), following, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, dest)) + payload


def udp(sport, dport, payload=b""):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(sport, dport, flags, payload=b""):
    return struct.pack(">HHIIHHHH", sport, dport, 1, 1, 5 << 12 | flags, 1000, 0, 0) + payload


def datagram(sport, dport=53, size=0):
    return eth(IPV4, ip4(17, udp(sport, dport, bytes(size))))


def vxlan(vni, frame):
    head = struct.pack(">BxxxI", 8, vni << 8)
    return eth(IPV4, ip4(17, udp(50000 + vni, 4789, head + frame), "192.0.2.1", "192.0.2.2"))


def packet(frame, at=T0, wire=None):
    return at, frame, wire or len(frame)


def block(kind, body, order):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(packets, order="<", links=(1,)):
    """Nanosecond interfaces of these link types; packets go round."""
    out = block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)
    for link in links:
        # option 9: if_tsresol, 10^-9
        out += block(1, struct.pack(order + "HHI", link, 0, 0) +
                     struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0), order)
    for i, (at, frame, wire) in enumerate(packets):
        out += block(6, struct.pack(order + "IIIII", i % len(links), at >> 32, at & 0xffffffff,
                                    len(frame), wire) + frame, order)
    return out


# --- running it ----------------------------------------------------------------------------------

def save(lab, content, name="test.pcap"):
    with open(lab.path(name), "wb") as file:
        file.write(content)
    return lab.path(name)


def replay(lab, content, *args):
    return replay_file(lab, save(lab, content), *args)


# --- formats -------------------------------------------------------------------------------------

def all_formats_give_the_same_flows(lab):
    at = T0 + 123_456_000
    packets = [packet(datagram(1000, size=20), at), packet(datagram(1000), at + 7_000),
               packet(eth(IPV6, ip6(6, tcp(1, 2, SYN))), at + SECOND), packet(eth(ARP, bytes(28)))]
    formats = {"pcap, microseconds": pcap(packets, nano=False),
               "pcap, nanoseconds": pcap(packets),
               "pcap, big-endian": pcap(packets, order=">", nano=False),
               "pcapng": pcapng(packets),
               "pcapng, big-endian": pcapng(packets, order=">"),
               "pcapng, two interfaces": pcapng(packets, links=(1, 1))}
    first = None
    for name, content in formats.items():
        result = replay(lab, content).all_exported(4)
        equal(f"{name}: skipped", result.skipped, {"arp": 1})
        first = first or result.flows
        equal(name, result.flows, first)
    by_version = {f["ipVersion"]: f for f in first}
    equal("flows", len(first), 2)
    equal("times", times(by_version[4]), (at, at + 7_000))
    for flow in first:
        equal("interfaces and direction", [flow["ingressInterface"], flow["egressInterface"],
                                           flow["flowDirection"]], [0, 0, 0])
        assert "ingressInterfaceName" not in flow, flow
    equal("octets", by_version[4]["octetDeltaCount"], 28 + 20 + 28)
    equal("frame octets", by_version[4]["layer2OctetDeltaCount"], 42 + 20 + 42)
    equal("flags", by_version[6]["tcpControlBits"], SYN)


def empty_capture_has_no_flows(lab):
    for content in (pcap([]), pcapng([])):
        equal("flows", replay(lab, content).all_exported(0).flows, [])


def what_is_no_capture_is_refused_by_name(lab):
    contents = {"random": bytes((i * 197 + 91) & 0xff for i in range(5000)), "empty": b"",
                "text": b"# not a capture\n", "short": pcap([])[:20],
                "no-interface": pcapng([], links=())}
    for name, content in contents.items():
        result = replay_file(lab, save(lab, content, name))
        equal(f"{name}: status", result.status, 1)
        equal(f"{name}: closing line", result.sums, None)
        equal(f"{name}: lines", result.log.count("\n"), 1)
        assert f"error: {lab.path(name)}: " in result.log, result.log
        assert not os.path.exists(lab.path("flows.json")), f"{name}: an output file was made"
    for path, why in ((lab.path("missing"), "No such file"), (lab.dir, "directory")):
        result = replay_file(lab, path)
        equal(f"{path}: status", result.status, 1)
        assert f"{path}: " in result.log and why in result.log, result.log


def other_link_types_are_refused_by_name(lab):
    for link, name in ((113, "LINUX_SLL"), (101, "RAW"), (127, "IEEE802_11_RADIO")):
        for content in (pcap([], link=link), pcapng([], links=(link,))):
            result = replay(lab, content)
            equal(f"{name}: status", result.status, 1)
            assert name in result.log and "not Ethernet" in result.log, result.log


def damaged_file_gives_what_is_before_the_damage(lab):
    packets = [packet(datagram(1000 + i)) for i in range(40)]
    bogus = pcap(packets) + struct.pack("<IIII", 0, 0, 0x7fffffff, 0x7fffffff) + bytes(100)
    for name, content, read in (("cut in a packet", pcap(packets)[:-3], 39),
                                ("cut in a header", pcap(packets)[:-len(packets[0][1]) - 3], 39),
                                ("impossible length", bogus, 40),
                                ("pcapng, cut", pcapng(packets)[:-3], 39),
                                ("pcapng, other link type", pcapng(packets, links=(1, 101)), 0)):
        result = replay(lab, content)
        equal(f"{name}: status", result.status, 1)
        assert "test.pcap: " in result.log, result.log
        if read:
            equal(f"{name}: seen", result.sums["seen"], read)
            equal(f"{name}: records", len(result.flows), read)
            equal(f"{name}: exported", result.sums["exported"], read)
            assert f"behind packet {read}: " in result.log, result.log


# --- what a packet counts as ---------------------------------------------------------------------

def vlan_tags_are_told(lab):
    inner = ip4(17, udp(1, 2))
    q, ad = 0x8100, 0x88a8
    result = replay(lab, pcap([packet(f) for f in (
        eth(IPV4, inner), eth(IPV4, inner, (q, 5 << 13 | 10)), eth(IPV4, inner, (ad, 10), (q, 20)),
        eth(IPV4, inner, (ad, 11), (q, 20)), eth(IPV4, inner, (q, 1), (q, 2), (q, 3), (q, 4), (q, 5)),
        eth(ARP, bytes(28), (q, 10)))])).all_exported(6)
    equal("skipped", result.skipped, {"vlan_depth": 1, "arp": 1})
    # The inner tag is that of the flow's first packet, not part of the key.
    equal("flows", sorted((f.get("vlanId"), f.get("dot1qPriority"), f.get("dot1qCustomerVlanId"),
                           f["packetDeltaCount"]) for f in result.flows if "vlanId" in f),
          [(10, 5, None, 2), (11, 0, 20, 1)])
    equal("flows without a tag", sum("vlanId" not in f for f in result.flows), 1)


def fragments_take_the_ports_of_their_first_one(lab):
    more, size = 0x2000, 1480
    first = ip4(17, udp(7, 9, bytes(size - 8)), ident=1, fragment=more)
    head6, other6 = (struct.pack(">BBHI", 17, 0, field, 77) for field in (1, 8 << 3))
    result = replay(lab, pcap([packet(f) for f in (
        eth(IPV4, first),
        eth(IPV4, ip4(17, bytes(size), ident=1, fragment=more | size // 8)),
        eth(IPV4, ip4(17, bytes(100), ident=1, fragment=2 * size // 8)),
        eth(IPV4, ip4(17, bytes(100), ident=2, fragment=size // 8)),  # its first was not seen
        eth(IPV6, ip6(44, head6 + udp(70, 90, bytes(56)))),
        eth(IPV6, ip6(44, other6 + bytes(40))))])).all_exported(6)
    equal("flows", sorted((f["ipVersion"], f["sourceTransportPort"], f["destinationTransportPort"],
                           f["packetDeltaCount"], f["octetDeltaCount"]) for f in result.flows),
          [(4, 0, 0, 1, 120), (4, 7, 9, 3, 1500 + 1500 + 120), (6, 70, 90, 2, 112 + 88)])


def oldest_datagram_is_forgotten_when_the_table_is_full(lab):
    def part(ident, offset):
        body = udp(ident, 9, bytes(16)) if offset == 0 else bytes(24)
        return packet(eth(IPV4, ip4(17, body, ident=ident, fragment=offset or 0x2000)))
    # 64 entries: datagram 1 goes when number 65 comes; a repeated first fragment takes no entry.
    packets = [part(i, 0) for i in range(1, 65)] + [part(64, 0), part(65, 0)]
    packets += [part(i, 3) for i in (1, 2, 65)]
    result = replay(lab, pcap(packets), "--set", "tables.fragments=64").all_exported(69)
    counts = {f["sourceTransportPort"]: f["packetDeltaCount"] for f in result.flows}
    equal("packets of datagrams 1, 2, 64, 65 and of none",
          [counts[i] for i in (1, 2, 64, 65, 0)], [1, 2, 2, 2, 1])


def frames_count_with_their_length_on_the_wire(lab):
    frame = eth(IPV4, ip4(6, tcp(1, 2, ACK, bytes(1460))))
    for content in (pcap([packet(frame[:54], wire=1514)], snaplen=54),
                    pcapng([packet(frame[:54], wire=1514)])):
        flow = replay(lab, content).all_exported(1).flows[0]
        equal("octets", (flow["octetDeltaCount"], flow["layer2OctetDeltaCount"]), (1500, 1514))
    cuts = pcap([packet(frame[:size], wire=1514) for size in (0, 13, 14, 33, 34, 53, 54)])
    result = replay(lab, cuts)
    equal("skipped", result.skipped, {"truncated_l2": 2, "truncated_l3": 2, "truncated_l4": 2})
    equal("metered", result.sums["metered"], 1)


def policy_of_tunnels_is_that_of_the_configuration(lab):
    inner, two = datagram(1000, size=20), [("10.0.0.1", 53, 1), ("10.0.0.1", 53, 2)]
    content = pcap([packet(vxlan(vni, inner)) for vni in (1, 2, 2)])
    config = save(lab, b"tunnel: inner\n", "c.yaml")
    for args, flows in (([], two), (["--set", "tunnel=both"], two),
                        (["--set", "tunnel=inner"], [("10.0.0.1", 53, 3)]),
                        (["--set", "tunnel=outer"], [("192.0.2.1", 4789, 1), ("192.0.2.1", 4789, 2)]),
                        (["-c", config], [("10.0.0.1", 53, 3)]),
                        (["-c", config, "--set", "tunnel=both"], two)):
        result = replay(lab, content, *args).all_exported(3)
        equal(f"{args}: flows", sorted((f["sourceIPv4Address"], f["destinationTransportPort"],
                                        f["packetDeltaCount"]) for f in result.flows), flows)
        # On the wire it is the same in any case
        equal(f"{args}: octets", (sum(f["octetDeltaCount"] for f in result.flows),
                                  sum(f["layer2OctetDeltaCount"] for f in result.flows)),
              (3 * (36 + 14 + 48), 3 * (50 + 14 + 48)))


def packets_at_a_limit_are_told(lab):
    content = pcap([packet(frame) for frame in (
        vxlan(1, eth(ARP, bytes(28))), vxlan(1, datagram(1)[:30]), vxlan(1, eth(ARP, bytes(28))),
        eth(IPV4, ip4(17, bytes(100), ident=2, fragment=185)), eth(ARP, bytes(28)))])
    for args, limited in (([], "fragment_ports 1, tunnel_payload 2, tunnel_truncated 1"),
                          (["--set", "tunnel=outer"], "fragment_ports 1")):
        result = replay(lab, content, *args).all_exported(5)
        equal("lines that end the log", result.log.splitlines()[-3:-1],
              ["parallaxd: skipped: arp 1", f"parallaxd: limited: {limited}"])
    log = replay(lab, pcap([packet(datagram(1))])).log
    assert "limited" not in log, log


def frame_of_a_super_packet_is_one_packet(lab):
    flow = replay(lab, pcap([packet(eth(IPV4, ip4(6, tcp(1, 2, ACK, bytes(60000)))))])) \
        .all_exported(1).flows[0]
    equal("packets, octets", (flow["packetDeltaCount"], flow["octetDeltaCount"]), (1, 60040))


# --- time ----------------------------------------------------------------------------------------

def ends(flows):
    return [(f["flowEndReason"], f["packetDeltaCount"],
             *((t - T0) // SECOND for t in times(f))) for f in flows]


def timeouts_run_in_the_time_of_the_capture(lab):
    began = time.monotonic()
    silent = [packet(datagram(1), T0 + t * SECOND) for t in (0, 14, 40, 41)]
    equal("15 s of silence", ends(replay(lab, pcap(silent)).all_exported(4).flows),
          [(IDLE, 2, 0, 14), (FORCED, 2, 40, 41)])
    busy = [packet(datagram(1), T0 + t * SECOND) for t in range(0, 200, 7)]
    equal("60 s of activity", ends(replay(lab, pcap(busy)).all_exported(29).flows),
          [(ACTIVE, 9, 0, 56), (ACTIVE, 9, 63, 119), (ACTIVE, 9, 126, 182), (FORCED, 2, 189, 196)])
    equal("set timeouts", ends(replay(lab, pcap(silent), "--set", "timeouts.inactive=5s").flows),
          [(IDLE, 1, 0, 0), (IDLE, 1, 14, 14), (FORCED, 2, 40, 41)])
    closed = [packet(eth(IPV4, ip4(6, tcp(1, 2, flags))), T0 + t * SECOND)
              for t, flags in ((0, SYN), (1, FIN | ACK), (2, ACK), (10, SYN))]
    equal("FIN", ends(replay(lab, pcap(closed)).all_exported(4).flows),
          [(DETECTED, 3, 0, 2), (FORCED, 1, 10, 10)])
    skipped = [packet(datagram(1)), packet(eth(ARP, bytes(28)), T0 + 30 * SECOND)]
    equal("skipped packets are time, too", ends(replay(lab, pcap(skipped)).flows), [(IDLE, 1, 0, 0)])
    assert time.monotonic() - began < 30, "that took capture time"


def time_may_go_back(lab):
    minutes = [9, 8, 10, 0, 5, 1, 9, 3, 70, 2, 4]
    packets = [packet(datagram(1000 + i % 3), T0 + minute * 60 * SECOND + i)
               for i, minute in enumerate(minutes * 50)]
    result = replay(lab, pcap(packets)).all_exported(len(packets))
    starts, stops = zip(*map(times, result.flows))
    equal("first", min(starts), min(p[0] for p in packets))
    equal("last", max(stops), max(p[0] for p in packets))
    for flow in result.flows:
        assert times(flow)[0] <= times(flow)[1], flow
    # Two directions of time within one record
    flow = replay(lab, pcap([packet(datagram(1), T0 + t) for t in (5, 0, 9, 3)])).flows[0]
    equal("one record", times(flow), (T0, T0 + 9))


def any_time_is_kept(lab):
    later = 2_300_000_000 * SECOND + 5  # beyond 31 bits
    for at in (0, 1, later, (2**32 - 1) * SECOND):
        for content in (pcap([packet(datagram(1), at)]), pcapng([packet(datagram(1), at)])):
            equal("times", times(replay(lab, content).all_exported(1).flows[0]), (at, at))
    # Beyond what a signed 64-bit number of nanoseconds can say, and no second at all
    far = struct.pack("<IIII", 5, 0xffffffff, 42, 42) + datagram(1)
    replay(lab, pcap([]) + far).all_exported(1)
    result = replay(lab, pcapng([packet(datagram(1), 2**64 - 1), packet(datagram(2))]))
    result.all_exported(2)
    for flow in result.flows:
        assert 0 <= flow["flowStartNanoseconds"] < 2**63, flow


# --- exporters -----------------------------------------------------------------------------------

class IpfixReader:
    """A UDP socket and a thread that decodes what arrives there (RFC 7011)."""

    def __init__(self, options=""):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"ipfix://127.0.0.1:{self.socket.getsockname()[1]}{options}"
        self.templates, self.records, self.messages = {}, [], []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            message = self.socket.recv(65536)
            if not message:
                return
            version, size, export, sequence, domain = struct.unpack(">HHIII", message[:16])
            equal("IPFIX version and length", (version, size), (10, len(message)))
            self.messages.append((export, sequence, domain))
            at = 16
            while at < size:
                kind, length = struct.unpack(">HH", message[at:at + 4])
                self.read_set(kind, message[at + 4:at + length])
                at += length

    def read_set(self, kind, body):
        while kind == 2 and len(body) >= 4:
            template, count = struct.unpack(">HH", body[:4])
            self.templates[template] = [struct.unpack(">HH", body[i:i + 4])
                                        for i in range(4, 4 + 4 * count, 4)]
            body = body[4 + 4 * count:]
        if kind < 256:
            return
        fields = self.templates[kind]
        size = sum(length for _, length in fields)
        while len(body) >= size:
            record = {}
            for element, length in fields:
                record[element] = int.from_bytes(body[:length], "big")
                body = body[length:]
            self.records.append(record)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.socket.getsockname())
        self.thread.join(20)
        self.socket.close()
        return self.records


def ipfix_has_the_times_of_the_capture(lab):
    ahead = (time.time_ns() // SECOND + 86400) * SECOND
    for at in (T0 + 5_000_000, ahead):  # the clock of a capture may be ahead of ours
        reader = IpfixReader()
        began = int(time.time())
        content = pcap([packet(datagram(1, size=100), at), packet(datagram(1), at + 3 * SECOND)])
        result = replay(lab, content, "-e", reader.url, "--set", "observation_domain=7")
        result.all_exported(2)
        records = reader.stop()
        equal("records", len(records), 1)
        equal("packets, octets", (records[0][2], records[0][1]), (2, 156))
        equal("start and end, ms", (records[0][152], records[0][153]),
              (at // 10**6, at // 10**6 + 3000))
        equal("interfaces", (records[0][10], records[0][14]), (0, 0))
        for export, _, domain in reader.messages:
            equal("domain", domain, 7)
            if at < ahead:
                assert began <= export <= time.time() + 1, f"export time {export}"


def slow_collector_gets_everything(lab):
    count = 3000
    content = pcap([packet(datagram(1 + i), T0 + i * 1000) for i in range(count)])
    reader = IpfixReader("?queue=16&rate=3000")
    began = time.monotonic()
    # A cache smaller than the flows, so that adding one has to wait, too.
    replay(lab, content, "-e", reader.url, "--set", "cache.flows=1024").all_exported(count)
    took = time.monotonic() - began
    assert took > 0.8, f"{count} records at 3000/s took {took:.2f} s"
    equal("records", len(reader.stop()), count)


def slow_reader_of_standard_output_gets_everything(lab):
    count = 20000
    path = save(lab, pcap([packet(datagram(1 + i), T0 + i) for i in range(count)]))
    with subprocess.Popen([PARALLAXD, "-r", path, "--set", "cache.flows=1024"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lab.processes.append(process)
        time.sleep(0.5)  # not for luck: the reader is slow
        text, log = process.communicate(timeout=60)
    Result(process.returncode, log, parse_lines(text)).all_exported(count)


def many_flows_that_end_at_once_do_not_wait(lab):
    count = 20000
    path = save(lab, pcap([packet(datagram(1 + i), T0 + i) for i in range(count)]))
    began = time.monotonic()
    replay_file(lab, path).all_exported(count)
    took = time.monotonic() - began
    assert took < 3, f"{count} flows took {took:.1f} s"


def without_an_exporter_flows_go_to_standard_output(lab):
    path = save(lab, pcap([packet(datagram(1))]))
    done = subprocess.run([PARALLAXD, "-r", path], capture_output=True, text=True, timeout=60,
                          check=False)
    Result(done.returncode, done.stderr, parse_lines(done.stdout)).all_exported(1)


def failing_exporter_is_a_failure(lab):
    path = save(lab, pcap([packet(datagram(1))]))
    result = replay_file(lab, path, "-e", "json:/dev/full")
    equal("status", result.status, 1)
    assert "json:/dev/full: 1 of 1 records were not sent: No space left" in result.log, result.log
    equal("records of the other exporter", len(result.flows), 1)
    result = replay_file(lab, path, "-e", f"json:{lab.path('no/such/folder')}")
    equal("status", result.status, 1)
    assert "no/such/folder" in result.log, result.log


def signals_end_it(lab):
    count = 20000
    path = save(lab, pcap([packet(datagram(1 + i), T0 + i) for i in range(count)]))

    def start():
        process = subprocess.Popen([PARALLAXD, "-r", path, "--set", "cache.flows=1024"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.processes.append(process)
        # Some of it has arrived, so it runs; then it waits, for the rest does not fit the pipe.
        return process, process.stdout.readline()

    process, line = start()
    process.send_signal(signal.SIGTERM)
    text, log = line + process.stdout.read(), process.stderr.read()
    result = Result(process.wait(30), log, parse_lines(text))
    equal("status after one signal", result.status, 1)
    seen = result.sums["seen"]
    assert seen < count, "all of it was read"
    equal("exported", result.sums["exported"], result.sums["metered"])
    equal("packets in records", sum(f["packetDeltaCount"] for f in result.flows), seen)

    process, line = start()
    process.send_signal(signal.SIGINT)
    # Nobody reads, so only the second one can end it.
    first = process.stderr.readline()
    assert "the rest is not read" in first, first
    process.send_signal(signal.SIGINT)
    equal("status after two signals", process.wait(30), 1)
    result = Result(process.returncode, process.stderr.read(), [])
    process.stdout.close()
    assert "records were not sent" in result.log, result.log


# --- command line --------------------------------------------------------------------------------

def options_that_need_an_interface_are_misuse(lab):
    path = save(lab, pcap([]))
    for args in (["-i", "lo"], ["--detach"], ["--socket", lab.path("s")], [path],
                 ["--set", "timeouts.active=never"]):
        result = replay_file(lab, path, *args)
        equal(f"{args}: status", result.status, 2)


def privileges_are_not_needed(lab):
    if os.geteuid() != 0:
        return  # no test here has any
    os.chmod(lab.dir, 0o777)
    path = save(lab, pcap([packet(datagram(1))]))
    os.chmod(path, 0o644)
    daemon = shutil.copy(PARALLAXD, lab.dir)  # nobody need not be able to read the checkout
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
            "--bounding-set=-all", "--inh-caps=-all", daemon, "-r"]
    out = lab.path("flows.json")
    done = subprocess.run(argv + [path, "-e", f"json:{out}"], capture_output=True, text=True,
                          timeout=60, check=False)
    equal(done.stderr, done.returncode, 0)
    with open(out, encoding="utf-8") as file:
        Result(done.returncode, done.stderr, parse_lines(file.read())).all_exported(1)
    # A pipe that root made: it cannot be opened anew, and is full several times over.
    path = save(lab, pcap([packet(datagram(port)) for port in range(1, 3000)]), "many.pcap")
    os.chmod(path, 0o644)
    done = subprocess.run(argv + [path, "-e", "json:-"], capture_output=True, text=True,
                          timeout=60, check=False)
    equal(done.stderr, done.returncode, 0)
    Result(done.returncode, done.stderr, parse_lines(done.stdout)).all_exported(2999)


# --- the corpus ----------------------------------------------------------------------------------

def check_capture(lab, name, truth):
    path = os.path.join(CORPUS, name)
    frames = list(frames_of(path))
    for policy in ("outer", "both"):
        result = replay_file(lab, path, "--set", f"tunnel={policy}").all_exported(truth["packets"])
        check_truth(name, truth, frames, result.sums["metered"], result.skipped, result.flows)


if __name__ == "__main__":
    main([all_formats_give_the_same_flows, empty_capture_has_no_flows,
          what_is_no_capture_is_refused_by_name, other_link_types_are_refused_by_name,
          damaged_file_gives_what_is_before_the_damage, vlan_tags_are_told,
          fragments_take_the_ports_of_their_first_one,
          oldest_datagram_is_forgotten_when_the_table_is_full,
          frames_count_with_their_length_on_the_wire,
          policy_of_tunnels_is_that_of_the_configuration, packets_at_a_limit_are_told,
          frame_of_a_super_packet_is_one_packet,
          timeouts_run_in_the_time_of_the_capture, time_may_go_back, any_time_is_kept,
          ipfix_has_the_times_of_the_capture, slow_collector_gets_everything,
          slow_reader_of_standard_output_gets_everything,
          many_flows_that_end_at_once_do_not_wait,
          without_an_exporter_flows_go_to_standard_output, failing_exporter_is_a_failure,
          signals_end_it, options_that_need_an_interface_are_misuse, privileges_are_not_needed,
          *tests_of_corpus("corpus", check_capture)], root=False)
