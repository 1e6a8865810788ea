#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The CLI against a stand-in for the daemon: what it asks, what it prints, how it ends."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cli import (DEADLINE, PARALLAX, REPLIES, ask, behind_nat, books, error_document, exporter,
                 flows_document, has, has_no, iface, in_tunnel, ledger, line_of, main, mapping,
                 nat_document, record, record6, run, serving, status_document, tally)


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
    (["flows", "tcp", "port", "443"],
     {"command": "flows", "sort": "octetDeltaCount", "filter": "tcp port 443"}),
    (["flows", "tcp[tcpflags] & tcp-syn != 0", "--limit", "5", "or", "udp"],
     {"command": "flows", "sort": "octetDeltaCount", "limit": 5,
      "filter": "tcp[tcpflags] & tcp-syn != 0 or udp"}),
    (["flows", ""], {"command": "flows", "sort": "octetDeltaCount", "filter": ""}),
    (["nat"], {"command": "nat"}),
    (["nat", "host", "10.1.0.2", "and", "port", "80"],
     {"command": "nat", "filter": "host 10.1.0.2 and port 80"}),
    (["nat", "--limit", "3", "--", "not (udp)", "-x"],
     {"command": "nat", "limit": 3, "filter": "not (udp) -x"}),
    (["nat", "--limit", "10000"], {"command": "nat", "limit": 10000}),
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
    text = ask(["status"], status=status_document(nat={"kfuncs": False, "ctnetlink": False})).expect(0).out
    has(text, "nat     off\n")
    nat = {**status_document()["nat"], "synced": False}
    text = ask(["status"], status=status_document(nat=nat)).expect(0).out
    has(text, "nat     kfuncs and ctnetlink (not in step yet): 321 ")


def test_status_says_when_not_all_is_metered():
    text = ask(["status"], status=status_document()).expect(0).out
    has_no(text, "sampled: ")
    document = status_document(sampling={"interval": 100, "by": "flow"})
    for side in (document["total"], document["interfaces"][0]["ledger"]["in"]):
        side["unsampled"] = {"packets": 990, "bytes": 99000}
        for unit, count in side["unsampled"].items():
            side["seen"][unit] += count
    text = ask(["status"], status=document).expect(0).out
    has(text, "sampled: 1 in 100 flows; what is metered stands for 100 times as much",
        "ledger balances: seen = skipped + unsampled + metered")
    assert re.search(r"^unsampled +990 +99\.0k +0 +0 +990 +99\.0k$", text, re.M), text
    # what is not in the books is missed
    document["total"]["unsampled"]["packets"] -= 1
    has(ask(["status"], status=document).expect(0).out, "LEDGER DOES NOT BALANCE")


def test_status_says_what_of_ctnetlink_was_not_understood():
    has_no(ask(["status"], status=status_document()).expect(0).out, "could not be read")
    nat = {**status_document()["nat"], "unreadable": 3}
    has(ask(["status"], status=status_document(nat=nat)).expect(0).out,
        "        3 messages of ctnetlink could not be read\n")


def test_doctor_asks_no_daemon():
    result = run("--json", "doctor", "lo")
    document = json.loads(result.out)
    states = {c["check"]: c["state"] for c in document["checks"]}
    assert {"kernel", "BTF", "privileges", "JIT", "bpffs", "NAT, kfuncs", "NAT, ctnetlink",
            "lo"} <= set(states) <= set(states) | {"NAT, counters"}, states
    assert set(states.values()) <= {"ok", "limited", "missing"}, states
    assert document["able"] is ("missing" not in states.values()), document
    code = 0 if document["able"] else 1
    result.expect(code, out=result.out)
    has(run("doctor", "lo").expect(code).out, "CHECK ", "kernel ", os.uname().release)
    run("doctor", "no such").expect(1, out="", err="parallax: no such: no such interface\n")
    document = json.loads(run("--json", "doctor", "no such").expect(1).out)
    assert document["error"]["code"] == "not_found", document


def test_doctor_without_the_daemon_program():
    with tempfile.TemporaryDirectory() as folder:
        alone = os.path.join(folder, "parallax")
        shutil.copy(PARALLAX, alone)
        done = subprocess.run([alone, "doctor"], capture_output=True, text=True, timeout=DEADLINE,
                              env={**os.environ, "PATH": folder})
        assert done.returncode == 1, done
        has(done.stderr, "no parallaxd beside this program, in ../sbin or in the PATH")
        # what is no document is no answer
        fake = os.path.join(folder, "parallaxd")
        with open(fake, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho hello\n")
        os.chmod(fake, 0o755)
        done = subprocess.run([alone, "doctor"], capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 1, done
        has(done.stderr, "is not a JSON object")


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
    has(ask(["nat", "udp"], nat=nat_document([])).expect(0).out, "no mappings match")


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
        "nat     kfuncs and ctnetlink: 321 translated connections, 12 ended, evicted 0, overruns 0\n")
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


if __name__ == "__main__":
    sys.exit(main(globals()))
