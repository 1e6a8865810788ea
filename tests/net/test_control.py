#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The control socket: who may ask and change, and that no client can hold the daemon up."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import BUILD, PYTHON, Daemon, equal, main, wait_for

NOBODY = 65534


def daemon_on_lo(lab, *args):
    ns = lab.namespace("c")
    return ns, Daemon(lab, ns, ["-i", "lo", *args])


def connect(daemon):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(20)
    client.connect(daemon.socket)
    return client


def read_all(client):
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass  # closed with some of an endless request unread, behind the reply
    return data


def garbage_gets_an_error_and_the_door(lab):
    _, daemon = daemon_on_lo(lab)
    for bad in (b"hello\n", b"\x00\xff\xfe\n", b"[1,2]\n", b'"status"\n', b"{}{}\n", b"{" * 100 + b"\n",
                b'{"command": 7}\n', b'{"command": "status"} x\n', b"x" * 70000 + b"\n"):
        with connect(daemon) as client:
            client.sendall(bad)
            client.shutdown(socket.SHUT_WR)
            reply = json.loads(read_all(client).splitlines()[0])
            equal(f"{bad[:20]}: error code", reply["error"]["code"], "bad_request")
    with connect(daemon) as client:
        client.sendall(b'{"command": "nosuch"}\n{"command": "flows", "limit": 0}\n'
                       b'{"command": "flows", "sort": "colour"}\n'
                       b'{"command": "flows", "filter": 7}\n'
                       b'{"command": "nat", "filter": "tcp\\u0000 or what"}\n'
                       b'{"command": "iface.add"}\n{"command": "status"}\n')
        client.shutdown(socket.SHUT_WR)
        replies = [json.loads(line) for line in read_all(client).splitlines()]
    equal("replies, in order", [r.get("error", {}).get("code") for r in replies],
          ["unknown_command", *["bad_request"] * 5, None])
    equal("the value is repeated", "colour" in replies[2]["error"]["message"], True)
    daemon.stop()


def clients_that_hang_hold_nobody_up(lab):
    _, daemon = daemon_on_lo(lab)
    idle = [connect(daemon) for _ in range(20)]
    half = [connect(daemon) for _ in range(20)]
    for client in half:
        client.sendall(b'{"command": "sta')
    deaf = [connect(daemon) for _ in range(10)]
    for client in deaf:  # ask for much and read nothing
        client.setblocking(False)
        try:
            for _ in range(2000):
                client.send(b'{"command": "status"}\n' * 100)
        except BlockingIOError:
            pass
    for _ in range(20):
        daemon.status()
    # at the limit of clients the next one is turned away, and is let in when one has left
    crowd = []
    for _ in range(64):
        crowd.append(connect(daemon))
    code, _ = daemon.cli("status", check=False)
    assert code != 0, "more than 64 clients"
    for client in crowd + idle + half + deaf:
        client.close()
    wait_for("room for a client", lambda: daemon.cli("status", check=False)[0] == 0)
    daemon.stop()


def reading_needs_access_changing_needs_root(lab):
    ns, daemon = daemon_on_lo(lab)

    def as_nobody(*args, groups=()):
        argv = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY)]
        argv += ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
        done = subprocess.run(argv + [os.path.join(BUILD, "parallax"), "--socket", daemon.socket,
                                      "--json", *args], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout

    os.chmod(lab.dir, 0o755)
    equal("nobody is kept out", as_nobody("status")[0], 3)
    os.chmod(daemon.socket, 0o666)
    equal("who may open the socket may read", as_nobody("status")[0], 0)
    code, text = as_nobody("export", "add", "json:/dev/null")
    equal("but not change", (code, json.loads(text)["error"]["code"]), (1, "permission"))
    equal("no exporter", daemon.cli("export", "list")["exporters"], [])
    daemon.stop()
    # members of the admin group may, by supplementary group too
    daemon = Daemon(lab, ns, ["-i", "lo", "--set", "socket.admin_group=daemon"])
    os.chmod(daemon.socket, 0o666)
    equal("in the admin group", as_nobody("export", "add", "json:/dev/null", groups=(1,))[0], 0)
    equal("not in it", as_nobody("export", "del", "json:/dev/null", groups=(2,))[0], 1)
    daemon.stop()


def exporters_come_and_go(lab):
    ns, daemon = daemon_on_lo(lab)
    lab.run(ns, ["ping", "-q", "-c", "10", "-i", "0.01", "127.0.0.1"])
    daemon.settled(40)
    url = "json:" + lab.path("flows.json")
    daemon.cli("export", "add", url)
    equal("added twice", daemon.cli("export", "add", url, check=False)[0], 1)
    code, reply = daemon.cli("export", "add", "ipfix://[::1", check=False)
    equal("bad URL", (code, reply["error"]["code"]), (1, "bad_request"))
    assert "[::1" in reply["error"]["message"], reply
    flows = daemon.cli("flows")
    equal("flushed", daemon.cli("export", "flush")["flushed"], flows["total"])
    with open(lab.path("flows.json"), encoding="utf-8") as lines:
        def written():
            lines.seek(0)
            return len(lines.readlines()) == flows["total"]
        wait_for("flows to be written", written)
        lines.seek(0)
        records = [json.loads(line) for line in lines]
    equal("packets", sum(r["packetDeltaCount"] for r in records),
          sum(f["packetDeltaCount"] for f in flows["flows"]))
    for record in records:
        equal("flowEndReason", record["flowEndReason"], 4)
        assert record["flowStartNanoseconds"] <= record["flowEndNanoseconds"], record
    exporter = daemon.cli("export", "del", url)["exporter"]
    equal("sent", exporter["sent"]["records"], len(records))
    equal("deleted twice", daemon.cli("export", "del", url, check=False)[0], 1)
    daemon.stop()


def policy_of_tunnels_is_of_each_interface(lab):
    """A packet of VXLAN without a VXLAN header: a plain one; with, but nothing inside: at a limit."""
    ns, daemon = daemon_on_lo(lab, "--set", "tunnel=outer")
    equal("policy of the others", daemon.status()["interfaces"][0]["tunnel"], "outer")
    daemon.cli("iface", "del", "lo")
    code, reply = daemon.cli("iface", "add", "lo", "--tunnel", "sideways", check=False)
    equal("exit status of a bad policy", code, 2)
    equal("own policy", daemon.cli("iface", "add", "lo", "--tunnel", "both")["interface"]["tunnel"],
          "both")
    send = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "[s.sendto(data, ('127.0.0.1', 4789)) for data in "
            "(bytes(8) + b'plain', bytes.fromhex('0800000000002a00') + b'cut')]")
    seen = daemon.status()["total"]["seen"]["packets"]
    lab.run(ns, [PYTHON, "-c", send])
    # Twice over lo: out and in; and the answers, that nobody is there.
    status = daemon.settled(seen + 4)
    limited = status["total"]["limited"]
    equal("tunnels that are cut", limited.pop("tunnel_truncated")["packets"], 2)
    equal("other limits", sum(tally["packets"] for tally in limited.values()), 0)
    equal("tunnel table", status["tables"]["tunnels"], 32768)
    daemon.stop()


if __name__ == "__main__":
    main([garbage_gets_an_error_and_the_door, clients_that_hang_hold_nobody_up,
          reading_needs_access_changing_needs_root, exporters_come_and_go,
          policy_of_tunnels_is_of_each_interface])
