# SPDX-License-Identifier: BSD-2-Clause
"""
A stand-in for the daemon, and what the tests of the CLI have in common.

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
        "unsampled": tally(0),
        "skipped": {reason: tally(skipped.get(reason, 0)) for reason in SKIP_REASONS},
        "limited": {reason: tally(limited.get(reason, 0)) for reason in LIMITS},
        "exported": tally(metered - held - sum(lost.values()) - difference),
        "held": tally(held),
        "lost": {cause: tally(lost.get(cause, 0)) for cause in LOST_CAUSES},
        "difference": tally(difference),
    }


def iface(name="eth0", **more):
    return {"name": name, "ifindex": 2, "present": True, "direction": "both",
            "tunnel": "both", "hook_asked": "auto", "hook_in": "xdp", "xdp_mode": "native",
            "hook_out": "tc", "exact": True, "reason": "native XDP: the driver supports it", **more}


def books(records, size=3):
    return {"records": records, "packets": records * size, "bytes": records * size * 100}


def exporter(url="ipfix://192.0.2.9:4739", **more):
    return {"url": url, "state": "ready", "handed": books(120), "sent": books(110),
            "queued": books(10), "lost": {"export_queue": books(0), "export_send": books(0),
                                          "export_format": books(0)},
            "messages": 17, "octets": 14300, "templates": 2, "errors": 0, "last_error": "",
            **more}


def status_document(**more):
    way_in = ledger(1234567, 67, {"arp": 40, "non_ip": 2})
    way_out = ledger(7654, 54, {"arp": 1})
    total = ledger(1242221, 121, {"arp": 41, "non_ip": 2})
    return {
        "schema_version": 1, "version": "0.1.0", "pid": 4242, "uptime_ns": 11565 * 10**9,
        "epoch_ns": 10**9, "observation_domain": 1, "sampling": {"interval": 1, "by": "packet"},
        "interfaces": [{**iface(), "ledger": {"in": way_in, "out": way_out}}],
        "total": total,
        "tables": {"flows": 131072, "used_ipv4": 1234, "used_ipv6": 56, "tunnels": 32768,
                   "used_tunnel": 78, "epochs": 11565, "records": 998877, "spilled": 3,
                   "evicted_flows": 0, "swap_ns": 12345, "drain_ns": 3456789,
                   "drain_records": 1290, "memory_bytes": 25165824},
        "cache": {"flows": 1290, "capacity": 2097152, "expired": 64000, "forced": 0,
                  "memory_bytes": 412000000},
        "nat": {"kfuncs": True, "ctnetlink": True, "seen": 640, "unseen": 0, "capacity": 262144, "connections": 321, "ended": 12,
                "synced": True, "events": 4000, "overruns": 0, "resyncs": 1, "evicted": 0,
                "ambiguous": 0, "unreadable": 0, "memory_bytes": 7000000},
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


REPLIES = {
    "status": status_document(),
    "flows": flows_document([record()]),
    "nat": nat_document([mapping()]),
    "iface_list": {"schema_version": 1, "interfaces": [iface()]},
    "iface_add": {"schema_version": 1, "interface": iface()},
    "iface_del": {"schema_version": 1, "interface": iface()},
    "export_list": {"schema_version": 1, "exporters": [exporter()]},
    "export_add": {"schema_version": 1, "exporter": exporter()},
    "export_del": {"schema_version": 1, "exporter": exporter()},
    "export_flush": {"schema_version": 1, "flushed": 12},
}


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


# --- terminals -----------------------------------------------------------------------------------

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


# --- runner --------------------------------------------------------------------------------------

class Skip(Exception):
    pass


def main(tests):
    """Run the functions named test_* of a module's globals(), or those that arguments name."""
    if not os.access(PARALLAX, os.X_OK):
        print(f"not ok build: {PARALLAX} is missing")
        return 1
    failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (sys.argv[1:] and name[5:] not in sys.argv[1:]):
            continue
        try:
            test()
        except Skip as reason:
            print(f"skip {name[5:]}: {reason}", flush=True)
        except (AssertionError, OSError, ValueError, LookupError,
                subprocess.SubprocessError) as why:
            failed += 1
            text = f"{type(why).__name__}: {why}".replace("\n", "\n# ")
            print(f"not ok {name[5:]}: {text}", flush=True)
        else:
            print(f"ok {name[5:]}", flush=True)
    return 1 if failed else 0

