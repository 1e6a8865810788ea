#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The parser against tshark: each packet of the capture corpus and of the samples, field by field.

parse_capture prints what the parser says, want_of() works out from tshark's fields what it must
say: a field comes as a list of all its values in a packet, and the first ones are those of the
outermost header. Where the two may differ is in the table REASONS, and nowhere else. The corpus is
that of test_replay.py.
"""

import collections
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import BUILD, ROOT, Skip, equal, main, run

PARSE_CAPTURE = os.path.join(BUILD, "tests", "unit", "parse_capture")
CORPUS = os.environ.get("PLX_CORPUS") or os.path.join(ROOT, "..", "shared", "pcaps")

PREFERENCES = ("ip.defragment", "ipv6.defragment", "ip.tso_support", "tcp.desegment_tcp_streams",
               "ip.check_checksum", "tcp.check_checksum", "udp.check_checksum")
FIELDS = """
frame.len frame.cap_len frame.protocols eth.src eth.dst eth.type eth.len eth.invalid_lentype
vlan.id vlan.priority vlan.etype vlan.len ieee8021ad.id ieee8021ad.priority
mpls.label mpls.exp mpls.bottom pppoe.version pppoe.type pppoe.code ppp.protocol
ip.version ip.hdr_len ip.dsfield ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl
ip.proto ip.src ip.dst
ipv6.version ipv6.tclass ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst
ipv6.hopopts.nxt ipv6.hopopts.len ipv6.routing.nxt ipv6.routing.len ipv6.dstopts.nxt
ipv6.dstopts.len ipv6.fraghdr.nxt ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.fraghdr.ident
ah.next_header ah.length
tcp.srcport tcp.dstport tcp.hdr_len tcp.flags udp.srcport udp.dstport sctp.srcport sctp.dstport
dccp.srcport dccp.dstport icmp.type icmp.code icmpv6.type icmpv6.code
""".split()
SEPARATOR, AGGREGATOR = "\t", "\x1f"
SHOWN = 20  # differing packets of a capture

MAX_TAGS, MAX_LABELS, MAX_EXTENSIONS = 4, 10, 8
ETHERTYPES = {"ip": 0x0800, "ipv6": 0x86dd}
PPP_NUMBERS = {"ip": 0x21, "ipv6": 0x57}
# IPv6 extension headers: number -> tshark's name, its fields of next header and of length
EXTENSIONS = {
    0: ("ipv6.hopopts", "ipv6.hopopts.nxt", "ipv6.hopopts.len"),
    43: ("ipv6.routing", "ipv6.routing.nxt", "ipv6.routing.len"),
    60: ("ipv6.dstopts", "ipv6.dstopts.nxt", "ipv6.dstopts.len"),
    44: ("ipv6.fraghdr", "ipv6.fraghdr.nxt", None),
    51: ("ah", "ah.next_header", "ah.length"),
}
ICMP = {4: (1, "icmp"), 6: (58, "icmpv6")}
PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udp"}  # 136: UDP-Lite
HEADER = {"tcp": 20, "udp": 8, "dccp": 12, "sctp": 12, "icmp": 4, "icmpv6": 4}  # at least


class Skipped(Exception):
    """The packet is not metered; the text is the reason."""


class Silent(Exception):
    """tshark does not say what is needed next."""


class Row:
    """One packet as tshark sees it: all values of each field, in the order of the headers."""

    def __init__(self, line):
        values = line.split(SEPARATOR)
        equal("fields of tshark", len(values), len(FIELDS))
        self.fields = {name: value.split(AGGREGATOR) if value else []
                       for name, value in zip(FIELDS, values)}
        self.layers = self.text("frame.protocols").split(":")

    def text(self, name, nth=0):
        if nth >= len(self.fields[name]):
            raise Silent(name)
        return self.fields[name][nth]

    def int(self, name, nth=0):
        return number(self.text(name, nth))

    def ints(self, name):
        return [number(value) for value in self.fields[name]]

    def need(self, octets, reason):
        """So many from the beginning of the frame are read."""
        if self.int("frame.cap_len") < octets:
            raise Skipped(reason)


def number(text):
    return int(text == "True") if text in ("True", "False") else int(text, 0)


def want_mpls(row, want, at):
    """The label stack at an offset; returns the offset behind it."""
    entries = []
    for label, exp, bottom in zip(*map(row.ints, ("mpls.label", "mpls.exp", "mpls.bottom"))):
        entries.append(label << 4 | exp << 1 | bottom)
        if bottom or len(entries) == MAX_LABELS:
            break
    at += 4 * len(entries)
    if not entries or not entries[-1] & 1:
        if len(entries) == MAX_LABELS:
            raise Skipped("mpls_depth")
        row.need(at + 4, "truncated_l2")
    row.need(at + 1, "truncated_l3")
    want["mpls"] = ",".join(str(entry) for entry in (entries + [0, 0, 0])[:3])
    return at


def want_link(row, want):
    """All in front of IP. Returns "ip" or "ipv6" and its offset."""
    row.need(14, "truncated_l2")
    want.update(source_mac=row.text("eth.src"), dest_mac=row.text("eth.dst"), mpls="0,0,0",
                vlan="", priority=0, customer_vlan="")
    tags, at, ppp = 0, 14, None
    type_ = (row.ints("eth.type") or [None])[0]
    for i, layer in enumerate(row.layers):
        if layer in ETHERTYPES:
            return layer, at
        if layer in ("vlan", "ieee8021ad"):
            if tags == MAX_TAGS:
                raise Skipped("vlan_depth")
            at += 4
            row.need(at, "truncated_l2")
            nth = row.layers[:i].count(layer)
            values = [row.text(f"{layer}.{name}", nth) for name in ("id", "priority")]
            if tags == 0:
                want["vlan"], want["priority"] = values
            elif tags == 1:
                want["customer_vlan"] = values[0]
            tags += 1
            if layer == "vlan":
                type_ = (row.ints("vlan.etype")[nth:] or [None])[0]
        elif layer == "pppoes":
            at += 8
            row.need(at, "truncated_l2")
            if [row.int("pppoe." + name) for name in ("version", "type", "code")] != [1, 1, 0]:
                raise Skipped("pppoe")
            type_, ppp = None, row.int("ppp.protocol")
        elif layer == "mpls":
            at = want_mpls(row, want, at)
            if row.layers[i + 1:i + 2] not in (["ip"], ["ipv6"]):
                raise Skipped("mpls_payload")
        elif layer in ("arp", "llc"):
            raise Skipped(layer)
        elif layer == "pppoed":
            raise Skipped("pppoe")
    # tshark calls it neither of them, so it is no good one.
    for layer in ETHERTYPES:
        if type_ == ETHERTYPES[layer] or ppp == PPP_NUMBERS[layer]:
            row.need(at + (20 if layer == "ip" else 40), "truncated_l3")
            raise Skipped("malformed_ip")
    if ppp is not None:
        raise Skipped("pppoe")
    if row.fields["eth.len"] or row.fields["vlan.len"] or row.fields["eth.invalid_lentype"]:
        raise Skipped("llc")
    raise Skipped("non_ip")


def want_ipv4(row, want, at):
    """IPv4 at an offset. Returns the protocol and the offset behind the header."""
    row.need(at + 20, "truncated_l3")
    if row.int("ip.version") != 4 or row.int("ip.hdr_len") < 20:
        raise Skipped("malformed_ip")
    size = row.int("ip.hdr_len")
    row.need(at + size, "truncated_l3")
    if row.int("ip.len") < size:
        raise Skipped("malformed_ip")
    want.update(version=4, source=row.text("ip.src"), dest=row.text("ip.dst"),
                tos=row.int("ip.dsfield"), ttl=row.int("ip.ttl"), flow_label=0,
                octets=row.int("ip.len"), fragment_id=row.int("ip.id"),
                fragment_protocol=row.int("ip.proto"))
    more = row.int("ip.flags.mf")
    want["fragment_flags"] = row.int("ip.flags.df") * 0x40 + more * 0x20
    want["fragment"] = "later" if row.int("ip.frag_offset") else "first" if more else "no"
    return row.int("ip.proto"), at + size


def want_ipv6(row, want, at):
    """IPv6 and its extension headers, same."""
    row.need(at + 40, "truncated_l3")
    if row.int("ipv6.version") != 6:
        raise Skipped("malformed_ip")
    want.update(version=6, source=row.text("ipv6.src"), dest=row.text("ipv6.dst"),
                tos=row.int("ipv6.tclass"), ttl=row.int("ipv6.hlim"),
                flow_label=row.int("ipv6.flow"), octets=row.int("ipv6.plen") + 40,
                fragment_id=0, fragment_protocol=0, fragment_flags=0, fragment="no")
    end = at + want["octets"]
    at += 40
    protocol, seen = row.int("ipv6.nxt"), collections.Counter()
    while protocol in EXTENSIONS and want["fragment"] != "later":
        name, following, length = EXTENSIONS[protocol]
        if seen.total() > MAX_EXTENSIONS:
            raise Skipped("ext_depth")
        if at + 8 > end:
            raise Skipped("malformed_ip")
        row.need(at + 8, "truncated_l3")
        nth = seen[name]
        seen[name] += 1
        size = 8
        if length:
            size = row.int(length, nth)
            size = 4 * size + 8 if name == "ah" else 8 * size + 8
        if at + size > end:
            raise Skipped("malformed_ip")
        row.need(at + size, "truncated_l3")
        at += size
        protocol = row.int(following, nth)
        if name == "ipv6.fraghdr":
            more = row.int("ipv6.fraghdr.more", nth)
            want.update(fragment_id=row.int("ipv6.fraghdr.ident", nth),
                        fragment_flags=more * 0x20, fragment_protocol=protocol,
                        fragment="later" if row.int("ipv6.fraghdr.offset", nth) else
                        "first" if more else "no")
    if seen.total() > MAX_EXTENSIONS:
        raise Skipped("ext_depth")
    return protocol, at


def want_transport(row, want, at):
    """The transport header at an offset. Returns the offset behind it."""
    protocol, version = want["protocol"], want["version"]
    want.update(source_port=0, dest_port=0, tcp_flags=0)
    name = PORTS.get(protocol) or (ICMP[version][1] if protocol == ICMP[version][0] else None)
    if not name or want["fragment"] == "later":
        return at
    granted = want["ip_offset"] + want["octets"] - at
    if granted < HEADER[name] and want["fragment"] != "first":
        raise Skipped("malformed_l4")
    if granted < 4:
        return at
    row.need(at + (4 if granted < HEADER[name] else HEADER[name]), "truncated_l4")
    if name.startswith("icmp"):
        want["dest_port"] = row.int(name + ".type") * 256 + row.int(name + ".code")
        return at + 8
    want["source_port"], want["dest_port"] = row.int(name + ".srcport"), row.int(name + ".dstport")
    if granted < HEADER[name]:
        return at
    if name != "tcp":
        return at + HEADER[name]
    size = row.int("tcp.hdr_len")
    if size < HEADER[name] or (size > granted and want["fragment"] != "first"):
        raise Skipped("malformed_l4")
    want["tcp_flags"] = row.int("tcp.flags") & 0x1ff
    return at + size


def want_of(row):
    """{name of parse_capture: value} that the parser must give, as far as tshark says it."""
    want = {"frame_octets": row.int("frame.len")}
    try:
        ip, at = want_link(row, want)
        want["ip_offset"] = at
        want["protocol"], at = (want_ipv4 if ip == "ip" else want_ipv6)(row, want, at)
        want["header_octets"] = want_transport(row, want, at)
        want["verdict"] = "metered"
    except Skipped as reason:
        want = {"verdict": str(reason)}
    except Silent:
        pass
    return {name: str(value) for name, value in want.items()}


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
    Reason("tshark does not say type and code of an ICMP header cut in its second half",
           "verdict dest_port header_octets",
           lambda row, want: "verdict" not in want and row.layers[-1] == "icmp"),
]


# --- comparing -----------------------------------------------------------------------------------

totals = collections.Counter()
compared = set()


def tshark(lab, path):
    argv = ["tshark", "-r", path, "-n", "-T", "fields", "-E", "occurrence=a",
            "-E", "separator=/t", "-E", "aggregator=" + AGGREGATOR]
    for name in PREFERENCES:
        argv += ["-o", name + ":FALSE"]
    for name in FIELDS:
        argv += ["-e", name]
    # Nobody's own preferences.
    text = run(argv, env={"PATH": os.environ["PATH"], "HOME": lab.dir, "LC_ALL": "C.UTF-8"})
    return [Row(line) for line in text.split("\n")[:-1]]


def ours(path):
    names, *lines = run([PARSE_CAPTURE, path]).split("\n")[:-1]
    names = names.split("\t")[1:]
    return [dict(zip(names, line.split("\t")[1:])) for line in lines]


def differences(got, want):
    """{field: what they say}; only the verdict when that differs."""
    names = got if want.get("verdict", "metered") == got["verdict"] else ["verdict"]
    return {name: f"{name} {got[name]}, by tshark {want.get(name, 'unknown')}"
            for name in names if got[name] != want.get(name)}


def compare(lab, path, name_of=str):
    """Compare all packets of a capture; name_of: what to call one by its number."""
    packets, rows = ours(path), tshark(lab, path)
    equal("packets", len(packets), len(rows))
    assert packets, "no packet"
    used, failures = collections.Counter(), []
    for i, (got, row) in enumerate(zip(packets, rows), 1):
        want = want_of(row)
        differ = differences(got, want)
        for reason in REASONS:
            if not reason.applies(row, want):
                continue
            if not reason.fields & differ.keys():
                failures.append(f"packet {name_of(i)}: needs no excuse: {reason.why}")
            used[reason] += 1
            for field in reason.fields:
                differ.pop(field, None)
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
