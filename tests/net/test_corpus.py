#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every capture of the corpus, sent over a veth past the real daemon: its flows are those of the
truth, its records those of `parallaxd -r`.

    sender (s0) ===== veth ===== (m0) receiver; parallaxd at one of the ends

Each hook has a veth and a daemon of its own, and all captures pass there one after the other. Flows
are flushed after each. The exporter's count of records by then tells whose are whose in its file, so
that nobody has to wait for the file.
"""

import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from corpus import (CORPUS, SECOND, check_truth, frames_of, parse_lines, pcap, replay_file,
                    tests_of_corpus)
from netlab import PYTHON, TRAFFIC, Daemon, Lab, check_ledger, equal, main, wait_for

T0 = 1_600_000_000 * SECOND
# Nothing ends but by the flush: one record for each flow.
TIMEOUTS = ["--set", "timeouts.active=24h", "--set", "timeouts.inactive=24h",
            "--set", "timeouts.tcp_end=60s"]
# What a record says of time and place, and the cache's number for it
ELSEWHERE = {"flowStartNanoseconds", "flowEndNanoseconds", "ingressInterface",
             "ingressInterfaceName", "egressInterface", "egressInterfaceName", "flowDirection",
             "flowId"}


class Path:
    """A sender, a veth, and a daemon that meters one end of it."""

    def __init__(self, lab, name, hook, way, gro, policy):
        self.lab, self.way = lab, way
        self.source, self.receiver = lab.namespace(f"s{name}"), lab.namespace(f"m{name}")
        for ns in (self.source, self.receiver):
            for key in ("all", "default"):
                lab.run(ns, ["sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1"])
        lab.veth(self.source, "s0", self.receiver, "m0", mtu=65535)
        # With a queue the sender waits for a full veth ring instead of losing packets in it.
        lab.run(self.source, ["tc", "qdisc", "add", "dev", "s0", "root", "pfifo", "limit", "100000"])
        lab.offload(self.receiver, "m0", gro=gro)
        if gro:
            # veth leaves GRO out where the sender could make super-packets itself; and frames come
            # one by one, so what GRO has begun must be kept until the next ones are there.
            lab.offload(self.source, "s0", tso=False)
            lab.run(self.receiver, ["sh", "-c",
                                    "echo 20000000 > /sys/class/net/m0/gro_flush_timeout"])
        # Behind XDP and TC: no stack above that answers, reassembles or routes.
        lab.run(self.receiver, ["nft", "add table netdev quiet; add chain netdev quiet in "
                                "{ type filter hook ingress device m0 priority 0; }; "
                                "add rule netdev quiet in counter drop"])
        ns, dev = (self.receiver, "m0") if way == "in" else (self.source, "s0")
        self.out = lab.path(f"{name}.json")
        self.daemon = Daemon(lab, ns, [
            "-e", f"json:{self.out}", "--set", f"interfaces=[{{name: {dev}, hook: {hook}}}]",
            "--set", f"tunnel={policy}", "--set", "timeouts.epoch=100ms", *TIMEOUTS])
        iface = self.daemon.status()["interfaces"][0]
        equal("ingress hook, exact", (iface["hook_in"], iface["exact"]), (hook, True))
        self.sender = lab.start(self.source, [PYTHON, TRAFFIC, "frames", "s0"], stdin=-1, stdout=-1)
        equal("sender", self.sender.stdout.readline(), b"ready\n")

    def state(self):
        """Status, and how many packets came out behind the hook: super-packets count as one."""
        text = self.lab.run(self.receiver, ["nft", "list", "chain", "netdev", "quiet", "in"])
        return self.daemon.status(), int(re.search(r"counter packets (\d+)", text).group(1))

    def send(self, frames):
        """Send them, and flush their flows out of the daemon."""
        seen = self.daemon.status()["total"]["seen"]["packets"]
        for frame in frames:
            self.sender.stdin.write(struct.pack("!I", len(frame)) + frame)
        self.sender.stdin.write(bytes(4))
        self.sender.stdin.flush()
        equal("frames sent", int(self.sender.stdout.readline()), len(frames))
        self.daemon.settled(seen + len(frames), seconds=5)
        self.daemon.cli("export", "flush")
        wait_for("flows to be flushed", lambda: self.daemon.status()["cache"]["flows"] == 0, 5,
                 self.daemon.process)

    def end(self):
        """Stop the daemon; all records."""
        closing = self.daemon.stop()
        equal("lost, difference", (closing["lost"], closing["difference"]), (0, 0))
        log = self.daemon.log()
        assert "runtime error" not in log and "Sanitizer" not in log, log
        with open(self.out, encoding="utf-8") as file:
            return parse_lines(file.read())


def minus(after, before):
    """The difference of two documents of the same shape, of their numbers."""
    if isinstance(after, dict):
        return {key: minus(value, before[key]) for key, value in after.items()}
    return after - before


class Passage:
    """What came of a capture: gains of the ledger, packets behind the hook, records."""

    def __init__(self, way, before, after, records):
        (status0, stack0), (status1, stack1) = before, after
        check_ledger(status1["total"])
        ledgers = [status["interfaces"][0]["ledger"] for status in (status0, status1)]
        gained = minus(ledgers[1], ledgers[0])
        self.ledger = gained.pop(way)
        (_, other), = gained.items()
        equal("seen the other way", other["seen"]["packets"], 0)
        self.reached_stack = stack1 - stack0
        handed = [status["exporters"][0]["handed"]["records"] for status in (status0, status1)]
        self.records = records[slice(*handed)]
        self.skipped, self.limited = (
            {reason: tally["packets"] for reason, tally in self.ledger[what].items()
             if tally["packets"]} for what in ("skipped", "limited"))


class Hook:
    """All captures past one hook, sent when the first of them is asked for."""

    def __init__(self, lab, name, hook, way="in", gro=False, policy="both"):
        self.lab, self.name, self.hook, self.way, self.gro = lab, name, hook, way, gro
        self.policy = policy
        self.asked = []  # captures that will be
        self.passages = None

    def passage(self, capture):
        if self.passages is None:
            try:
                self.passages = self.send_all(Path(self.lab, self.name, self.hook, self.way,
                                                   self.gro, self.policy))
            except Exception as error:  # that is then the result of all
                self.passages = dict.fromkeys(self.asked, error)
        passage = self.passages[capture]
        if isinstance(passage, Exception):
            raise passage
        return passage

    def send_all(self, path):
        """{capture: Passage, or the error}"""
        states, passages = {}, {}
        for capture in self.asked:
            try:
                before = path.state()
                path.send(frames_of_capture(capture))
                states[capture] = before, path.state()
            except AssertionError as error:
                passages[capture] = error
        try:
            records = path.end()
        except AssertionError as error:
            return dict.fromkeys(states, error) | passages
        for capture, (before, after) in states.items():
            try:
                passages[capture] = Passage(self.way, before, after, records)
            except AssertionError as error:
                passages[capture] = error
        return passages


def frames_of_capture(capture):
    return list(frames_of(os.path.join(CORPUS, capture)))


def comparable(records):
    return sorted(json.dumps({k: v for k, v in r.items() if k not in ELSEWHERE}, sort_keys=True)
                  for r in records)


def replay_as_sent(lab, frames, policy):
    """`parallaxd -r` of them: of cut ones what was left, and in an instant, so that no flow ends."""
    path = lab.path("sent.pcap")
    with open(path, "wb") as file:
        file.write(pcap([(T0 + i, frame, len(frame)) for i, frame in enumerate(frames)]))
    return replay_file(lab, path, "--set", f"tunnel={policy}", *TIMEOUTS).all_exported(len(frames))


def check_capture(lab, hook, capture, truth):
    frames = frames_of_capture(capture)
    passage = hook.passage(capture)
    ledger, records = passage.ledger, passage.records
    merged = len(frames) - passage.reached_stack
    assert merged == 0 or hook.gro, f"{merged} packets did not reach the stack"

    equal("seen: frames sent, and their octets",
          (ledger["seen"]["packets"], ledger["seen"]["bytes"]),
          (len(frames), sum(map(len, frames))))
    equal("exported", ledger["exported"], ledger["metered"])
    equal("packets and frame octets in records",
          (sum(r["packetDeltaCount"] for r in records),
           sum(r["layer2OctetDeltaCount"] for r in records)),
          (ledger["metered"]["packets"], ledger["metered"]["bytes"]))

    apart = {"times"}
    if truth["snapped_frames"]:
        apart |= {"frame octets"}  # the truth's are those before the capture cut them
    check_truth(capture, truth, frames, ledger["metered"]["packets"], passage.skipped, records,
                apart)

    offline = replay_as_sent(lab, frames, hook.policy)
    equal("skipped, here and by -r", passage.skipped, offline.skipped)
    equal("limited, here and by -r", passage.limited, offline.limited)
    equal("records", len(records), len(offline.flows))
    for here, there in zip(comparable(records), comparable(offline.flows)):
        equal("record, here and by -r", here, there)


def gro_merged_some(hook):
    """Without super-packets the hook would be no other than the one without GRO."""
    def test(_):
        passages = [p for p in (hook.passages or {}).values() if isinstance(p, Passage)]
        sent = sum(p.ledger["seen"]["packets"] for p in passages)
        reached = sum(p.reached_stack for p in passages)
        assert reached < sent, f"no GRO: {reached} packets of {sent} frames"
    test.__name__ = f"corpus_{hook.name}_merged_some"
    return test


def tests(lab):
    for hook in (Hook(lab, "xdp", "xdp"), Hook(lab, "tc", "tc"), Hook(lab, "gro", "tc", gro=True),
                 Hook(lab, "out", "tc", way="out"), Hook(lab, "xdpouter", "xdp", policy="outer"),
                 Hook(lab, "groouter", "tc", gro=True, policy="outer")):
        prefix = f"corpus_{hook.name}"
        group = tests_of_corpus(prefix, lambda own, capture, truth, hook=hook:
                                check_capture(own, hook, capture, truth))
        hook.asked = [test.__name__.removeprefix(f"{prefix}_") for test in group
                      if not sys.argv[1:] or test.__name__ in sys.argv[1:]]
        yield from group
        if hook.gro and len(group) > 1:
            yield gro_merged_some(hook)


if __name__ == "__main__":
    with Lab() as paths:
        main(list(tests(paths)))
