#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whatever happens to the daemon, interfaces are left as they were, and so are the programs and
filters of others.

    peer (p0) ===== veth ===== (m0) metered
"""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import BUILD, Daemon, check_ledger, equal, main, run, wait_for

PARALLAXD = os.path.join(BUILD, "parallaxd")


def cable(lab):
    peer, metered = lab.namespace("p"), lab.namespace("m")
    lab.veth(peer, "p0", metered, "m0")
    lab.address(peer, "p0", "10.78.0.1/24")
    lab.address(metered, "m0", "10.78.0.2/24")
    return peer, metered


def guards(ns):
    """Guard processes in a namespace, by pid; other runs have theirs elsewhere."""
    found = set()
    for pid in run(["ip", "netns", "pids", ns]).split():
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm, \
                    open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                # a zombie waits for its parent, it does nothing any more
                if comm.read().strip() == "parallaxd-guard" and ") Z " not in stat.read():
                    found.add(int(pid))
        except FileNotFoundError:
            pass
    return found


def foreign_filter(lab, ns, dev):
    """A filter of somebody else, on a clsact of his own: matches everything, which lets it pass."""
    lab.run(ns, ["tc", "qdisc", "add", "dev", dev, "clsact"])
    lab.run(ns, ["tc", "filter", "add", "dev", dev, "ingress", "prio", "7", "protocol", "all",
                 "bpf", "bytecode", "1,6 0 0 4294967295,", "flowid", "1:1"])


def refuse(lab, ns, args, code, *texts):
    """parallaxd ARGS fails with this exit code and one line that has all texts."""
    done = subprocess.run(["ip", "netns", "exec", ns, PARALLAXD, "--socket", lab.path("r.sock"),
                           *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    lines = [line for line in done.stderr.splitlines() if "error: " in line]
    equal(f"{args}: exit code ({done.stderr.strip()})", done.returncode, code)
    equal(f"{args}: one line of error", len(lines), 1)
    for text in texts:
        assert text in lines[0], f"{args}: '{text}' is not in '{lines[0]}'"
    return lines[0]


def stop_leaves_the_interface_as_it_was(lab):
    _, ns = cable(lab)
    before = lab.interface_state(ns, "m0")
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        daemon = Daemon(lab, ns, ["-i", "m0"])
        assert lab.has_xdp(ns, "m0"), "XDP program missing"
        assert "clsact" in lab.tc_state(ns, "m0"), "clsact missing"
        equal("guards", len(guards(ns)), 1)
        daemon.stop(signo)
        equal("interface", lab.interface_state(ns, "m0"), before)
        equal("guards left", guards(ns), set())
        assert not os.path.exists(daemon.socket), "the socket is left"


def kill_9_leaves_the_interface_as_it_was(lab):
    _, ns = cable(lab)
    before = lab.interface_state(ns, "m0")
    daemon = Daemon(lab, ns, ["-i", "m0"])
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    wait_for("the guard to end", lambda: not guards(ns))
    equal("interface", lab.interface_state(ns, "m0"), before)
    # and the next one starts at once, over the socket that was left
    again = Daemon(lab, ns, ["-i", "m0", "--socket", daemon.socket])
    again.stop()
    equal("interface", lab.interface_state(ns, "m0"), before)


def killed_with_its_guard_the_next_start_reclaims(lab):
    _, ns = cable(lab)
    before = lab.interface_state(ns, "m0")
    for reclaim in ("start", "--detach"):
        daemon = Daemon(lab, ns, ["-i", "m0"])
        for pid in guards(ns):
            os.kill(pid, signal.SIGKILL)
        daemon.process.kill()
        daemon.process.wait()
        assert lab.has_xdp(ns, "m0"), "nothing left to reclaim"
        if reclaim == "start":
            Daemon(lab, ns, ["-i", "m0"]).stop()
        else:
            lab.run(ns, [PARALLAXD, "--detach"])
        equal(f"interface after {reclaim}", lab.interface_state(ns, "m0"), before)


def failed_start_leaves_the_interface_as_it_was(lab):
    _, ns = cable(lab)
    before = lab.interface_state(ns, "m0")
    refuse(lab, ns, ["-i", "m0", "-i", "nosuch0"], 1, "nosuch0")
    equal("interface", lab.interface_state(ns, "m0"), before)
    daemon = Daemon(lab, ns, ["-i", "m0"])
    refuse(lab, ns, ["-i", "lo", "--socket", daemon.socket], 1, daemon.socket)
    refuse(lab, ns, ["-i", "m0"], 1, "m0", "another process")
    daemon.stop()
    equal("interface", lab.interface_state(ns, "m0"), before)
    equal("guards left", guards(ns), set())


def programs_and_filters_of_others_stay(lab):
    peer, ns = cable(lab)
    foreign_filter(lab, ns, "m0")
    # A program of somebody else in the XDP hook: one of ours under another name would do, but
    # xdp-tools has one that only passes.
    lab.run(ns, ["ip", "link", "set", "dev", "m0", "xdpdrv", "obj",
                 "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_alw_all.o", "sec", "xdp"])
    before = lab.interface_state(ns, "m0")
    daemon = Daemon(lab, ns, ["-i", "m0"])
    iface = daemon.status()["interfaces"][0]
    equal("ingress hook beside a foreign XDP program", iface["hook_in"], "tc")
    assert "another XDP program" in iface["reason"], iface["reason"]
    lab.run(peer, ["ping", "-q", "-c", "5", "-i", "0.01", "10.78.0.2"])
    ledger = daemon.settled(10)["interfaces"][0]["ledger"]
    # ours runs before the foreign filter, whose verdict ends the list
    equal("pings seen at ingress", ledger["in"]["metered"]["packets"], 5)
    daemon.stop()
    equal("interface", lab.interface_state(ns, "m0"), before)


def forced_hooks_are_obeyed(lab):
    _, ns = cable(lab)
    for hook, mode, want, exact in (("xdp", "native", ("xdp", "native"), True),
                                    ("xdp", "generic", ("xdp", "generic"), False),
                                    ("tc", "auto", ("tc", ""), True)):
        daemon = Daemon(lab, ns, ["--set", f"interfaces=[{{name: m0, hook: {hook}, "
                                           f"xdp_mode: {mode}}}]"])
        iface = daemon.status()["interfaces"][0]
        equal(f"{hook} {mode}", (iface["hook_in"], iface["xdp_mode"]), want)
        equal(f"{hook} {mode}: exact", iface["exact"], exact)
        daemon.stop()
    # lo has no native XDP: asked for, it is refused; left to choose, it is TC with the reason
    refuse(lab, ns, ["--set", "interfaces=[{name: lo, hook: xdp}]"], 1, "lo", "native XDP")
    daemon = Daemon(lab, ns, ["-i", "lo"])
    iface = daemon.status()["interfaces"][0]
    equal("lo", iface["hook_in"], "tc")
    assert "native XDP" in iface["reason"], iface["reason"]
    daemon.stop()


def interfaces_come_and_go_while_it_runs(lab):
    peer, ns = cable(lab)
    before = lab.interface_state(ns, "m0")
    daemon = Daemon(lab, ns, [])
    daemon.cli("iface", "add", "m0")
    equal("added twice", daemon.cli("iface", "add", "m0", check=False)[0], 1)
    lab.run(peer, ["ping", "-q", "-c", "20", "-i", "0.01", "10.78.0.2"])
    daemon.settled(40)
    daemon.cli("iface", "del", "m0")
    equal("interface after del", lab.interface_state(ns, "m0"), before)
    equal("deleted twice", daemon.cli("iface", "del", "m0", check=False)[0], 1)
    equal("list after del", daemon.cli("iface", "list")["interfaces"], [])
    lab.run(peer, ["ping", "-q", "-c", "20", "-i", "0.01", "10.78.0.2"])
    daemon.cli("iface", "add", "m0", "--direction", "in")
    lab.run(peer, ["ping", "-q", "-c", "20", "-i", "0.01", "10.78.0.2"])
    status = daemon.settled(60)
    ledger = status["interfaces"][0]["ledger"]
    equal("in: all but what passed in between", ledger["in"]["metered"]["packets"], 40)
    equal("out: the first only", ledger["out"]["metered"]["packets"], 20)
    check_ledger(status["total"])
    # the other end of the cable goes, and this one with it
    run(["ip", "-n", peer, "link", "del", "p0"])
    wait_for("the interface to be noticed as gone",
             lambda: not daemon.status()["interfaces"][0]["present"])
    status = daemon.status()
    equal("its ledger stays", status["interfaces"][0]["ledger"]["in"]["metered"]["packets"], 40)
    check_ledger(status["total"])
    daemon.stop()


def no_packet_is_lost_while_attaching_and_detaching(lab):
    peer, ns = cable(lab)
    # With a clsact of its own: while one is made or removed the kernel itself takes the device's
    # queues away for some milliseconds and drops what is sent (dataplane/README.md).
    lab.run(ns, ["tc", "qdisc", "add", "dev", "m0", "clsact"])
    daemon = Daemon(lab, ns, [])
    pings = lab.start(peer, ["ping", "-q", "-i", "0.002", "-c", "1500", "10.78.0.2"],
                      stdout=subprocess.PIPE, text=True)
    rounds = 0
    while pings.poll() is None:
        daemon.cli("iface", "add", "m0", "--hook", "tc" if rounds % 2 else "auto")
        daemon.cli("iface", "del", "m0")
        rounds += 1
    assert rounds >= 5, f"only {rounds} rounds"
    text = pings.stdout.read()
    assert "1500 received" in text, text
    check_ledger(daemon.status()["total"])
    daemon.stop()


def doctor_says_what_is_on_an_interface(lab):
    _, metered = cable(lab)

    def looks():
        document = json.loads(lab.run(metered, [os.path.join(BUILD, "parallax"), "--json", "doctor"]))
        equal("able", document["able"], True)
        return {c["check"]: (c["state"], c["text"]) for c in document["checks"]}
    checks = looks()
    equal("m0", checks["m0"],
          ("ok", "driver veth; ingress at native XDP if the driver has it, else at TC"))
    assert "lo" not in checks, checks
    daemon = Daemon(lab, metered, ["-i", "m0"])
    equal("m0 while it is metered", looks()["m0"], ("ok", "driver veth; metered at XDP now"))
    daemon.stop()
    run(["ip", "-n", metered, "link", "set", "m0", "down"])
    assert "m0" not in looks()
    text = lab.run(metered, [os.path.join(BUILD, "parallax"), "doctor", "m0"])
    assert "driver veth; the interface is down" in text, text


def bad_input_is_refused_with_the_value(lab):
    ns = lab.namespace("b")
    config = lab.path("bad.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write("tables:\n  flows: 65536\n  flowz: 1\n")
    refuse(lab, ns, ["-i", "nosuch0"], 1, "nosuch0")
    refuse(lab, ns, ["-e", "gopher://x"], 2, "gopher")
    refuse(lab, ns, ["-e", "ipfix://127.0.0.1:99999"], 2, "99999")
    refuse(lab, ns, ["-e", "json:/nosuch/dir/x.json"], 1, "/nosuch/dir/x.json")
    refuse(lab, ns, ["--set", "tables.flows=0"], 2, "tables.flows", "'0'")
    refuse(lab, ns, ["--set", "tables.flowz=1"], 2, "flowz")
    refuse(lab, ns, ["-c", config], 1, "bad.yaml:3", "flowz")
    refuse(lab, ns, ["-c", lab.path("none.yaml")], 1, "none.yaml")
    refuse(lab, ns, ["--socket", "/proc/nosuch/x.sock"], 1, "/proc/nosuch/x.sock")
    done = subprocess.run([PARALLAXD, "--nosuch"], capture_output=True, text=True, timeout=20)
    equal("unknown option: exit code", done.returncode, 2)
    assert "nosuch" in done.stderr, done.stderr
    done = subprocess.run([PARALLAXD, "--check", "-c", config], capture_output=True, text=True,
                          timeout=20)
    equal("--check of a bad file: exit code", done.returncode, 1)
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/kernel/btf && "
                           f"exec {PARALLAXD} -i lo --socket {lab.path('r.sock')}"],
                          capture_output=True, text=True, timeout=20)
    equal("kernel without BTF: exit code", done.returncode, 1)
    assert "BTF" in done.stderr, done.stderr
    # without privileges: one clear line, nothing left
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           PARALLAXD, "-i", "lo", "--socket", "/tmp/none.sock"],
                          capture_output=True, text=True, timeout=20)
    equal("without privileges: exit code", done.returncode, 1)
    assert "root" in done.stderr, done.stderr


if __name__ == "__main__":
    main([stop_leaves_the_interface_as_it_was, kill_9_leaves_the_interface_as_it_was,
          killed_with_its_guard_the_next_start_reclaims,
          failed_start_leaves_the_interface_as_it_was, programs_and_filters_of_others_stay,
          forced_hooks_are_obeyed, interfaces_come_and_go_while_it_runs,
          no_packet_is_lost_while_attaching_and_detaching,
          doctor_says_what_is_on_an_interface, bad_input_is_refused_with_the_value])
