#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The CLI on a terminal, and following: what fits, and that it ends when it should."""
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cli import (DEADLINE, PARALLAX, REPLIES, behind_nat, flows_document, has, has_no, in_tunnel,
                 ledger, main, record, record6, screen, serving, status_document, terminal)


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


def table_on_terminal(flows, columns):
    """The table of a terminal that is so wide; no line is longer."""
    with serving(flows=flows) as server:
        with terminal([PARALLAX, "--socket", server.path, "flows"], columns, 30) as (_, read):
            text = read()
    assert all(len(line) <= columns for line in text.splitlines()), f"{columns}:\n{text}"
    return text


def test_terminal_keeps_the_kind_of_tunnel_longest():
    flows = flows_document([in_tunnel(record(), 17, 4789, layer2SegmentId=1 << 56 | 42), record(1)])
    for columns, shown, left_out in ((140, ["vxlan 42 192.0.2.1>192.0.2.200", "IDLE"], []),
                                     (100, ["vxlan 42 192.0.2.1>192.0.2.200"], ["IDLE"]),
                                     (80, ["vxlan 42 "], ["OUTER"]),
                                     (60, ["10.0.0.0", "443"], ["TUNNEL", "OUTER"])):
        text = table_on_terminal(flows, columns)
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
        text = table_on_terminal(flows, columns)
        has(text, *shown)
        has_no(text, *left_out)


def test_terminal_uses_the_room_of_a_wide_column_that_was_left_out():
    flows = flows_document([behind_nat(record6(), "2001:db8:1234:5678:9abc:def0:1234:5678",
                                       ports=(40001, None))])
    text = table_on_terminal(flows, 100)
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


if __name__ == "__main__":
    sys.exit(main(globals()))
