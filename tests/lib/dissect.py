# SPDX-License-Identifier: BSD-2-Clause
"""What the parser must say of a packet, worked out from tshark's fields of it and from the rules in
bpf/README.md. A field comes as a list of all its values in a packet, in the order of the headers, so the
nth is that of the nth header of its kind: Walk goes from header to header and counts.
"""

import collections
import os

from netlab import equal, run

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
ip.opt.type tcp.option_kind tcp.window_size_value
gre.flags_and_version gre.proto gre.key vxlan.flags vxlan.ver vxlan.i_bit vxlan.p_bit
vxlan.vni vxlan.next_proto geneve.version geneve.proto_type geneve.vni geneve.options gtp.flags
gtp.message gtp.teid gtp.ext_hdr.length gtp.ext_hdr.next
tcp.srcport tcp.dstport tcp.hdr_len tcp.flags udp.srcport udp.dstport sctp.srcport sctp.dstport
dccp.srcport dccp.dstport icmp.type icmp.code icmpv6.type icmpv6.code
""".split()
SEPARATOR, AGGREGATOR = "\t", "\x1f"
MAX_TAGS, MAX_LABELS, MAX_EXTENSIONS, MAX_TUNNELS, MAX_GTP_EXTENSIONS = 4, 10, 8, 2, 4
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


# Their bits in ipv6ExtensionHeaders; later fragments have another one. ESP and mobility end the walk.
EXTENSION_BITS = {0: 1 << 1, 43: 1 << 5, 44: 1 << 4, 51: 1 << 14, 60: 1 << 0}
LATER_FRAGMENT_BIT, ESP_BIT, MOBILITY_BIT = 1 << 6, 1 << 13, 1 << 12
# IANA, IP Option Numbers: bit = number, the low 5 bits
IPV4_OPTIONS = {0, 1, 130, 131, 68, 133, 134, 7, 136, 137, 10, 11, 12, 205, 142, 15, 144, 145, 82, 147,
                148, 149, 150, 151, 152, 25}
IPV4_EXPERIMENT = 1 << 30  # options of RFC 4727, which tshark does not list
# What a tunnel carries, by EtherType: "eth" is a frame
CARRIED = {0x6558: "eth", 0x0800: "ip", 0x86dd: "ipv6", 0x8847: "mpls", 0x8848: "mpls"}
LIMIT_OF = {"truncated_l2": "tunnel_truncated", "truncated_l3": "tunnel_truncated",
            "truncated_l4": "tunnel_truncated", "malformed_ip": "tunnel_malformed",
            "malformed_l4": "tunnel_malformed", "vlan_depth": "tunnel_depth",
            "mpls_depth": "tunnel_depth", "ext_depth": "tunnel_depth"}
LIMITS = ("fragment_ports", "ip_length", "tunnel_depth", "tunnel_payload", "tunnel_truncated",
          "tunnel_malformed", "tunnel_fragment", "tunnel_super")


class Skipped(Exception):
    """The packet is not metered, or what is in a tunnel not looked into; the text is the reason."""


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


class Walk:
    """Where one stands in the headers of a packet: offset, index of the layer, and how many headers
    of each kind were passed, which is the index of the next one's fields."""

    def __init__(self, row):
        self.row, self.at, self.layer, self.passed = row, 0, 0, collections.Counter()
        self.end = row.int("frame.cap_len")

    def need(self, octets, reason):
        """So many from the beginning of the frame are read: no more than there are, in the capture and
        in all IP packets around."""
        if self.end < octets:
            raise Skipped(reason)

    def field(self, name, of=None):
        """Of the header at hand, which is the last one passed of its kind."""
        return self.row.int(name, self.passed[of or name.split(".")[0]] - 1)

    def text(self, name):
        return self.row.text(name, self.passed[name.split(".")[0]] - 1)

    def comes(self, *names):
        """Is one of these the next layer? tshark says "ethertype" between some."""
        layers = self.row.layers
        while self.layer < len(layers) and layers[self.layer] == "ethertype":
            self.layer += 1
        return self.layer < len(layers) and layers[self.layer] in names

    def take(self):
        """Pass the next layer; its name."""
        if self.layer == len(self.row.layers):
            raise Silent("layer")
        name = self.row.layers[self.layer]
        self.layer += 1
        self.passed[name] += 1
        return name


def number(text):
    return int(text == "True") if text in ("True", "False") else int(text, 0)


def want_mpls(walk, want):
    """The label stack."""
    row, entries = walk.row, []
    first = walk.passed["labels"]
    stack = list(zip(*map(row.ints, ("mpls.label", "mpls.exp", "mpls.bottom"))))[first:]
    for label, exp, bottom in stack:
        entries.append(label << 4 | exp << 1 | bottom)
        if bottom or len(entries) == MAX_LABELS:
            break
    walk.passed["labels"] += len(entries)
    walk.at += 4 * len(entries)
    if not entries or not entries[-1] & 1:
        if len(entries) == MAX_LABELS:
            raise Skipped("mpls_depth")
        walk.need(walk.at + 4, "truncated_l2")
    walk.need(walk.at + 1, "truncated_l3")
    want["mpls"] = ",".join(f"{entry:06x}" for entry in (entries + [0, 0, 0])[:3])


def want_tags(walk, want):
    """VLAN tags; the EtherType in the last one, or None."""
    tags, type_ = 0, None
    while walk.comes("vlan", "ieee8021ad"):
        if tags == MAX_TAGS:
            raise Skipped("vlan_depth")
        layer = walk.take()
        walk.at += 4
        walk.need(walk.at, "truncated_l2")
        values = [walk.text(f"{layer}.{name}") for name in ("id", "priority")]
        if tags == 0:
            want["vlan"], want["priority"] = values
        elif tags == 1:
            want["customer_vlan"] = values[0]
        tags += 1
        if layer == "vlan":
            type_ = (walk.row.ints("vlan.etype")[walk.passed["vlan"] - 1:] or [None])[0]
    return type_


def want_link(walk, want, ethernet):
    """All in front of IP, which is the next layer then. want gets what is recorded of it."""
    row, ppp, type_ = walk.row, None, None
    if ethernet:
        walk.at += 14
        walk.need(walk.at, "truncated_l2")
        if not walk.comes("eth"):
            raise Silent("eth")
        walk.take()
        want.update(source_mac=row.text("eth.src"), dest_mac=row.text("eth.dst"))
        type_ = (row.ints("eth.type")[walk.passed["eth"] - 1:] or [None])[0]
    want.update(mpls="000000,000000,000000", vlan="", priority=0, customer_vlan="")
    type_ = want_tags(walk, want) or type_
    if walk.comes("pppoes"):
        walk.take()
        walk.at += 8
        walk.need(walk.at, "truncated_l2")
        if [row.int("pppoe." + name) for name in ("version", "type", "code")] != [1, 1, 0]:
            raise Skipped("pppoe")
        type_, ppp = None, row.int("ppp.protocol")
        if walk.comes("ppp"):
            walk.take()
    if walk.comes("mpls"):
        walk.take()
        want_mpls(walk, want)
        while walk.comes("mpls"):
            walk.take()
        if not walk.comes("ip", "ipv6"):
            raise Skipped("mpls_payload")
    if walk.comes("ip", "ipv6"):
        return
    if walk.comes("arp", "llc"):
        raise Skipped(walk.take())
    if walk.comes("pppoed"):
        raise Skipped("pppoe")
    # tshark calls it neither of them, so it is no good one.
    for layer in ETHERTYPES:
        if type_ == ETHERTYPES[layer] or ppp == PPP_NUMBERS[layer]:
            walk.need(walk.at + (20 if layer == "ip" else 40), "truncated_l3")
            raise Skipped("malformed_ip")
    if ppp is not None:
        raise Skipped("pppoe")
    if row.fields["eth.len"] or row.fields["vlan.len"] or row.fields["eth.invalid_lentype"]:
        raise Skipped("llc")
    raise Skipped("non_ip")


def options_of(walk, field, sizes, mine):
    """Option kinds of the header at hand, among those of all headers of the packet: that is clear
    only if no other one has any."""
    if mine == 0:
        return []
    if sum(size > 0 for size in sizes) > 1:
        raise Silent(field)
    return walk.row.ints(field)


def want_ipv4(walk, want):
    """IPv4; the protocol."""
    row, at = walk.row, walk.at
    walk.need(at + 20, "truncated_l3")
    # tshark has this one for IPv6, too.
    version = row.int("ip.version", walk.passed["ip"] + walk.passed["ipv6"] - 1)
    if version != 4 or walk.field("ip.hdr_len") < 20:
        raise Skipped("malformed_ip")
    size = walk.field("ip.hdr_len")
    walk.need(at + size, "truncated_l3")
    if walk.field("ip.len") < size:
        raise Skipped("malformed_ip")
    more = walk.field("ip.flags.mf", "ip")
    fragment = "later" if walk.field("ip.frag_offset") else "first" if more else "no"
    kinds = options_of(walk, "ip.opt.type", [n - 20 for n in row.ints("ip.hdr_len")], size - 20)
    want.update(version=4, source=walk.text("ip.src"), dest=walk.text("ip.dst"),
                tos=walk.field("ip.dsfield"), ttl=walk.field("ip.ttl"), flow_label=0,
                fragment=fragment,
                fragment_id=walk.field("ip.id") if fragment != "no" else 0,
                fragment_protocol=walk.field("ip.proto") if fragment != "no" else 0,
                fragment_flags=walk.field("ip.flags.df", "ip") * 0x40 + more * 0x20,
                ip_options=bits(kind & 31 for kind in kinds if kind in IPV4_OPTIONS))
    walk.at += size
    return walk.field("ip.len"), walk.field("ip.proto")


def bits(numbers):
    result = 0
    for n in numbers:
        result |= 1 << n
    return result


def want_ipv6(walk, want):
    """IPv6 and its extension headers; the protocol behind them."""
    row, at = walk.row, walk.at
    walk.need(at + 40, "truncated_l3")
    if walk.field("ipv6.version") != 6:
        raise Skipped("malformed_ip")
    octets = walk.field("ipv6.plen") + 40
    want.update(version=6, source=walk.text("ipv6.src"), dest=walk.text("ipv6.dst"),
                tos=walk.field("ipv6.tclass"), ttl=walk.field("ipv6.hlim"),
                flow_label=walk.field("ipv6.flow"), fragment_id=0, fragment_protocol=0,
                fragment_flags=0, fragment="no")
    end, seen = at + octets, 0
    walk.at += 40
    protocol, ip_options = walk.field("ipv6.nxt"), 0
    while protocol in EXTENSIONS and want["fragment"] != "later":
        name, following, length = EXTENSIONS[protocol]
        if seen > MAX_EXTENSIONS:
            raise Skipped("ext_depth")
        if walk.at + 8 > end:
            raise Skipped("malformed_ip")
        walk.need(walk.at + 8, "truncated_l3")
        seen += 1
        nth = walk.passed["x " + name]
        walk.passed["x " + name] += 1
        size, bit = 8, EXTENSION_BITS[protocol]
        if length:
            size = row.int(length, nth)
            size = 4 * size + 8 if name == "ah" else 8 * size + 8
        if walk.at + size > end:
            raise Skipped("malformed_ip")
        walk.need(walk.at + size, "truncated_l3")
        walk.at += size
        protocol = row.int(following, nth)
        if name == "ipv6.fraghdr":
            more = row.int("ipv6.fraghdr.more", nth)
            later = row.int("ipv6.fraghdr.offset", nth)
            want.update(fragment_id=row.int("ipv6.fraghdr.ident", nth),
                        fragment_flags=more * 0x20, fragment_protocol=protocol,
                        fragment="later" if later else "first" if more else "no")
            bit = LATER_FRAGMENT_BIT if later else bit
        ip_options |= bit
        while walk.comes(name, name.replace("ipv6.", "ipv6.")):
            walk.layer += 1
    if seen > MAX_EXTENSIONS:
        raise Skipped("ext_depth")
    if want["fragment"] != "later":
        ip_options |= {50: ESP_BIT, 135: MOBILITY_BIT}.get(protocol, 0)
    want["ip_options"] = ip_options
    return octets, protocol


def want_transport(walk, want, end):
    """The transport header, in an IP packet up to the offset end."""
    row, protocol, version = walk.row, want["protocol"], want["version"]
    want.update(source_port=0, dest_port=0, tcp_flags=0, tcp_window=0, tcp_options=0)
    want["header_octets"] = walk.at
    name = PORTS.get(protocol) or (ICMP[version][1] if protocol == ICMP[version][0] else None)
    if not name or want["fragment"] == "later":
        return
    granted = end - walk.at
    if granted < HEADER[name] and want["fragment"] != "first":
        raise Skipped("malformed_l4")
    if granted < 4:
        return
    walk.need(walk.at + (4 if granted < HEADER[name] else HEADER[name]), "truncated_l4")
    if walk.comes(name):
        walk.take()
    else:
        walk.passed[name] += 1
    if name.startswith("icmp"):
        want["dest_port"] = walk.field(name + ".type") * 256 + walk.field(name + ".code")
        want["header_octets"] += 8
        walk.at += 4
        return
    want["source_port"] = walk.field(name + ".srcport")
    want["dest_port"] = walk.field(name + ".dstport")
    if granted < HEADER[name]:
        walk.at += 4
        return
    walk.at += HEADER[name]
    want["header_octets"] += HEADER[name]
    if name != "tcp":
        return
    size = walk.field("tcp.hdr_len")
    if size < HEADER[name] or (size > granted and want["fragment"] != "first"):
        raise Skipped("malformed_l4")
    want["tcp_flags"] = walk.field("tcp.flags")
    want["tcp_window"] = walk.field("tcp.window_size_value")
    want["header_octets"] += size - HEADER[name]
    want["tcp_options"] = bits(kind for kind in row.ints("tcp.option_kind") if kind < 64)


def want_layer(walk, want):
    """An IP header, which is the next layer, and the transport header. Its total length."""
    want["version"] = 4 if walk.take() == "ip" else 6
    begin = walk.at
    octets, want["protocol"] = (want_ipv4 if want["version"] == 4 else want_ipv6)(walk, want)
    walk.end = min(walk.end, begin + octets)
    want_transport(walk, want, begin + octets)
    return begin + octets


def gre_header(walk):
    """(text of the tunnel, what it carries)"""
    walk.need(walk.at + 4, "tunnel_truncated")
    if not walk.comes("gre"):
        raise Silent("gre")
    walk.take()
    flags, protocol = walk.field("gre.flags_and_version"), walk.field("gre.proto")
    if flags & 0x4007:
        raise Skipped("tunnel_payload")
    text = "gre 0"
    walk.at += 4 + (4 if flags & 0x8000 else 0)
    if flags & 0x2000:
        walk.need(walk.at + 4, "tunnel_truncated")
        walk.at += 4
        kind = "nvgre" if protocol == 0x6558 and not flags & 0x9000 else "grekey"
        text = f"{kind} {number(walk.row.text('gre.key', walk.passed['keys']))}"
        walk.passed["keys"] += 1
    walk.at += 4 if flags & 0x1000 else 0
    if protocol not in CARRIED:
        raise Skipped("tunnel_payload")
    return text, CARRIED[protocol]


def vxlan_header(walk):
    if not walk.comes("vxlan"):
        raise Silent("vxlan")
    walk.take()
    if not walk.field("vxlan.flags") & 0x0800:
        return None
    walk.at += 8
    return f"vxlan {walk.field('vxlan.vni')}", "eth"


def gpe_header(walk):
    """The fields are those of VXLAN, the header is not among tshark's layers."""
    walk.passed["vxlan"] += 1
    if walk.field("vxlan.ver") or not walk.field("vxlan.i_bit"):
        return None
    walk.at += 8
    if not walk.field("vxlan.p_bit"):
        raise Silent("vxlan.p_bit")
    carried = {1: "ip", 2: "ipv6", 3: "eth", 5: "mpls"}.get(walk.field("vxlan.next_proto"))
    if carried is None:
        raise Skipped("tunnel_payload")
    return f"vxlan {walk.field('vxlan.vni')}", carried


def geneve_header(walk):
    if not walk.comes("geneve"):
        raise Silent("geneve")
    walk.take()
    try:
        if walk.field("geneve.version"):
            return None
        carried = CARRIED.get(walk.field("geneve.proto_type"))
        text = f"geneve {walk.field('geneve.vni')}"
    except Silent:  # options that are not all there
        raise Skipped("tunnel_truncated") from None
    if carried is None:
        raise Skipped("tunnel_payload")
    if walk.layer == len(walk.row.layers):  # same, or nothing behind them
        raise Skipped("tunnel_truncated")
    options = walk.row.fields["geneve.options"]
    walk.at += 8 + (len(options[walk.passed["geneve"] - 1]) // 2 if options else 0)
    return text, carried


def gtp_header(walk):
    if not walk.comes("gtp", "gtpprime"):
        raise Silent("gtp")
    walk.take()
    if walk.comes("gtpv2"):
        return None
    flags = walk.field("gtp.flags")
    if flags >> 4 != 3 or walk.field("gtp.message") != 255:
        return None
    walk.at += 8
    if flags & 7:
        walk.need(walk.at + 4, "tunnel_truncated")
        walk.at += 4
    more = walk.row.ints("gtp.ext_hdr.next")
    for length in walk.row.ints("gtp.ext_hdr.length")[:MAX_GTP_EXTENSIONS]:
        if length == 0:
            raise Skipped("tunnel_malformed")
        walk.at += 4 * length
        walk.need(walk.at, "tunnel_truncated")
    if more[MAX_GTP_EXTENSIONS:] and more[MAX_GTP_EXTENSIONS]:  # the first is in the header
        raise Skipped("tunnel_depth")
    walk.need(walk.at + 1, "tunnel_truncated")
    if not walk.comes("ip", "ipv6"):
        raise Skipped("tunnel_payload")
    return f"gtpu {walk.field('gtp.teid')}", "ip" if walk.comes("ip") else "ipv6"


TUNNEL_HEADERS = {2152: gtp_header, 4789: vxlan_header, 8472: vxlan_header, 4790: gpe_header,
                  6081: geneve_header}


def tunnel_header(walk, want, end):
    """(text of the tunnel behind a layer that ends at the offset end, what it carries), or None."""
    protocol = want["protocol"]
    if want["fragment"] == "later":
        return None
    if protocol in (4, 41):
        return "ip 0", "ip" if protocol == 4 else "ipv6"
    if protocol == 47:
        return gre_header(walk)
    header = TUNNEL_HEADERS.get(want["dest_port"]) if protocol == 17 else None
    if header is None or (walk.at + 8 > end and want["fragment"] == "no"):
        return None
    walk.need(walk.at + 8, "tunnel_truncated")
    return header(walk)


def inner_of(walk, outer, carried):
    """What a tunnel carries, as want of the header at hand; raises Skipped with a limit."""
    inner = {}
    try:
        if carried == "mpls":
            walk.need(walk.at + 4, "truncated_l2")
        if carried in ("eth", "mpls"):
            want_link(walk, inner, carried == "eth")
        elif not walk.comes(carried):
            walk.need(walk.at + (20 if carried == "ip" else 40), "truncated_l3")
            raise Skipped("malformed_ip")
        inner_end = want_layer(walk, inner)
    except Skipped as reason:
        raise Skipped(LIMIT_OF.get(str(reason), "tunnel_payload")) from None
    for name in ("source_mac", "dest_mac", "mpls", "vlan", "priority", "customer_vlan"):
        inner[name] = outer[name]
    return inner, inner_end


def want_tunnels(walk, want, end):
    """Go into tunnels: (want of the innermost header to be keyed by, limits)"""
    outermost, tunnels, limits = want, 0, []
    want = dict(want, tunnel="", outer="")
    try:
        while True:
            found = tunnel_header(walk, want, end)
            if found is None:
                break
            if tunnels and want["fragment"] == "first":
                raise Skipped("tunnel_fragment")
            if tunnels == MAX_TUNNELS:
                raise Skipped("tunnel_depth")
            inner, end = inner_of(walk, want, found[1])
            if tunnels == 0:
                inner["around"] = outermost
                inner["tunnel"] = found[0]
                inner["outer"] = " ".join(str(outermost[name]) for name in (
                    "source", "dest", "protocol", "source_port", "dest_port"))
            else:
                inner.update((name, want[name]) for name in ("tunnel", "outer", "around"))
            want, tunnels = inner, tunnels + 1
    except Skipped as limit:
        limits.append(str(limit))
    return want, limits


def want_of(row):
    """{name of parse_capture: value} that the parser must give, as far as tshark says it."""
    walk, want, frame = Walk(row), {}, row.int("frame.len")
    try:
        want_link(walk, want, True)
        ip_offset = walk.at
        end = want_layer(walk, want)
        limits = ["ip_length"] if end > frame else []
        want, more = want_tunnels(walk, want, end)
        want.update(verdict="metered", frame_octets=frame, ip_offset=ip_offset,
                    octets=end - ip_offset,
                    limits=",".join(name for name in LIMITS if name in limits + more))
    except Skipped as reason:
        want = {"verdict": str(reason)}
    except Silent as field:
        want["silent"] = str(field)
    return {name: value if name == "around" else str(value) for name, value in want.items()}


def tshark(lab, path):
    argv = ["tshark", "-r", path, "-n", "-d", "udp.port==8472,vxlan", "-T", "fields", "-E", "occurrence=a",
            "-E", "separator=/t", "-E", "aggregator=" + AGGREGATOR]
    for name in PREFERENCES:
        argv += ["-o", name + ":FALSE"]
    for name in FIELDS:
        argv += ["-e", name]
    # Nobody's own preferences.
    text = run(argv, env={"PATH": os.environ["PATH"], "HOME": lab.dir, "LC_ALL": "C.UTF-8"})
    return [Row(line) for line in text.split("\n")[:-1]]
