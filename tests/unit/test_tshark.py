#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The parser against tshark: each packet of the capture corpus and of the samples, field by field.

parse_capture prints what the parser says, lib/dissect.py works out from tshark's fields what it must
say. Where the two may differ is in the table REASONS, and nowhere else. Then the flows of each capture,
as parallaxd -r gives them, against those that follow from what tshark said of its packets. The corpus is
that of test_replay.py.
"""

import collections
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from corpus import CORPUS, replay_file
from dissect import IPV4_EXPERIMENT, tshark, want_of
from netlab import BUILD, Skip, equal, main, run

PARSE_CAPTURE = os.path.join(BUILD, "tests", "unit", "parse_capture")

SHOWN = 20  # differing packets of a capture


# --- where they may differ -----------------------------------------------------------------------

class Reason:
    """Why some fields of a packet may differ. applies(): is this such a packet? Asked of what
    tshark says and of what want_of() made of it, so narrow that each such packet does differ."""

    def __init__(self, why, fields, applies):
        self.why, self.fields, self.applies = why, set(fields.split()), applies
        self.used = 0


REASONS = [
    Reason("to tshark a length of 0 is an EtherType", "verdict",
           lambda row, want: want.get("verdict") == "non_ip" and row.int("eth.type") == 0),
    Reason("tshark does not say type and code of an ICMP header cut in its second half", "*",
           lambda row, want: "verdict" not in want and row.layers[-1] == "icmp"),
    Reason("tshark takes VXLAN-GPE's next protocol for one even if its flag says that it is none", "*",
           lambda row, want: want.get("silent") == "vxlan.p_bit"),
]


# --- comparing -----------------------------------------------------------------------------------

totals = collections.Counter()
compared = set()


class Flows:
    """What the packets of a capture are in flows, by tshark's word: {key: [packets, octets, frame
    octets]}, and how many packets were metered at which limit."""

    def __init__(self):
        self.sums = collections.defaultdict(lambda: [0, 0, 0])
        self.limits = collections.Counter()
        self.first_fragments = {}

    @staticmethod
    def datagram(packet, tunnel):
        return tuple(packet[name] for name in ("version", "source", "dest", "fragment_id",
                                               "fragment_protocol")) + (tunnel,)

    def add(self, packet):
        """packet: as want_of() has it, metered."""
        tunnel = packet["tunnel"]
        # Outer ports are those of a flow's first packet, and no part of the key.
        key = tuple(packet[name] for name in ("source", "dest", "protocol", "source_port",
                                              "dest_port")) + (
            tunnel, tuple(packet["outer"].split(" ")[:3]))
        known = True
        if packet["fragment"] == "later":
            known = self.first_fragments.get(self.datagram(packet, tunnel))
            key = known or key
        elif packet["fragment"] == "first":
            # Ports of 0 are none: the fragment ends in front of them.
            known = packet["protocol"] not in map(str, HEADER_OF) or key[3:5] != ("0", "0")
            if known:
                self.first_fragments[self.datagram(packet, tunnel)] = key
        around = packet.get("around")
        if around and around["fragment"] == "first" and known:
            around = {name: str(value) for name, value in around.items()}
            self.first_fragments[self.datagram(around, "")] = key
        self.limits.update(filter(None, packet["limits"].split(",")))
        if not known:
            self.limits["fragment_ports"] += 1
            key = (*key[:3], "0", "0", *key[5:], "fragment")
        for i, name in enumerate(("octets", "frame_octets"), 1):
            self.sums[(packet["vlan"], *key)][i] += int(packet[name])
        self.sums[(packet["vlan"], *key)][0] += 1


HEADER_OF = {6, 17, 33, 132, 136, 1, 58}


def tunnel_text(record):
    """The tunnel of a record, as want_of() has it."""
    if "outer" not in record:
        return ""
    segment = record.get("layer2SegmentId", 0)
    if "greKey" in record:
        return f"{'nvgre' if segment else 'grekey'} {record['greKey']}"
    if "layer2SegmentId" in record:
        return f"{'vxlan' if segment >> 56 == 1 else 'geneve'} {segment & 0xffffff}"
    if "gtpuTEid" in record:
        return f"gtpu {record['gtpuTEid']}"
    return "gre 0" if record["outer"]["protocolIdentifier"] == 47 else "ip 0"


def ends(record):
    version = record["ipVersion"]
    return (record[f"sourceIPv{version}Address"], record[f"destinationIPv{version}Address"],
            str(record["protocolIdentifier"]))


def flow_of(record):
    """(key, sums) of a record, as in Flows."""
    icmp = record.get("icmpTypeCodeIPv4", record.get("icmpTypeCodeIPv6", 0))
    outer = ends(record["outer"]) if "outer" in record else ("",)
    key = (str(record.get("vlanId", "")), *ends(record),
           str(record.get("sourceTransportPort", 0)),
           str(record.get("destinationTransportPort", icmp)), tunnel_text(record), outer)
    return key, [record["packetDeltaCount"], record["octetDeltaCount"],
                 record["layer2OctetDeltaCount"]]


def compare_flows(lab, path, flows):
    """The records of parallaxd -r, in sum over timeouts, and its limits."""
    result = replay_file(lab, path).all_exported()
    got = collections.defaultdict(lambda: [0, 0, 0])
    for record in result.flows:
        key, sums = flow_of(record)
        got[key] = [a + b for a, b in zip(got[key], sums)]
    want = collections.defaultdict(lambda: [0, 0, 0])
    for key, sums in flows.sums.items():
        # Whether ports of 0 are unknown ones is in no record.
        key = key[:-1] if key[-1] == "fragment" else key
        want[key] = [a + b for a, b in zip(want[key], sums)]
    equal("flows", sorted(map(str, got)), sorted(map(str, want)))
    for key, sums in want.items():
        equal(f"flow {key}", got[key], sums)
    equal("limits", result.limited, dict(flows.limits))


def ours(path):
    names, *lines = run([PARSE_CAPTURE, path]).split("\n")[:-1]
    names = names.split("\t")[1:]
    return [dict(zip(names, line.split("\t")[1:])) for line in lines]


def differences(got, want):
    """{field: what they say}; only the verdict when that differs."""
    if got.get("version") == "4":
        got = dict(got, ip_options=str(int(got["ip_options"]) & ~IPV4_EXPERIMENT))
    names = got if want.get("verdict", "metered") == got["verdict"] else ["verdict"]
    return {name: f"{name} {got[name]}, by tshark {want.get(name, 'unknown')}"
            for name in names if got[name] != want.get(name)}


def compare(lab, path, name_of=str):
    """Compare all packets of a capture, and its flows; name_of: what to call a packet by its number."""
    packets, rows = ours(path), tshark(lab, path)
    equal("packets", len(packets), len(rows))
    assert packets, "no packet"
    used, failures, flows = collections.Counter(), [], Flows()
    for i, (got, row) in enumerate(zip(packets, rows), 1):
        want = want_of(row)
        differ = differences(got, want)
        for reason in REASONS:
            if not reason.applies(row, want):
                continue
            fields = differ.keys() if reason.fields == {"*"} else reason.fields
            if not fields & differ.keys():
                failures.append(f"packet {name_of(i)}: needs no excuse: {reason.why}")
            used[reason] += 1
            for field in list(fields):
                differ.pop(field, None)
            want = got
        if got["verdict"] == "metered":
            flows.add(want if want.get("verdict") == "metered" else got)
        if differ:
            failures.append(f"packet {name_of(i)} {':'.join(row.layers)}: "
                            f"{'; '.join(differ.values())}")
    result = collections.Counter(packets=len(packets), excused=sum(used.values()),
                                 metered=sum(got["verdict"] == "metered" for got in packets))
    print("{packets} packets, {metered} metered, {excused} excused".format_map(result))
    for reason, count in used.items():
        print(f"    {count}: {reason.why}")
        reason.used += count
    if failures:
        raise AssertionError(f"{len(failures)} differ: " + " / ".join(failures[:SHOWN]))
    compare_flows(lab, path, flows)
    return result


def samples_and_all_their_cuts(lab):
    """Each sample of tests/lib/samples.c, whole and cut at every length: by the capture, and on the
    wire. But for those of which not all is in the frame, or that are no frame."""
    folder = lab.path("samples")
    os.mkdir(folder)
    run([os.path.join(BUILD, "tests", "unit", "test_parse"), folder])
    packets, names = [], []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
        if content[0] & 3:  # a tag was moved out, a super-packet
            continue
        frame = content[4:]
        for size in range(1, len(frame) + 1):
            for wire in sorted({size, len(frame)}):
                packets.append((frame[:size], wire))
                names.append(f"{name}, {size} of {wire} octets")
    path = lab.path("samples.pcap")
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for i, (frame, wire) in enumerate(packets):
            file.write(struct.pack("<IIII", 1_600_000_000 + i, 0, len(frame), wire) + frame)
    compare(lab, path, lambda i: names[i - 1])


def excuses_are_needed_and_rare(_):
    if len(compared) < len(TESTS) - 1 or not captures():
        raise Skip("not all captures were compared")
    for reason in REASONS:
        assert reason.used, f"no packet needed this excuse: {reason.why}"
    print("corpus: {packets} packets, {metered} metered, {excused} excused".format_map(totals))
    assert totals["excused"] * 1000 < totals["packets"], "more than one in a thousand is excused"
    assert totals["metered"] * 2 > totals["packets"], "not even half of the packets are metered"


def captures():
    try:
        return sorted(name for name in os.listdir(CORPUS) if name.endswith(".pcap"))
    except FileNotFoundError:
        return []


def corpus_tests():
    def make(name):
        def test(lab):
            totals.update(compare(lab, os.path.join(CORPUS, name)))
        test.__name__ = f"corpus_{name}"
        return test

    def corpus(_):
        raise Skip("no capture corpus")
    return [make(name) for name in captures()] or [corpus]


def counted(test):
    """A test that tells the last one that it went well."""
    def wrapper(lab):
        if not shutil.which("tshark"):
            raise Skip("no tshark")
        test(lab)
        compared.add(test.__name__)
    wrapper.__name__ = test.__name__
    return wrapper


TESTS = [counted(test) for test in [samples_and_all_their_cuts, *corpus_tests()]]
TESTS.append(excuses_are_needed_and_rare)

if __name__ == "__main__":
    main(TESTS, root=False)
