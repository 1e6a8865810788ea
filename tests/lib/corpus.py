# SPDX-License-Identifier: BSD-2-Clause
"""Captures: written, run through `parallaxd -r`, and the corpus of real ones with its truth.

The corpus is a folder of captures with truth.json and flows/NAME.tsv, counted by another program;
PLX_CORPUS names it (default: ../shared/pcaps beside the checkout).
"""

import collections
import ipaddress
import json
import os
import re
import struct
import subprocess

from netlab import BUILD, ROOT, Skip, equal

PARALLAXD = os.path.join(BUILD, "parallaxd")
CORPUS = os.environ.get("PLX_CORPUS") or os.path.join(ROOT, "..", "shared", "pcaps")
SECOND = 10**9
ARP = 0x0806
IPV4 = 0x0800
IPV6 = 0x86dd


def pcap(packets, order="<", nano=True, link=1, snaplen=262144):
    out = struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen,
                      link)
    for at, frame, wire in packets:
        sec, ns = divmod(at, SECOND)
        out += struct.pack(order + "IIII", sec, ns if nano else ns // 1000, len(frame), wire)
        out += frame
    return out


# --- parallaxd -r --------------------------------------------------------------------------------

class Result:
    """What a run said: status, log, the sums of the closing line, packets skipped by reason and
    metered at a limit, flows."""

    def __init__(self, status, log, flows):
        assert "runtime error" not in log and "Sanitizer" not in log, log
        self.status, self.log, self.flows = status, log, flows
        line = re.search(r"stopped: seen (\d+) packets = metered (\d+) \+ unsampled (\d+) "
                         r"\+ skipped (\d+); "
                         r"metered = exported (\d+) \+ held (\d+) \+ lost (\d+); "
                         r"difference (-?\d+)", log)
        if not line:
            self.sums, self.skipped, self.limited = None, {}, {}
            return
        names = ("seen", "metered", "unsampled", "skipped", "exported", "held", "lost", "difference")
        self.sums = dict(zip(names, map(int, line.groups())))
        self.skipped, self.limited = (
            {name: int(count) for name, count in
             (item.split() for item in line.group(1).split(", "))} if line else {}
            for line in (re.search(what + r": (\w+ \d+(?:, \w+ \d+)*)\n", log)
                         for what in ("skipped", "limited")))
        sums = self.sums
        equal("skipped, by reason", sum(self.skipped.values()), sums["skipped"])
        equal("seen = metered + skipped", sums["seen"], sums["metered"] + sums["skipped"])
        equal("unsampled", sums["unsampled"], 0)
        equal("difference", sums["difference"], 0)

    def all_exported(self, seen=None):
        """Nothing is held or lost, and the records have every metered packet."""
        equal("status", self.status, 0)
        equal("exported", self.sums["exported"], self.sums["metered"])
        equal("packets in records", sum(f["packetDeltaCount"] for f in self.flows),
              self.sums["metered"])
        if seen is not None:
            equal("seen", self.sums["seen"], seen)
        return self


def parse_lines(text):
    assert not text or text.endswith("\n"), f"cut in a line: {text[-80:]!r}"
    return [json.loads(line) for line in text.splitlines()]


def replay_file(lab, path, *args):
    out = lab.path("flows.json")
    done = subprocess.run([PARALLAXD, "-r", path, "-e", f"json:{out}", *args], timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    equal("standard output", done.stdout, "")
    flows = []
    if os.path.exists(out):
        with open(out, encoding="utf-8") as file:
            flows = parse_lines(file.read())
        os.unlink(out)
    return Result(done.returncode, done.stderr, flows)


# --- the corpus ----------------------------------------------------------------------------------

def times(flow):
    return flow["flowStartNanoseconds"], flow["flowEndNanoseconds"]


PPP = {0x0021: "ip", 0x0057: "ip", 0x0281: "mpls"}


def mpls_payload(frame, at):
    while not frame[at + 2] & 1:
        at += 4
    return "ip" if frame[at + 4] >> 4 in (4, 6) else "mpls_payload"


def link_layer(frame):
    """What a frame is skipped as for its link layer, or "ip"."""
    at, tags = 12, 0
    while True:
        kind = struct.unpack(">H", frame[at:at + 2])[0]
        if kind not in (0x8100, 0x88a8, 0x9100):
            break
        tags, at = tags + 1, at + 4
        if tags > 4:
            return "vlan_depth"
    at += 2
    if kind < 0x600:
        return "llc"
    if kind == 0x8864:
        code, protocol = frame[at + 1], struct.unpack(">H", frame[at + 6:at + 8])[0]
        at += 8
        what = PPP.get(protocol, "pppoe") if code == 0 else "pppoe"
        return mpls_payload(frame, at) if what == "mpls" else what
    if kind in (0x8847, 0x8848):
        return mpls_payload(frame, at)
    return {ARP: "arp", IPV4: "ip", IPV6: "ip", 0x8863: "pppoe"}.get(kind, "non_ip")


def frames_of(path):
    with open(path, "rb") as file:
        content = file.read()
    order = "<" if content[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at < len(content):
        size = struct.unpack(order + "I", content[at + 8:at + 12])[0]
        yield content[at + 16:at + 16 + size]
        at += 16 + size


def nanoseconds(text):
    seconds, fraction = text.split(".")
    return int(seconds) * SECOND + int(fraction.ljust(9, "0"))


def true_flows(path):
    """{5-tuple: what the truth says of it}"""
    with open(path, encoding="utf-8") as file:
        names = file.readline().rstrip("\n").split("\t")
        rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]
    flows = {}
    for row in rows:
        key = (ipaddress.ip_address(row["src"]), ipaddress.ip_address(row["dst"]),
               int(row["proto"]), int(row["sport"]), int(row["dport"]))
        flows[key] = {
            "packets": int(row["packets"]), "octets": int(row["ip_bytes"]),
            "frame octets": int(row["frame_bytes"]),
            "times": (nanoseconds(row["first"]), nanoseconds(row["last"])),
            "TTL": (int(row["ttl_min"]), int(row["ttl_max"])),
            "lengths": (int(row["ip_len_min"]), int(row["ip_len_max"])),
            "flags": int(row["tcp_flags_or"], 16),
        }
    return flows


def key_of(record):
    """5-tuple of the truth: ICMP type and code left out."""
    version = record["ipVersion"]
    return (ipaddress.ip_address(record[f"sourceIPv{version}Address"]),
            ipaddress.ip_address(record[f"destinationIPv{version}Address"]),
            record["protocolIdentifier"], record.get("sourceTransportPort", 0),
            record.get("destinationTransportPort", 0))


def outermost(record):
    """The same of the outer header, where there is one."""
    return key_of(record.get("outer", record))


def our_flows(records):
    """The same of our records, by the outermost header, summed over VLANs and timeouts."""
    flows = {}
    for r in records:
        one = {"packets": r["packetDeltaCount"], "octets": r["octetDeltaCount"],
               "frame octets": r["layer2OctetDeltaCount"], "times": times(r),
               "TTL": (r["minimumTTL"], r["maximumTTL"]),
               "lengths": (r["minimumIpTotalLength"], r["maximumIpTotalLength"]),
               "flags": r.get("tcpControlBits", 0)}
        sum_ = flows.setdefault(outermost(r), one)
        if sum_ is one:
            continue
        for name in ("packets", "octets", "frame octets"):
            sum_[name] += one[name]
        for name in ("times", "TTL", "lengths"):
            sum_[name] = (min(sum_[name][0], one[name][0]), max(sum_[name][1], one[name][1]))
        sum_["flags"] |= one["flags"]
    return flows


# Of flows in tunnels these are of the inner header, and the truth's of the outer one.
INNER = ("TTL", "flags")


def without_source_ports(flows, tunnels):
    """The UDP flows among tunnels, (source, destination, port), in sum over their source ports: a
    record has the one of its first packet, and senders may change it from packet to packet."""
    result = {}
    for key, flow in flows.items():
        if (key[0], key[1], key[4]) in tunnels and key[2] == 17:
            key = (*key[:3], None, key[4])
        sum_ = result.setdefault(key, flow)
        if sum_ is flow:
            continue
        for name in sum_.keys() & {"packets", "octets", "frame octets"}:
            sum_[name] += flow[name]
        for name in sum_.keys() & {"times", "lengths"}:
            sum_[name] = (min(sum_[name][0], flow[name][0]), max(sum_[name][1], flow[name][1]))
    return result


def check_truth(name, truth, frames, metered, skipped, records, apart=()):
    """What became of all frames of a capture is what the truth says, apart from those fields. Flows of
    the truth are those of the outermost header, so what we have of inner ones is summed up by that."""
    want = true_flows(os.path.join(CORPUS, "flows", name.replace(".pcap", ".tsv")))
    got = our_flows(records)
    tunnels = {(key[0], key[1], key[4]) for key in (outermost(r) for r in records if "outer" in r)}
    if tunnels:
        apart = {*apart, *INNER}
    for flows in (want, got):
        for flow in flows.values():
            for field in apart:
                del flow[field]
    want, got = (without_source_ports(flows, tunnels) for flows in (want, got))
    if truth["binding"]:
        kinds = collections.Counter(map(link_layer, frames))
        equal("packets metered", metered, kinds["ip"])
        equal("IP packets that are not looked for", truth["ip_packets"] - kinds.pop("ip", 0), 0)
        equal("skipped for the link layer", skipped, dict(kinds))
        equal("flows", sorted(map(str, got)), sorted(map(str, want)))
        for key, flow in want.items():
            equal(f"flow {key}", got[key], flow)
        tagged = {(outermost(r), r.get("vlanId"), r.get("dot1qCustomerVlanId")) for r in records}
        if not tunnels:
            equal("flows, of each VLAN", len(tagged), truth["flows_plus_vlan"])
        icmp = collections.Counter()
        for r in records:
            for field, text in (("icmpTypeCodeIPv4", "icmp"), ("icmpTypeCodeIPv6", "icmp6")):
                if field in r and "outer" not in r:
                    icmp[f"{text} {r[field] >> 8}/{r[field] & 255}"] += r["packetDeltaCount"]
        equal("ICMP types and codes", dict(icmp), truth["icmp_type_code"])
        return
    # Headers that lie: the truth is one reading of them. Ours must not find more in them.
    unseen = truth["ip_packets"] - metered
    assert unseen >= 0, f"{-unseen} packets metered that are none"
    for key, flow in got.items():
        assert key in want, f"flow {key} is none"
        assert flow["packets"] <= want[key]["packets"], f"flow {key}: too many packets"
        if flow["packets"] == want[key]["packets"]:
            equal(f"flow {key}: octets", flow["octets"], want[key]["octets"])
    equal("packets missing in flows",
          sum(flow["packets"] for flow in want.values()) - metered, unseen)


def tests_of_corpus(prefix, check):
    """A test check(lab, name, truth) of each capture, named prefix_NAME."""
    try:
        with open(os.path.join(CORPUS, "truth.json"), encoding="utf-8") as file:
            truth = json.load(file)
    except FileNotFoundError:
        def skipped(_):
            raise Skip("no capture corpus")
        skipped.__name__ = prefix
        return [skipped]

    def make(name):
        def test(lab):
            check(lab, name, truth[name])
        test.__name__ = f"{prefix}_{name}"
        return test
    return [make(name) for name in truth]
