#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The CLI against a stand-in for the daemon: what it asks, what it prints, how it ends.

The stand-in answers with canned documents in the form of control/README.md and remembers the
requests. That the real daemon speaks the same is tested in tests/net. BUILD names the build folder
(default: build); arguments name tests to run.
"""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD") or os.path.join(ROOT, "build"))
PARALLAX = os.path.join(BUILD, "parallax")
LIVE = os.path.join(ROOT, "cli", "live.sh")
DEADLINE = 20  # seconds; for a machine with sanitizers and other work

SKIP_REASONS = ["arp", "llc", "non_ip", "vlan_depth", "truncated_l2", "truncated_l3",
                "truncated_l4", "malformed_ip", "malformed_l4", "ext_depth", "nonlinear"]
LIMITS = ["fragment_ports", "ip_length", "tunnel_depth", "tunnel_payload", "tunnel_truncated",
          "tunnel_malformed", "tunnel_fragment", "tunnel_super"]
LOST_CAUSES = ["ring_full", "table_evicted", "unexplained", "no_exporter", "cache_full"]


# --- documents of the daemon ---------------------------------------------------------------------

def tally(packets=0, size=100):
    return {"packets": packets, "bytes": packets * size}


def ledger(metered=0, held=0, skipped=None, lost=None, difference=0, limited=None):
    skipped, lost, limited = skipped or {}, lost or {}, limited or {}
    return {
        "seen": tally(metered + sum(skipped.values())),
        "metered": tally(metered),
        "skipped": {reason: tally(skipped.get(reason, 0)) for reason in SKIP_REASONS},
        "limited": {reason: tally(limited.get(reason, 0)) for reason in LIMITS},
        "exported": tally(metered - held - sum(lost.values()) - difference),
        "held": tally(held),
        "lost": {cause: tally(lost.get(cause, 0)) for cause in LOST_CAUSES},
        "difference": tally(difference),
    }


def iface(name="eth0", **more):
    return {"name": name, "ifindex": 2, "present": True, "direction": "both",
            "tunnel": "both", "hook_asked": "auto", "hook_in": "xdp", "xdp_mode": "native", "hook_out": "tc",
            "exact": True, "reason": "native XDP: the driver supports it", **more}


def books(records, size=3):
    return {"records": records, "packets": records * size, "bytes": records * size * 100}


def exporter(url="ipfix://192.0.2.9:4739", **more):
    return {"url": url, "state": "ready", "handed": books(120), "sent": books(110),
            "queued": books(10), "lost": {"export_queue": books(0), "export_send": books(0)},
            "messages": 17, "octets": 14300, "templates": 2, "errors": 0, "last_error": "",
            **more}


def status_document(**more):
    way_in = ledger(1234567, 67, {"arp": 40, "non_ip": 2})
    way_out = ledger(7654, 54, {"arp": 1})
    total = ledger(1242221, 121, {"arp": 41, "non_ip": 2})
    return {
        "schema_version": 1, "version": "0.1.0", "pid": 4242, "uptime_ns": 11565 * 10**9,
        "epoch_ns": 10**9, "observation_domain": 1,
        "interfaces": [{**iface(), "ledger": {"in": way_in, "out": way_out}}],
        "total": total,
        "tables": {"flows": 131072, "used_ipv4": 1234, "used_ipv6": 56, "tunnels": 32768,
                   "used_tunnel": 78, "epochs": 11565, "records": 998877, "spilled": 3,
                   "evicted_flows": 0, "swap_ns": 12345, "drain_ns": 3456789,
                   "drain_records": 1290, "memory_bytes": 25165824},
        "cache": {"flows": 1290, "capacity": 2097152, "expired": 64000, "forced": 0,
                  "memory_bytes": 412000000},
        "nat": {"source": "conntrack", "capacity": 262144, "connections": 321, "ended": 12,
                "synced": True, "events": 4000, "overruns": 0, "resyncs": 1, "evicted": 0,
                "ambiguous": 0, "memory_bytes": 7000000},
        "exporters": [exporter()], **more,
    }


def record(number=0, **more):
    now = time.time_ns()
    return {"sourceIPv4Address": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            "destinationIPv4Address": "198.51.100.7", "sourceTransportPort": 49152,
            "destinationTransportPort": 443, "protocolIdentifier": 6, "ipVersion": 4,
            "tcpControlBits": 0x1b, "packetDeltaCount": 100000 - number,
            "octetDeltaCount": 1500 * (100000 - number), "ingressInterface": 2,
            "ingressInterfaceName": "eth0", "flowDirection": 0,
            "flowStartNanoseconds": now - 65 * 10**9, "flowEndNanoseconds": now - 2 * 10**9,
            **more}


def record6(number=0, **more):
    changed = record(number, ipVersion=6,
                     sourceIPv6Address="2001:db8:1234:5678:a1b2:c3d4:e5f6:789a",
                     destinationIPv6Address="2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa", **more)
    del changed["sourceIPv4Address"], changed["destinationIPv4Address"]
    return changed


def in_tunnel(flow, protocol, dest_port=None, **more):
    outer = {"sourceIPv4Address": "192.0.2.1", "destinationIPv4Address": "192.0.2.200",
             "protocolIdentifier": protocol, "ipVersion": 4}
    if dest_port:
        outer.update(sourceTransportPort=54321, destinationTransportPort=dest_port)
    return {**flow, "outer": outer, **more}


def behind_nat(flow, source=None, dest=None, ports=(None, None)):
    """The flow with what NAT made of it: None is as it was."""
    family = 4 if "sourceIPv4Address" in flow else 6
    after = {f"postNATSourceIPv{family}Address": source or flow[f"sourceIPv{family}Address"],
             f"postNATDestinationIPv{family}Address":
                 dest or flow[f"destinationIPv{family}Address"]}
    if ports:
        after.update(postNAPTSourceTransportPort=ports[0] or flow["sourceTransportPort"],
                     postNAPTDestinationTransportPort=ports[1] or flow["destinationTransportPort"])
    return {**flow, **after}


def flows_document(records, total=None):
    return {"schema_version": 1, "total": len(records) if total is None else total,
            "flows": records}


def error_document(code, message):
    return {"schema_version": 1, "error": {"code": code, "message": message}}


# --- the stand-in --------------------------------------------------------------------------------

class Server:
    """
    Answers each request from `replies` (command -> document, raw bytes, or a function of the
    request that returns either); bytes are sent as they are and the connection is closed.
    """

    def __init__(self, path, replies):
        self.path, self.replies, self.requests = path, replies, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(16)
        self.asked = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                with self.asked:
                    self.requests.append(request)
                    self.asked.notify_all()
                reply = self.replies[request["command"]]
                if callable(reply):
                    reply = reply(request)
                if isinstance(reply, bytes):
                    client.sendall(reply)
                    return
                client.sendall(json.dumps(reply, separators=(",", ":")).encode() + b"\n")

    def wait_for(self, count):
        with self.asked:
            assert self.asked.wait_for(lambda: len(self.requests) >= count, DEADLINE), \
                f"{len(self.requests)} requests, expected {count}"

    def close(self):
        # shutdown() first: close() alone does not wake a thread inside accept().
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


@contextlib.contextmanager
def serving(**replies):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(os.path.join(folder, "socket"),
                        {name.replace("_", "."): reply for name, reply in replies.items()})
        try:
            yield server
        finally:
            server.close()


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def expect(self, status, out=None, err=""):
        shown = f"status {self.status}, stdout {self.out[:400]!r}, stderr {self.err[:400]!r}"
        assert self.status == status, f"expected status {status}: {shown}"
        assert out is None or self.out == out, f"expected stdout {out!r}: {shown}"
        assert err is None or self.err == err, f"expected stderr {err!r}: {shown}"
        return self


def run(*arguments, path=None):
    socket_arguments = ["--socket", path] if path else []
    done = subprocess.run([PARALLAX, *socket_arguments, *arguments], capture_output=True,
                          timeout=DEADLINE, stdin=subprocess.DEVNULL, check=False)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def ask(arguments, **replies):
    """Run against a server of these replies; the result has the requests it got."""
    with serving(**replies) as server:
        result = run(*arguments, path=server.path)
        result.requests, result.path = server.requests, server.path
        return result


def has(text, *parts):
    for part in parts:
        assert part in text, f"no {part!r} in:\n{text}"


def has_no(text, *parts):
    for part in parts:
        assert part not in text, f"{part!r} in:\n{text}"


def line_of(text, start):
    found = [line for line in text.splitlines() if line.lstrip().startswith(start)]
    assert found, f"no line {start!r} in:\n{text}"
    return found[0].split()


# --- command line --------------------------------------------------------------------------------

def test_help_is_on_stdout():
    for arguments in (["--help"], ["help"], ["-h"], ["flows", "--help"]):
        result = run(*arguments).expect(0)
        has(result.out, "usage: parallax", "status", "--follow", "export add URL", "--xdp-mode")
        assert all(len(line) <= 80 for line in result.out.splitlines()), result.out


def test_version():
    assert re.fullmatch(r"parallax \d+\.\d+\.\d+\n", run("--version").expect(0).out)
    document = json.loads(run("--json", "--version").expect(0).out)
    assert document["schema_version"] == 1 and document["version"]


def test_no_command_prints_usage_to_stderr():
    result = run().expect(2, out="", err=None)
    has(result.err, "usage: parallax")


USAGE = [
    (["statsu"], "statsu"),
    (["iface"], "list, add, del"),
    (["iface", "remove", "eth0"], "iface remove"),
    (["iface", "add"], "needs NAME"),
    (["iface", "add", "eth0", "eth1"], "eth1"),
    (["iface", "add", "eth0", "--hook", "xpd"], "--hook 'xpd': expected auto, xdp or tc"),
    (["iface", "add", "eth0", "--xdp-mode", "fast"], "--xdp-mode 'fast'"),
    (["iface", "add", "eth0", "--direction", "up"], "--direction 'up'"),
    (["iface", "add", "eth0", "--tunnel", "off"], "--tunnel 'off': expected both, inner or outer"),
    (["iface", "del", "eth0", "--tunnel", "inner"], "option '--tunnel' is not one of 'iface del'"),
    (["iface", "del", "eth0", "--hook", "tc"], "--hook"),
    (["export", "add"], "needs URL"),
    (["export", "flush", "now"], "now"),
    (["status", "all"], "all"),
    (["status", "--follow"], "--follow"),
    (["status", "--colour"], "--colour"),
    (["status", "-x"], "-x"),
    (["status", "--json=yes"], "--json=yes"),
    (["flows", "--limit"], "--limit"),
    (["flows", "--limit", "0"], "--limit '0': expected a number from 1 to 10000"),
    (["flows", "--limit", "10001"], "10001"),
    (["flows", "--limit", "7x"], "7x"),
    (["flows", "--limit", "-1"], "-1"),
    (["flows", "--limit", "99999999999999999999999"], "99999999999999999999999"),
    (["flows", "--sort", "octet count"], "octet count"),
    (["flows", "--sort", ""], "--sort ''"),
    (["flows", "tcp", "port", "80"], "filter expressions are not supported yet: 'tcp port 80'"),
    (["--socket", "/" + "x" * 107, "status"], "x" * 107),
    (["--socket", "", "status"], "--socket ''"),
    (["bad\x1b[31m"], "bad\\x1b[31m"),
]


def test_usage_errors_repeat_the_value():
    for arguments, part in USAGE:
        result = run(*arguments).expect(2, out="", err=None)
        assert part in result.err, f"{arguments}: no {part!r} in {result.err!r}"
        assert result.err.startswith("parallax: "), result.err


def test_usage_errors_are_json_with_json():
    for arguments, part in USAGE:
        if arguments[-1] == "--limit":
            continue  # would take --json as its value
        for line in (["--json", *arguments], [*arguments, "--json"]):
            document = json.loads(run(*line).expect(2).out)
            assert document["schema_version"] == 1
            assert document["error"]["code"] == "usage"
            has(document["error"]["message"], part)


def test_options_may_follow_the_command():
    with serving(flows=flows_document([])) as server:
        run("flows", "--json", "--socket", server.path, "--limit=7").expect(0)
        assert server.requests == [{"command": "flows", "sort": "octetDeltaCount", "limit": 7}]


# --- requests ------------------------------------------------------------------------------------

REQUESTS = [
    (["status"], {"command": "status"}),
    (["flows"], {"command": "flows", "sort": "octetDeltaCount"}),
    (["flows", "--sort", "packets", "--limit", "10000"],
     {"command": "flows", "sort": "packetDeltaCount", "limit": 10000}),
    (["flows", "--sort", "octets"], {"command": "flows", "sort": "octetDeltaCount"}),
    (["flows", "--sort", "start"], {"command": "flows", "sort": "flowStartNanoseconds"}),
    (["flows", "--sort", "end"], {"command": "flows", "sort": "flowEndNanoseconds"}),
    (["flows", "--sort", "maximumTTL"], {"command": "flows", "sort": "maximumTTL"}),
    (["iface", "list"], {"command": "iface.list"}),
    (["iface", "add", "eth0"], {"command": "iface.add", "name": "eth0"}),
    (["iface", "add", "eth0", "--hook", "xdp", "--xdp-mode", "generic", "--direction", "in",
      "--tunnel", "outer"],
     {"command": "iface.add", "name": "eth0", "hook": "xdp", "xdp_mode": "generic",
      "direction": "in", "tunnel": "outer"}),
    (["iface", "add", "eth0", "--tunnel", "both"],
     {"command": "iface.add", "name": "eth0", "tunnel": "both"}),
    (["iface", "del", "eth0"], {"command": "iface.del", "name": "eth0"}),
    (["export", "list"], {"command": "export.list"}),
    (["export", "add", "ipfix://[2001:db8::1]:4739?mtu=1400"],
     {"command": "export.add", "url": "ipfix://[2001:db8::1]:4739?mtu=1400"}),
    (["export", "add", "--", "-odd \"name\""], {"command": "export.add", "url": "-odd \"name\""}),
    (["export", "del", "json:/tmp/x"], {"command": "export.del", "url": "json:/tmp/x"}),
    (["export", "flush"], {"command": "export.flush"}),
]

REPLIES = {
    "status": status_document(),
    "flows": flows_document([record()]),
    "iface_list": {"schema_version": 1, "interfaces": [iface()]},
    "iface_add": {"schema_version": 1, "interface": iface()},
    "iface_del": {"schema_version": 1, "interface": iface()},
    "export_list": {"schema_version": 1, "exporters": [exporter()]},
    "export_add": {"schema_version": 1, "exporter": exporter()},
    "export_del": {"schema_version": 1, "exporter": exporter()},
    "export_flush": {"schema_version": 1, "flushed": 12},
}


def test_each_command_asks_what_the_protocol_says():
    for arguments, request in REQUESTS:
        result = ask(arguments, **REPLIES).expect(0)
        assert result.requests == [request], result.requests
        assert result.out


def test_json_passes_the_document_unchanged():
    for arguments, request in REQUESTS:
        result = ask(["--json", *arguments], **REPLIES).expect(0)
        document = REPLIES[request["command"].replace(".", "_")]
        assert result.out == json.dumps(document, separators=(",", ":")) + "\n", result.out


def test_request_too_large_is_a_usage_error():
    result = ask(["export", "add", "x" * 70000], **REPLIES).expect(2, out="", err=None)
    has(result.err, "65536")
    assert not result.requests


# --- errors of the other side --------------------------------------------------------------------

def test_error_reply():
    reply = error_document("not_found", "eth9: no such interface")
    result = ask(["iface", "del", "eth9"], iface_del=reply)
    result.expect(1, out="", err="parallax: eth9: no such interface\n")
    result = ask(["--json", "iface", "del", "eth9"], iface_del=reply).expect(1)
    assert json.loads(result.out) == reply


def test_no_server():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        for command in (["status"], ["flows"], ["flows", "--follow"], ["export", "flush"]):
            result = run(*command, path=path).expect(3, out="", err=None)
            has(result.err, f"cannot reach parallaxd at {path}: No such file or directory")
        document = json.loads(run("--json", "status", path=path).expect(3).out)
        assert document["error"]["code"] == "unreachable"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        has(run("status", path=path).expect(3, err=None).err, "Connection refused")


def test_hang_up_in_the_middle_of_a_reply():
    result = ask(["status"], status=b'{"schema_version":1,').expect(3, out="", err=None)
    has(result.err, "hung up in the middle of a reply")
    result = ask(["status"], status=b"").expect(3, out="", err=None)
    has(result.err, "hung up without a reply")


GARBAGE = [b"garbage", b"", b"[1,2]", b"null", b'{"schema_version":1} {}', b'"text"', b"\xff\xfe",
           b"{}", b'{"schema_version":"1"}', b'{"schema_version":2}', b'{"schema_version":1}',
           b'{"schema_version":1,"error":{}}', b'{"schema_version":1,"error":"x"}',
           b'{"schema_version":1,"error":{"message":7}}', b"[" * 100000,
           b'{"schema_version":1,"a":"\x1b[31m"}', b'{"schema_version":1,"interfaces":{}}',
           b'{"schema_version":1,"interfaces":[],"total":[]}', b'{"a":1\0}',
           b'{"schema_version":1,"interfaces":[],"total":{}}']


def test_status_says_when_nat_is_off_or_out_of_step():
    text = ask(["status"], status=status_document(nat={"source": "off"})).expect(0).out
    has(text, "nat     off\n")
    nat = {**status_document()["nat"], "synced": False}
    text = ask(["status"], status=status_document(nat=nat)).expect(0).out
    has(text, "nat     conntrack (not in step yet): 321 ")


def mapping(**more):
    return {"sourceIPv4Address": "10.1.0.2", "destinationIPv4Address": "198.51.100.2",
            "sourceTransportPort": 5000, "destinationTransportPort": 443,
            "postNATSourceIPv4Address": "198.51.100.1",
            "postNATDestinationIPv4Address": "198.51.100.2",
            "postNAPTSourceTransportPort": 61000, "postNAPTDestinationTransportPort": 443,
            "protocolIdentifier": 6, "ipVersion": 4, "reply": False, "live": True,
            "assured": True, "state": "ESTABLISHED", "zone": 0, "age_ns": 3 * 10**9, **more}


def nat_document(mappings, total=None):
    return {"schema_version": 1, "total": len(mappings) if total is None else total,
            "mappings": mappings}


def test_nat_shows_both_tuples():
    six = {"protocolIdentifier": 17, "ipVersion": 6, "reply": True, "live": False,
           "sourceIPv6Address": "fd01::2", "destinationIPv6Address": "2001:db8::2",
           "sourceTransportPort": 53, "destinationTransportPort": 5353,
           "postNATSourceIPv6Address": "2001:db8::1",
           "postNATDestinationIPv6Address": "2001:db8::2",
           "postNAPTSourceTransportPort": 53, "postNAPTDestinationTransportPort": 5353,
           "packets": 3, "octets": 4500}
    text = ask(["nat"], nat=nat_document([mapping(), six])).expect(0).out
    assert line_of(text, "6") == ["6", "10.1.0.2:5000", "198.51.100.2:443", "198.51.100.1:61000",
                                  "198.51.100.2:443", "original", "ESTABLISHED", "3.0s",
                                  "-"], text
    assert line_of(text, "17") == ["17", "[fd01::2]:53", "[2001:db8::2]:5353",
                                   "[2001:db8::1]:53", "[2001:db8::2]:5353", "reply", "ended",
                                   "-", "4.50k"], text
    text = ask(["nat", "--limit", "1"], nat=nat_document([mapping()], 40)).expect(0).out
    has(text, "1 of 40, --limit shows more")
    has(ask(["nat"], nat=nat_document([])).expect(0).out, "nothing is translated")


def test_garbage_reply():
    for reply in GARBAGE:
        for extra in ([], ["--json"]):
            result = ask(["status", *extra], status=reply + b"\n")
            if extra and result.status == 0:
                continue  # a document, though not a status: passed through
            result.expect(1, err=None)
            text = json.loads(result.out)["error"]["message"] if extra else result.err
            has(text, result.path) if reply[:20] != b'{"schema_version":1,"error"'[:20] else None
            has_no(text, "\x1b")


def test_half_empty_documents_do_not_become_zeros():
    document = {"schema_version": 1, "interfaces": [{}, 7, None, {"name": "eth0", "ledger": []}],
                "total": {"seen": {"packets": "many"}, "skipped": 3}, "exporters": [{}, "x"]}
    result = ask(["status"], status=document).expect(0)
    has(result.out, "LEDGER UNKNOWN")
    has_no(result.out, "ledger balances")
    assert line_of(result.out, "seen")[1:] == ["?"] * 6, result.out
    ask(["flows"], flows=flows_document([{}, 7, None, []])).expect(0)
    ask(["iface", "list"], iface_list={"schema_version": 1, "interfaces": [{}, 7]}).expect(0)
    ask(["export", "list"], export_list={"schema_version": 1, "exporters": [{}, 7]}).expect(0)
    has(ask(["export", "flush"], export_flush={"schema_version": 1}).expect(0).out, "? flows")


def test_control_bytes_do_not_reach_the_terminal():
    evil = "\x1b]0;owned\x07\x9b31m\x7f\r\nnext\\"
    shown = "\\x1b]0;owned\\x07\\xc2\\x9b31m\\x7f\\x0d\\x0anext\\\\"
    document = status_document(
        version=evil, interfaces=[{**iface(evil, reason=evil, hook_in=evil),
                                   "ledger": {"in": ledger(1), "out": ledger(1)}}],
        exporters=[exporter(evil, state=evil, last_error=evil)])
    results = [
        ask(["status"], status=document).expect(0).out,
        ask(["flows"], flows=flows_document([
            record(sourceIPv4Address=evil, ingressInterfaceName=evil)])).expect(0).out,
        ask(["flows"], flows=flows_document([
            record(outer={"sourceIPv4Address": evil})])).expect(0).out,
        ask(["flows"], flows=flows_document([
            record(postNATSourceIPv4Address=evil)])).expect(0).out,
        ask(["iface", "list"],
            iface_list={"schema_version": 1,
                        "interfaces": [iface(evil, tunnel=evil)]}).expect(0).out,
        ask(["iface", "add", "x"],
            iface_add={"schema_version": 1, "interface": iface(evil)}).expect(0).out,
        ask(["export", "del", "x"],
            export_del={"schema_version": 1, "exporter": exporter(evil)}).expect(0).out,
        ask(["export", "flush"],
            export_flush=error_document("failed", evil)).expect(1, err=None).err,
    ]
    for text in results:
        has(text, shown)
        assert re.fullmatch(r"[\n -~]*", text), repr(text)


def test_json_keeps_meaning_without_control_bytes():
    text = "\x7f\x9b31m é"
    reply = json.dumps(flows_document([record(ingressInterfaceName=text)]),
                       ensure_ascii=False).encode() + b"\n"
    result = ask(["--json", "flows"], flows=reply).expect(0)
    has_no(result.out, "\x7f", "\x9b")
    assert json.loads(result.out)["flows"][0]["ingressInterfaceName"] == text


# --- text ----------------------------------------------------------------------------------------

def test_status_shows_the_meter():
    text = ask(["status"], status=status_document()).expect(0).out
    has(text, "parallaxd 0.1.0, pid 4242, up 3h12m, epoch 1.0s",
        "eth0: native XDP: the driver supports it", "ledger balances",
        "131072 flows each, used 1234 IPv4 + 56 IPv6; 32768 flows in tunnels, used 78",
        "11565 epochs, 998877 records, spilled 3, evicted flows 0", "last swap 12us",
        "last drain 3.4ms", "1290 of 2097152 flows", "ipfix://192.0.2.9:4739: ready",
        "nat     conntrack: 321 translated connections, 12 ended, evicted 0, overruns 0\n")
    has_no(text, "BALANCE", "llc", "ring_full", "of which", "GONE", "NOT EXACT")
    assert line_of(text, "eth0") == ["eth0", "2", "xdp", "native", "tc", "both", "both", "1234609",
                                     "1234567", "7655", "7654"], text
    assert line_of(text, "seen") == ["seen", "1234609", "123M", "7655", "766k", "1242264",
                                     "124M"], text
    assert line_of(text, "arp")[1::2] == ["40", "1", "41"], text
    assert line_of(text, "non_ip")[1::2] == ["2", "0", "2"], text
    assert line_of(text, "lost")[1:] == ["0"] * 6, text
    assert line_of(text, "records") == ["records", "120", "110", "10", "0", "balances"], text
    assert all(len(line) <= 100 for line in text.splitlines()), text


def test_status_shows_losses():
    lost = {"ring_full": 5, "no_exporter": 18446744073709}
    document = status_document(
        interfaces=[{**iface(), "ledger": {"in": ledger(2 * 10**13, 9, {}, lost),
                                           "out": ledger()}}],
        total=ledger(2 * 10**13, 9, {}, lost),
        exporters=[exporter(state="error", sent=books(100), lost={
            "export_queue": books(10), "export_send": books(0)},
            last_error="Connection refused")])
    text = ask(["status"], status=document).expect(0).out
    assert line_of(text, "ring_full")[1:] == ["5", "500", "0", "0", "5", "500"], text
    assert line_of(text, "no_exporter")[1::2] == ["18446744073709", "0", "18446744073709"], text
    assert line_of(text, "lost")[1::2] == ["18446744073714", "0", "18446744073714"], text
    has(text, "ledger balances", "lost export_queue: 10 records, 30 packets, 3000 bytes",
        "last error: Connection refused")
    has_no(text, "table_evicted", "lost export_send")


def test_status_shows_what_was_metered_at_a_limit():
    limited = {"fragment_ports": 7, "tunnel_truncated": 90}
    document = status_document(
        interfaces=[{**iface(tunnel="inner"), "ledger": {"in": ledger(90, limited=limited),
                                                         "out": ledger(10)}}],
        total=ledger(100, limited=limited))
    text = ask(["status"], status=document).expect(0).out
    metered = [line.strip() for line in text.splitlines()]
    metered = metered[[line.split()[:2] == ["metered", "90"] for line in metered].index(True):]
    assert metered[1].split() == ["of", "which", "fragment_ports", "7", "700", "0", "0", "7",
                                  "700"], text
    assert metered[2].split()[2::2] == ["tunnel_truncated", "9.00k", "0", "9.00k"], text
    assert metered[3].split()[0] == "exported", text
    assert line_of(text, "eth0")[6] == "inner", text
    has(text, "ledger balances")
    has_no(text, "tunnel_depth")
    del document["total"]["limited"]
    text = ask(["status"], status=document).expect(0).out
    assert line_of(text, "of which limited")[3:] == ["?"] * 6, text


def test_status_is_loud_about_a_difference():
    document = status_document(
        interfaces=[{**iface(), "ledger": {"in": ledger(100, difference=-12), "out": ledger()}}],
        total=ledger(100, difference=-12))
    text = ask(["status"], status=document).expect(0).out
    has(text, "LEDGER DOES NOT BALANCE: total: difference -12 packets, -1200 bytes",
        "LEDGER DOES NOT BALANCE: eth0 in: difference -12 packets")
    has_no(text, "ledger balances", "eth0 out: difference")


def test_status_adds_up_for_itself():
    total = ledger(100)
    total["exported"] = tally(93)
    document = status_document(total=total, exporters=[exporter(sent=books(1))])
    text = ask(["status"], status=document).expect(0).out
    has(text, "LEDGER DOES NOT BALANCE: total: metered - exported - held - lost = 7 packets",
        "DOES NOT BALANCE\n")
    has_no(text, "ledger balances", " balances\n")


def test_status_tells_gone_and_inexact_interfaces():
    way = {"in": ledger(), "out": ledger()}
    text = ask(["status"], status=status_document(interfaces=[
        {**iface("veth0", present=False), "ledger": way},
        {**iface("eth1", exact=False, xdp_mode="generic"), "ledger": way},
        {**iface("eth2", hook_in="tc", xdp_mode="", tunnel="outer"), "ledger": way}])).expect(0).out
    has(text, "veth0: GONE", "eth1: NOT EXACT", "xdp generic")
    assert line_of(text, "eth2")[2:6] == ["tc", "tc", "both", "outer"], text


def test_interfaces_are_listed_with_direction_and_policy():
    text = ask(["iface", "list"], iface_list={"schema_version": 1, "interfaces": [
        iface(), iface("eth1", direction="in", tunnel="inner")]}).expect(0).out
    assert text.splitlines()[0].split() == ["INTERFACE", "IFINDEX", "PRESENT", "ASKED", "INGRESS",
                                            "EGRESS", "DIRECTION", "TUNNEL", "EXACT"], text
    assert line_of(text, "eth0") == ["eth0", "2", "yes", "auto", "xdp", "native", "tc", "both",
                                     "both", "yes"], text
    assert line_of(text, "eth1")[7:] == ["in", "inner", "yes"], text
    assert all(len(line) <= 100 for line in text.splitlines()), text


def test_status_of_a_daemon_with_nothing():
    text = ask(["status"], status=status_document(interfaces=[], total=ledger(),
                                                  exporters=[])).expect(0).out
    has(text, "no interfaces", "no exporters", "ledger balances")


def test_changes_say_what_came_of_them():
    has(ask(["iface", "add", "eth0"], **REPLIES).out,
        "eth0: added, ingress xdp native, egress tc", "the driver supports it")
    assert ask(["iface", "del", "eth0"], **REPLIES).out == "eth0: removed\n"
    assert ask(["export", "add", "x"], **REPLIES).out == "ipfix://192.0.2.9:4739: added, ready\n"
    assert ask(["export", "del", "x"], **REPLIES).out == "ipfix://192.0.2.9:4739: removed\n"
    assert ask(["export", "flush"], **REPLIES).out == "12 flows handed to the exporters\n"


def test_flow_columns():
    text = ask(["flows"], flows=flows_document([
        record(egressInterface=3),
        record(1, protocolIdentifier=17, sourceTransportPort=53, flowDirection=1,
               egressInterfaceName="wan0"),
        record(2, protocolIdentifier=1, sourceTransportPort=0, destinationTransportPort=2048,
               icmpTypeCodeIPv4=0x0800),
        record6(3, protocolIdentifier=253, octetDeltaCount=18446744073709551615,
                packetDeltaCount=18446744073709551615),
    ], 99)).expect(0).out
    lines = [line.split() for line in text.splitlines()]
    assert lines[0][:3] == ["SOURCE", "PORT", "DESTINATION"], text
    assert lines[1][:12] == ["10.0.0.0", "49152", "198.51.100.7", "443", "tcp", "100000", "150M",
                             "eth0", "3", "in", "SAPF", "1m03s"], text
    assert re.fullmatch(r"[2-9]\.\ds|1\d\.\ds", lines[1][12]), text
    assert lines[2][4] == "udp" and lines[2][8:11] == ["wan0", "out", "-"], text
    assert lines[3][3:5] == ["8/0", "icmp"], text
    assert lines[4][0] == "2001:db8:1234:5678:a1b2:c3d4:e5f6:789a", text
    assert lines[4][4:7] == ["253", "18446744073709551615", "18.4E"], text
    assert lines[5] == ["4", "of", "99", "flows"], text


def test_tunnels_are_shown_when_there_are_any():
    plain = ask(["flows"], flows=flows_document([record(), record(1)])).expect(0).out
    has_no(plain, "TUNNEL", "OUTER")
    udp, gre = 17, 47
    outer6 = {"sourceIPv6Address": "2001:db8::1", "destinationIPv6Address": "2001:db8::2",
              "protocolIdentifier": 41, "ipVersion": 6}
    cases = [
        (in_tunnel(record(), udp, 4789, layer2SegmentId=1 << 56 | 42), "vxlan 42"),
        (in_tunnel(record(), udp, 8472, layer2SegmentId=1 << 56 | 0xffffff), "vxlan 16777215"),
        (in_tunnel(record(), udp, 4790, layer2SegmentId=1 << 56), "vxlan 0"),
        (in_tunnel(record(), udp, 6081, layer2SegmentId=7), "geneve 7"),
        (in_tunnel(record(), udp, 2152, gtpuTEid=4294967295), "gtpu 4294967295"),
        (in_tunnel(record(), gre, layer2SegmentId=2 << 56 | 5), "nvgre 5"),
        (in_tunnel(record(), gre, greKey=4294967295), "gre 4294967295"),
        (in_tunnel(record(), gre), "gre"),
        (in_tunnel(record(), 4), "ipip"),
        (in_tunnel(record6(), 41), "ipip"),
        (in_tunnel(record(), udp, 4789), "vxlan"),
        (in_tunnel(record(), udp, 53), "?"),
        (in_tunnel(record(), 50), "?"),
        ({**record(), "outer": outer6}, "ipip"),
        ({**record(), "outer": {}}, "?"),
        ({**record(), "outer": 7}, "-"),
        (record(), "-"),
    ]
    text = ask(["flows"], flows=flows_document([flow for flow, _ in cases])).expect(0).out
    lines = text.splitlines()
    assert lines[0].split()[4:8] == ["PROTO", "TUNNEL", "OUTER", "PACKETS"], text
    at, end = lines[0].index("TUNNEL"), lines[0].index("OUTER")
    for line, (flow, kind) in zip(lines[1:], cases):
        outer = flow.get("outer")
        addresses = ("2001:db8::1>2001:db8::2" if outer is outer6 else "->-" if outer == {} else
                     "192.0.2.1>192.0.2.200" if isinstance(outer, dict) else "-")
        assert line[at:end].strip() == kind, f"expected {kind}:\n{text}"
        assert line[end:].split()[:2] == [addresses, "100000"], text


def test_nat_is_shown_when_there_is_any():
    has_no(ask(["flows"], flows=flows_document([record()])).expect(0).out, " NAT ")
    gre, icmp = {"protocolIdentifier": 47}, {"protocolIdentifier": 1, "icmpTypeCodeIPv4": 0x0800}
    plain_ports = {"sourceTransportPort": 0, "destinationTransportPort": 0}
    cases = [
        (behind_nat(record(), "203.0.113.1", ports=(40001, None)), "203.0.113.1:40001>"),
        (behind_nat(record(), "203.0.113.1"), "203.0.113.1:49152>"),
        (behind_nat(record(), ports=(40001, None)), "10.0.0.0:40001>"),
        (behind_nat(record(), dest="10.0.0.5", ports=(None, 8080)), ">10.0.0.5:8080"),
        (behind_nat(record(), "10.0.0.1", "10.0.0.5", (40001, 8080)),
         "10.0.0.1:40001>10.0.0.5:8080"),
        (behind_nat(record(**gre, **plain_ports), "203.0.113.1", ports=None), "203.0.113.1>"),
        (behind_nat(record(**icmp), dest="10.0.0.5", ports=None), ">10.0.0.5"),
        (behind_nat(record6(), "2001:db8::1", ports=(40001, None)), "[2001:db8::1]:40001>"),
        (behind_nat(record6(), dest="2001:db8::1", ports=None), ">2001:db8::1"),
        (record(postNATSourceIPv4Address=7), "->-"),
        (record(), "-"),
    ]
    text = ask(["flows"], flows=flows_document([flow for flow, _ in cases])).expect(0).out
    lines = text.splitlines()
    assert lines[0].split()[4:7] == ["PROTO", "NAT", "PACKETS"], text
    at = lines[0].index(" NAT ") + 1
    for line, (_, shown) in zip(lines[1:], cases):
        assert line[at:].split()[:2] == [shown, "100000"], f"expected {shown}:\n{text}"


def test_what_left_is_shown_when_it_was_looked_for():
    has_no(ask(["flows"], flows=flows_document([record()])).expect(0).out, "LEFT")
    text = ask(["flows"], flows=flows_document([
        record(0, postPacketDeltaCount=99999, postOctetDeltaCount=1),
        record(1, postPacketDeltaCount=0), record(2, postPacketDeltaCount="x"),
        record(3)])).expect(0).out
    lines = [line.split() for line in text.splitlines()]
    assert lines[0][4:8] == ["PROTO", "PACKETS", "LEFT", "OCTETS"], text
    assert [line[6] for line in lines[1:5]] == ["99999", "0", "?", "-"], text


def test_no_flows():
    assert ask(["flows"], flows=flows_document([])).expect(0).out.endswith("0 of 0 flows\n")


def test_ten_thousand_flows():
    records = [record(number) for number in range(10000)]
    result = ask(["flows", "--limit", "10000"], flows=flows_document(records)).expect(0)
    lines = result.out.splitlines()
    assert len(lines) == 10002, len(lines)
    assert lines[1].startswith("10.0.0.0 ") and lines[10000].startswith("10.0.39.15 ")
    result = ask(["--json", "flows", "--limit", "10000"], flows=flows_document(records)).expect(0)
    assert json.loads(result.out)["flows"] == records


def test_reader_that_leaves_is_no_failure():
    records = [record(number) for number in range(10000)]
    with serving(flows=flows_document(records)) as server:
        with subprocess.Popen([PARALLAX, "--socket", server.path, "flows"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            assert process.wait(DEADLINE) == 0 and process.stderr.read() == b""


def test_full_disk_is_a_failure():
    with serving(status=status_document()) as server, open("/dev/full", "wb") as full:
        done = subprocess.run([PARALLAX, "--socket", server.path, "status"], stdout=full,
                              stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
        assert done.returncode == 1 and b"No space left" in done.stderr, done
        done = subprocess.run([PARALLAX, "--help"], stdout=full, stderr=subprocess.PIPE,
                              timeout=DEADLINE, check=False)
        assert done.returncode == 1, done


# --- terminals and following ---------------------------------------------------------------------

@contextlib.contextmanager
def terminal(arguments, columns, rows, env=None):
    """The program on a terminal of this size; yields the process and a function that reads."""
    pid, master = pty.fork()
    if pid == 0:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(arguments[0], arguments, {**os.environ, **(env or {})})
        finally:
            os._exit(127)
    state = {"text": "", "pid": pid, "master": master, "status": None}

    def read(until=None):
        """Up to where `until` matches, or to the end; returns all text so far."""
        deadline = time.monotonic() + DEADLINE
        while not (until and re.search(until, state["text"])):
            left = deadline - time.monotonic()
            assert left > 0, f"no {until!r} in {state['text'][-600:]!r}"
            if not select.select([master], [], [], left)[0]:
                continue
            try:
                data = os.read(master, 65536)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                state["status"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                assert not until, f"ended without {until!r}: {state['text'][-600:]!r}"
                break
            state["text"] += data.decode()
        return state["text"]

    try:
        yield state, read
    finally:
        if state["status"] is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(master)


def screen(text):
    """Lines on the screen after the last frame; only what the program uses is understood."""
    frame = text[text.rindex("\033[H") + 3:]
    return [re.sub(r"\033\[\??\d*[A-Za-z]", "", line) for line in frame.split("\r\n")]


def test_terminal_gets_twenty_flows_that_fit():
    for columns in (20, 60, 80, 100, 140, 200):
        records = [record6(0), record(1, packetDeltaCount=123456789012), record6(2)]
        with serving(flows=flows_document(records)) as server:
            with terminal([PARALLAX, "--socket", server.path, "flows"], columns, 30) as (_, read):
                text = read()
                assert server.requests[0]["limit"] == 20, server.requests
        lines = text.splitlines()
        if columns >= 60:
            assert all(len(line) <= columns for line in lines), f"{columns}:\n{text}"
            has(text, "123456789012")
        if columns >= 100:
            assert all(len(line.split()[0]) >= 23 for line in (lines[1], lines[3])), text
            has(text, "2001:db8:1", ":789a ", "DIR")
        if columns == 200:
            has(text, "2001:db8:1234:5678:a1b2:c3d4:e5f6:789a", "IDLE", "FLAGS")


def test_terminal_keeps_the_kind_of_tunnel_longest():
    flows = flows_document([in_tunnel(record(), 17, 4789, layer2SegmentId=1 << 56 | 42), record(1)])
    for columns, shown, left_out in ((140, ["vxlan 42 192.0.2.1>192.0.2.200", "IDLE"], []),
                                     (100, ["vxlan 42 192.0.2.1>192.0.2.200"], ["IDLE"]),
                                     (80, ["vxlan 42 "], ["OUTER"]),
                                     (60, ["10.0.0.0", "443"], ["TUNNEL", "OUTER"])):
        with serving(flows=flows) as server:
            with terminal([PARALLAX, "--socket", server.path, "flows"], columns, 30) as (_, read):
                text = read()
        assert all(len(line) <= columns for line in text.splitlines()), f"{columns}:\n{text}"
        has(text, *shown)
        has_no(text, *left_out)


def test_terminal_keeps_nat_longest():
    sides = {"postPacketDeltaCount": 98765, "egressInterface": 3, "egressInterfaceName": "wan0"}
    flows = flows_document([behind_nat(record(**sides), "203.0.113.1", ports=(40001, None)),
                            behind_nat(record(1, **sides), dest="10.0.0.5", ports=(None, 80))])
    nat = ["203.0.113.1:40001>", ">10.0.0.5:80 "]
    for columns, shown, left_out in ((140, nat + [" 98765 ", "wan0", "IDLE"], []),
                                     (100, nat + [" 98765 ", "eth0", "wan0"], ["FLAGS"]),
                                     (80, nat, ["IN-IF"]),
                                     (60, ["10.0.0.0", "443"], [" NAT "])):
        with serving(flows=flows) as server:
            with terminal([PARALLAX, "--socket", server.path, "flows"], columns, 30) as (_, read):
                text = read()
        assert all(len(line) <= columns for line in text.splitlines()), f"{columns}:\n{text}"
        has(text, *shown)
        has_no(text, *left_out)


def test_terminal_uses_the_room_of_a_wide_column_that_was_left_out():
    flows = flows_document([behind_nat(record6(), "2001:db8:1234:5678:9abc:def0:1234:5678",
                                       ports=(40001, None))])
    with serving(flows=flows) as server:
        with terminal([PARALLAX, "--socket", server.path, "flows"], 100, 30) as (_, read):
            text = read()
    assert all(len(line) <= 100 for line in text.splitlines()), text
    has(text, "IN-IF", "DIR")
    has_no(text, " NAT ")


def test_follow_on_a_terminal():
    moment = {"count": 0}

    def status(_):
        moment["count"] += 1
        seconds = moment["count"]
        return status_document(uptime_ns=seconds * 10**9, total=ledger(1000 * seconds))

    records = [record(number) for number in range(100)]
    with serving(status=status, flows=lambda request: flows_document(
            records[:request["limit"]], 100)) as server:
        with terminal([PARALLAX, "--socket", server.path, "flows", "--follow"], 100,
                      30) as (state, read):
            read(r"lost 0  - packets/s  - bit/s")
            text = read(r"lost 0  1\.00k packets/s  800kbit/s(.|\n)*\033\[\?25h")
            lines = screen(text)
            has(lines[0], "100 flows", "eth0 (xdp native)", "parallaxd 0.1.0")
            has(lines[1], "seen 2000", "metered 2000")
            assert len(lines) == 30 and lines[-1] == "", f"{len(lines)} lines: {lines}"
            assert all(len(line) <= 100 for line in lines), lines
            fcntl.ioctl(state["master"], termios.TIOCSWINSZ, struct.pack("HHHH", 10, 70, 0, 0))
            read(r"seen [3-9]000(.|\n)*seen \d000(.|\n)*\033\[\?25h")
            lines = screen(state["text"])
            assert len(lines) == 10, lines
            assert all(len(line) <= 70 for line in lines), lines
            os.write(state["master"], b"\x03")
            text = read()
        assert state["status"] == 0, state
        assert text.count("\033[?25h") > text.count("\033[?25l"), "cursor left hidden"
        limits = [r["limit"] for r in server.requests if r["command"] == "flows"]
        assert limits[0] == 25 and limits[-1] == 5, limits


def follow(*arguments, path):
    return subprocess.Popen([PARALLAX, "--socket", path, "flows", "--follow", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_follow_ends_with_zero_on_a_signal():
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with serving(**REPLIES) as server, follow(path=server.path) as process:
            server.wait_for(2)
            process.send_signal(signo)
            out, err = process.communicate(timeout=DEADLINE)
            assert (process.returncode, err) == (0, b""), (signo, process.returncode, err)
            has_no(out.decode(), "\033")


def test_follow_ends_on_a_signal_while_it_waits_for_a_reply():
    release = threading.Event()
    with serving(status=lambda _: release.wait(DEADLINE) and status_document()) as server:
        with follow(path=server.path) as process:
            server.wait_for(1)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=DEADLINE / 2)
            release.set()
            assert (process.returncode, err) == (0, b""), (process.returncode, err)


def test_follow_ends_on_a_signal_while_nobody_reads():
    records = [record(number) for number in range(5000)]
    with serving(status=status_document(), flows=flows_document(records)) as server:
        with follow(path=server.path) as process:
            server.wait_for(2)
            select.select([process.stdout], [], [], DEADLINE)
            time.sleep(0.2)  # into the write that blocks; a signal before it would pass as well
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0


def test_follow_catches_an_ignored_interrupt():
    # As a shell script starts its background commands.
    with serving(**REPLIES) as server:
        with subprocess.Popen(["/bin/sh", "-c", '"$@" & wait $!', "sh", PARALLAX, "--socket",
                               server.path, "flows", "--follow"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, start_new_session=True) as process:
            server.wait_for(2)
            os.killpg(process.pid, signal.SIGINT)
            assert process.communicate(timeout=DEADLINE)[1] == b""


def test_follow_ends_with_zero_when_the_reader_leaves():
    with serving(**REPLIES) as server, follow(path=server.path) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(DEADLINE) == 0 and process.stderr.read() == b""


def test_follow_ends_with_three_when_the_daemon_goes():
    with serving(**REPLIES) as server, follow(path=server.path) as process:
        server.wait_for(2)
        server.close()
        _, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 3 and b"cannot reach" in err, (process.returncode, err)


def test_follow_json_is_a_document_a_line():
    with serving(**REPLIES) as server, follow("--json", path=server.path) as process:
        start = time.monotonic()
        lines = [process.stdout.readline() for _ in range(3)]
        elapsed = time.monotonic() - start
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 0
        assert all(json.loads(line)["flows"] for line in lines), lines
        assert elapsed > 1.5, elapsed
        assert {request["command"] for request in server.requests} == {"flows"}


def test_follow_into_a_pipe_prints_tables_one_after_the_other():
    with serving(**REPLIES) as server, follow(path=server.path) as process:
        server.wait_for(4)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE)
        out = out.decode()
        assert out.count("SOURCE") >= 1 and "\033" not in out, out
        assert "limit" not in server.requests[1], server.requests


# --- live.sh -------------------------------------------------------------------------------------

STAND_IN = f"""#!/bin/sh
exec /usr/bin/python3 {os.path.abspath(__file__)} --serve "$@"
"""


def serve_as_daemon(arguments):
    """parallaxd for live.sh: serves until a signal, or fails as the environment says."""
    if os.environ.get("STAND_IN") == "fail":
        print("no-such-if0: no such interface", file=sys.stderr)
        return 1
    path = arguments[arguments.index("--socket") + 1]
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
    with open(os.path.join(BUILD, "daemon.pid"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    server = Server(path, {"status": status_document(), "flows": flows_document([record()])})
    signo = signal.sigwait([signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
    print(f"signal {signo}", file=sys.stderr)
    server.close()
    return 0 if signo == signal.SIGTERM else 1


@contextlib.contextmanager
def live_build():
    if os.geteuid() != 0:
        raise Skip("needs root")
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(PARALLAX, os.path.join(folder, "parallax"))
        os.mkdir(os.path.join(folder, "tmp"))
        with open(os.path.join(folder, "parallaxd"), "w", encoding="ascii") as file:
            file.write(STAND_IN)
        os.chmod(os.path.join(folder, "parallaxd"), 0o755)
        yield folder, {"BUILD": folder, "TMPDIR": os.path.join(folder, "tmp")}


def nothing_left(folder):
    deadline = time.monotonic() + DEADLINE
    while True:
        processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True,
                                   check=True).stdout
        left = [line for line in processes.splitlines() if folder + "/" in line]
        if not left:
            break
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert os.listdir(os.path.join(folder, "tmp")) == []


def test_live_ends_on_ctrl_c_with_totals():
    with live_build() as (folder, env):
        with terminal([LIVE, folder, "test0"], 100, 30, env) as (state, read):
            read(r"198\.51\.100\.7(.|\n)*\033\[\?25h")
            os.write(state["master"], b"\x03")
            text = read()
        assert state["status"] == 0, text
        has(text, "test0: seen 1242264 packets, skipped 43, metered 1242221, lost 0")
        nothing_left(folder)


def live(folder, env, *arguments):
    return subprocess.Popen([LIVE, folder, *arguments], env={**os.environ, **env}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_live_ends_on_sigterm_of_its_own():
    with live_build() as (folder, env), live(folder, env, "test0") as process:
        process.stdout.readline()
        process.terminate()
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0 and err == "", (process.returncode, err)
        has(out, "test0: seen 1242264 packets")
        nothing_left(folder)


def test_live_ends_when_its_reader_leaves():
    with live_build() as (folder, env), live(folder, env, "test0") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(DEADLINE) == 0
        nothing_left(folder)


def test_live_shows_the_log_when_the_daemon_does_not_start():
    with live_build() as (folder, env):
        with live(folder, {**env, "STAND_IN": "fail"}, "no-such-if0") as process:
            out, err = process.communicate(timeout=DEADLINE)
            assert process.returncode == 1 and out == "", (process.returncode, out)
            has(err, "no-such-if0: no such interface", "did not start (status 1)")
        nothing_left(folder)


def test_live_shows_the_log_when_the_daemon_dies():
    with live_build() as (folder, env), live(folder, env, "test0") as process:
        process.stdout.readline()
        with open(os.path.join(folder, "daemon.pid"), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGUSR1)
        _, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 1, err
        has(err, "went away", "signal 10")
        nothing_left(folder)


def test_live_leaves_no_process_when_it_is_killed():
    with live_build() as (folder, env), live(folder, env, "test0") as process:
        process.stdout.readline()
        process.kill()
        process.communicate(timeout=DEADLINE)
        deadline = time.monotonic() + DEADLINE
        with open(os.path.join(folder, "daemon.pid"), encoding="ascii") as file:
            pid = int(file.read())
        while os.path.exists(f"/proc/{pid}/cmdline") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{pid}/cmdline")


def test_live_refuses_what_cannot_work():
    done = subprocess.run([LIVE], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2 and "usage" in done.stderr, done
    if os.geteuid() == 0:
        done = subprocess.run([LIVE, "/nonexistent", "lo"], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        assert done.returncode == 1 and "/nonexistent/parallaxd is missing" in done.stderr, done
        # a copy: nobody need not be able to read the checkout
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups",
                                   shutil.copy(LIVE, folder), BUILD], capture_output=True,
                                  text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 1 and "needs root" in done.stderr, done


def test_live_needs_a_default_route():
    with live_build() as (folder, env):
        done = subprocess.run(["unshare", "-n", LIVE, folder], env={**os.environ, **env},
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 1 and "no default route" in done.stderr, done


# --- runner --------------------------------------------------------------------------------------

class Skip(Exception):
    pass


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve_as_daemon(sys.argv[2:])
    if not os.access(PARALLAX, os.X_OK):
        print(f"not ok build: {PARALLAX} is missing")
        return 1
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (sys.argv[1:] and name[5:] not in sys.argv[1:]):
            continue
        try:
            test()
        except Skip as reason:
            print(f"ok {name[5:]} # skip {reason}", flush=True)
        except (AssertionError, OSError, ValueError, LookupError,
                subprocess.SubprocessError) as why:
            failed += 1
            text = f"{type(why).__name__}: {why}".replace("\n", "\n# ")
            print(f"not ok {name[5:]}: {text}", flush=True)
        else:
            print(f"ok {name[5:]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
