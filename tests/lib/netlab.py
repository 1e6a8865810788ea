# SPDX-License-Identifier: BSD-2-Clause
"""Namespaces, the daemon, a collector, traffic: what the tests of the ring `net` are made of.

Everything made here is undone by Lab.close(), whichever way a test ends. Names carry the process
id, so that runs do not meet. Nothing sleeps for luck: wait_for() asks for a condition.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
TRAFFIC = os.path.join(ROOT, "tests", "lib", "traffic.py")
PYTHON = "/usr/bin/python3"
PATIENCE = float(os.environ.get("PLX_PATIENCE", "1"))  # time limits are so many times longer


class Skip(Exception):
    """The machine cannot do what a test needs; the text says what."""


def wait_for(what, condition, seconds=20, alive=None):
    """Poll condition() until it is true and return its value; fail after so many seconds, or at
    once when the process alive has died."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if alive is not None and alive.poll() is not None:
            raise AssertionError(f"waiting for {what}: the process ended with {alive.returncode}")
        if time.monotonic() > deadline:
            raise AssertionError(f"waiting for {what}: not within {seconds} s")
        time.sleep(0.02)


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got}, want {want}")


def run(argv, **kw):
    """Run to the end; the output is in the error when it fails."""
    kw.setdefault("timeout", 120 * PATIENCE)
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}: "
                             f"{done.stdout}{done.stderr}")
    return done.stdout


class Lab:
    """A set of network namespaces with what runs in them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="plx-test-")
        self.prefix = f"plx{os.getpid()}"
        self.namespaces = []
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
                process.wait()
        for ns in self.namespaces:
            # what daemonised itself in there goes with the namespace
            pids = subprocess.run(["ip", "netns", "pids", ns], capture_output=True, text=True)
            for pid in pids.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", ns], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def namespace(self, name):
        ns = f"{self.prefix}{name}"
        run(["ip", "netns", "add", ns])
        self.namespaces.append(ns)
        run(["ip", "-n", ns, "link", "set", "lo", "up"])
        # No router solicitations and such: every packet is one that a test has sent.
        for key in ("all", "default"):
            self.run(ns, ["sysctl", "-qw", f"net.ipv6.conf.{key}.accept_dad=0",
                          f"net.ipv6.conf.{key}.router_solicitations=0",
                          f"net.ipv6.conf.{key}.addr_gen_mode=1"])
        return ns

    def veth(self, a, dev_a, b, dev_b, mtu=1500):
        """A cable from dev_a in namespace a to dev_b in b; both up, without addresses."""
        run(["ip", "-n", a, "link", "add", dev_a, "mtu", str(mtu), "type", "veth",
             "peer", "name", dev_b, "mtu", str(mtu), "netns", b])
        self.up(a, dev_a)
        self.up(b, dev_b)
        # Known for an hour: a probe that a slow machine does not answer in time would cost packets.
        for ns, dev in ((a, dev_a), (b, dev_b)):
            self.run(ns, ["sysctl", "-qw", *(f"net.{ip}.neigh.{dev}.base_reachable_time_ms=3600000"
                                             for ip in ("ipv4", "ipv6"))])

    def up(self, ns, dev):
        run(["ip", "-n", ns, "link", "set", dev, "up"])

    def address(self, ns, dev, *addresses):
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            run(["ip", "-n", ns, "addr", "add", address, "dev", dev] + nodad)

    def offload(self, ns, dev, **features):
        for feature, state in features.items():
            self.run(ns, ["ethtool", "-K", dev, feature.replace("_", "-"),
                          "on" if state else "off"])

    def run(self, ns, argv, **kw):
        return run(["ip", "netns", "exec", ns] + argv, **kw)

    def start(self, ns, argv, **kw):
        process = subprocess.Popen(["ip", "netns", "exec", ns] + argv, **kw)
        self.processes.append(process)
        return process

    def counters(self, ns, dev):
        """The interface's own counters: rx and tx as (packets, bytes), and drops."""
        link = json.loads(run(["ip", "-n", ns, "-j", "-s", "link", "show", dev]))[0]["stats64"]
        return {side: (link[side]["packets"], link[side]["bytes"]) for side in ("rx", "tx")}

    def has_xdp(self, ns, dev):
        return "xdp" in json.loads(run(["ip", "-n", ns, "-j", "-d", "link", "show", dev]))[0]

    def tc_state(self, ns, dev):
        """Qdiscs and filters as text, to be compared before and after."""
        text = self.run(ns, ["tc", "qdisc", "show", "dev", dev])
        for side in ("ingress", "egress"):
            if "clsact" in text:
                text += self.run(ns, ["tc", "filter", "show", "dev", dev, side])
        return text

    def interface_state(self, ns, dev):
        return self.has_xdp(ns, dev), self.tc_state(ns, dev)


class Daemon:
    """parallaxd in a namespace, ready when the constructor returns."""

    count = 0

    def __init__(self, lab, ns, args, env=None):
        Daemon.count += 1
        self.socket = lab.path(f"d{Daemon.count}.sock")
        self.log_path = lab.path(f"d{Daemon.count}.log")
        notify_path = lab.path(f"d{Daemon.count}.notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, \
                open(self.log_path, "w", encoding="utf-8") as log:
            notify.bind(notify_path)
            notify.setblocking(False)
            self.process = lab.start(
                ns, [os.path.join(BUILD, "parallaxd"), "-v", "--socket", self.socket] + args,
                stderr=log, stdout=subprocess.DEVNULL,
                env={**os.environ, "NOTIFY_SOCKET": notify_path, **(env or {})})

            def told():
                try:
                    return notify.recv(100) == b"READY=1"
                except BlockingIOError:
                    return False
            try:
                wait_for("parallaxd to be ready", told, 30, self.process)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.log()}") from None

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def cli(self, *args, check=True):
        """parallax --json ARGS; the document, or (exit code, document) with check=False."""
        done = subprocess.run([os.path.join(BUILD, "parallax"), "--socket", self.socket, "--json",
                               *args], capture_output=True, text=True,
                              timeout=60 * PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError(f"parallax {args}: exit {done.returncode}: "
                                 f"{done.stdout}{done.stderr}")
        document = json.loads(done.stdout) if done.stdout.strip() else None
        return document if check else (done.returncode, document)

    def status(self):
        return self.cli("status")

    def settled(self, seen, what="ledger to have seen all packets", seconds=30):
        """Wait until the ledger's total has seen so many packets; the status then."""
        def enough():
            status = self.status()
            return status if status["total"]["seen"]["packets"] >= seen else None
        return wait_for(what, enough, seconds, self.process)

    def stop(self, signo=signal.SIGTERM, seconds=60):
        """End it; returns the sums of its closing line."""
        self.process.send_signal(signo)
        equal("parallaxd's exit status", self.process.wait(timeout=seconds * PATIENCE), 0)
        line = re.search(r"stopped: seen (\d+) packets = metered (\d+) \+ unsampled (\d+) "
                         r"\+ skipped (\d+); "
                         r"metered = exported (\d+) \+ held (\d+) \+ lost (\d+); "
                         r"difference (-?\d+)", self.log())
        if not line:
            raise AssertionError(f"no closing line in the log:\n{self.log()}")
        names = ("seen", "metered", "unsampled", "skipped", "exported", "held", "lost", "difference")
        return dict(zip(names, map(int, line.groups())))


class Collector:
    """nfcapd on the loopback of a namespace."""

    def __init__(self, lab, ns, port=9995):
        self.lab = lab
        self.dir = tempfile.mkdtemp(dir=lab.dir, prefix="nf")
        self.url = f"ipfix://127.0.0.1:{port}"
        self.log_path = os.path.join(lab.dir, os.path.basename(self.dir) + ".log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = lab.start(ns, ["nfcapd", "-4", "-b", "127.0.0.1", "-p", str(port), "-w",
                                          self.dir, "-t", "3600", "-B", "16777216"],
                                     stdout=log, stderr=log)
        wait_for("nfcapd to listen",
                 lambda: f":{port} " in lab.run(ns, ["ss", "-Hlun"]), 20, self.process)

    def stop(self):
        """End it; the records that it stored, as nfdump's JSON gives them."""
        self.process.terminate()
        self.process.wait(timeout=30)
        info = run(["nfdump", "-R", self.dir, "-I"])
        equal("nfdump: sequence failures",
              re.search(r"Sequence failures: (\d+)", info).group(1), "0")
        with open(self.log_path, encoding="utf-8") as log:
            bad = [line for line in log
                   if re.search("error|SequencerRun|Not enough data|unknown", line, re.I)
                   and not re.search("Sequence Errors: 0, Bad Packets: 0$", line)]
        equal("complaints of nfcapd", bad, [])
        text = run(["nfdump", "-R", self.dir, "-o", "json"], timeout=300)
        return json.loads(text) if text.strip() else []


def five_tuple(flow):
    """Key of a record of nfdump's JSON; ICMP: destination port = type * 256 + code."""
    six = "src6_addr" in flow
    icmp = flow.get("icmp_type", 0) * 256 + flow.get("icmp_code", 0)
    return (flow["src6_addr" if six else "src4_addr"], flow["dst6_addr" if six else "dst4_addr"],
            flow["proto"], flow.get("src_port", 0), flow.get("dst_port", icmp))


def sums(flows):
    return sum(f["in_packets"] for f in flows), sum(f["in_bytes"] for f in flows)


def check_ledger(ledger, what="ledger"):
    """The equations of the ledger, computed here, in packets and in bytes; and no bug counter."""
    for unit in ("packets", "bytes"):
        skipped = sum(t[unit] for t in ledger["skipped"].values())
        lost = sum(t[unit] for t in ledger["lost"].values())
        equal(f"{what}: seen = metered + unsampled + skipped, {unit}", ledger["seen"][unit],
              ledger["metered"][unit] + ledger["unsampled"][unit] + skipped)
        equal(f"{what}: metered = exported + held + lost, {unit}",
              ledger["metered"][unit],
              ledger["exported"][unit] + ledger["held"][unit] + lost)
        equal(f"{what}: difference, {unit}", ledger["difference"][unit], 0)
        equal(f"{what}: unexplained, {unit}", ledger["lost"]["unexplained"][unit], 0)


def main(tests, root=True):
    """Run test functions (name -> sentence); one line each; exit status for the runner."""
    if root and os.geteuid() != 0:
        print("not ok root is needed for network namespaces")
        sys.exit(1)
    only = sys.argv[1:]
    failed = False
    for test in tests:
        name = test.__name__
        if only and name not in only:
            continue
        began = time.monotonic()
        try:
            with Lab() as lab:
                test(lab)
        except Skip as why:
            print(f"skip {name}: {why}", flush=True)
        except Exception as error:  # a test that breaks is a test that fails
            failed = True
            text = " / ".join(str(error).splitlines()) or repr(error)
            print(f"not ok {name}: {text}", flush=True)
            traceback.print_exc()
        else:
            print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
    sys.exit(failed)
