#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The programs on stock kernels: each is booted in a virtual machine, where the verifier has to accept
all programs and the tests of both hooks have to pass; on some of them both sides of translated flows have
to be one record, with kfuncs of the module nf_conntrack and with ctnetlink alone, and on one of them
tunnels have to be counted exactly. Two machines at a time, since each has one processor.

The machine is started by a command that takes `-k SERIES -s FOLDER -f FILE... -t SECONDS -- COMMAND` and
passes on output and exit status; PLX_VM_RUNNER names it (default: ../shared/vmtest/run-in-vm beside the
checkout). PLX_KERNELS: which series.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from netlab import BUILD, ROOT, Skip, main

RUNNER = (os.environ.get("PLX_VM_RUNNER") or
          os.path.join(ROOT, "..", "shared", "vmtest", "run-in-vm"))
KERNELS = os.environ.get("PLX_KERNELS", "6.1 6.12 6.18").split()
SECONDS = 700  # emulated, and the machine below may be busy
# Kinds of tunnel that this kernel may have no devices for, once at XDP and the others behind GRO
TUNNEL_KERNEL = "6.12"
TUNNELS = [f"{kind}_at_tc_keyed_by_both" for kind in
           ("geneve", "gre", "gretap", "ipip", "sit", "ip6tnl")] + ["geneve_at_xdp_keyed_by_both"]
# Who says what is translated, each alone; both at once and more on the kernel below.
NAT_KERNELS = ("6.1", "6.12")
NAT = ["test_join.py masqueraded_flows_have_both_tuples",
       "test_nat_sources.py both_ends_by_kfuncs both_ends_by_ctnetlink"]
TOOLS = ("/usr/bin/python3", "/usr/lib/python3.11", "/usr/lib/x86_64-linux-gnu/bpf",
         "ip", "tc", "nft", "ethtool", "sysctl", "nstat", "conntrack", "ping")
# Software emulation is some 20 times slower.
SCALE = {"PLX_TEST_RANDOM": "2000", "PLX_TUNNEL_OCTETS": str(2 << 20), "PLX_JOIN_OCTETS": "500000",
         "PLX_PATIENCE": "10",
         "BUILD": "/share/build"}


def stage(lab):
    """What the machine needs, in one folder."""
    folder = lab.path("share")
    for part in ("lib", "net", "bpf"):
        shutil.copytree(os.path.join(ROOT, "tests", part), os.path.join(folder, "tests", part))
    os.makedirs(os.path.join(folder, "build", "tests", "bpf"))
    for name in ("parallaxd", "parallax", "tests/bpf/test_xdp", "tests/bpf/test_tc"):
        shutil.copy(os.path.join(BUILD, name), os.path.join(folder, "build", name))
    return folder


def in_vm(folder, series, script):
    """Run a shell script there; its output, which the exit status is in."""
    files = [word for tool in TOOLS for word in ("-f", tool)]
    environment = [f"{name}={value}" for name, value in SCALE.items()]
    argv = [RUNNER, "-k", series, "-t", str(SECONDS), "-s", folder, *files, "--",
            "env", *environment, "sh", "-c", script]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS + 120)
    if done.returncode == 126:
        raise Skip(f"no virtual machine with {series}: {done.stderr.strip()[-200:]}")
    text = done.stdout + done.stderr
    assert done.returncode == 0, f"exit {done.returncode}: {text[-1500:]}"
    return done.stdout


def script_of(series):
    """What runs there, and the names of its namespace tests."""
    tests = NAT if series in NAT_KERNELS else []
    if series == TUNNEL_KERNEL:
        tests = [*tests, f"test_tunnels.py {' '.join(TUNNELS)}"]
    script = ("uname -r && modprobe sch_ingress && cd /share && "
              "build/tests/bpf/test_xdp 2>&1 && build/tests/bpf/test_tc 2>&1")
    return (script + "".join(f" && python3 tests/net/{test} 2>&1" for test in tests),
            [name for test in tests for name in test.split()[1:]])


machines = concurrent.futures.ThreadPoolExecutor(max_workers=2)
running = {}  # series: what its machine has said, or will


def start_all(lab):
    """With the first test; the folder lives as long as its lab, so it waits for all of them."""
    if running:
        return
    folder = stage(lab)
    for series in KERNELS:
        running[series] = machines.submit(in_vm, folder, series, script_of(series)[0])
    concurrent.futures.wait(running.values())


def test_of(series):
    def test(lab):
        if not os.access(RUNNER, os.X_OK):
            raise Skip(f"no runner of virtual machines ({RUNNER})")
        start_all(lab)
        out = running[series].result()
        # Indented: its tests are part of ours.
        print("".join(f"    {line}\n" for line in out.splitlines()))
        print(f"on {out.splitlines()[0]}")
        passed = len(re.findall(r"^\[\s+OK\s+\] ", out, re.M))
        assert passed > 100, f"only {passed} tests of the programs"
        for name in script_of(series)[1]:
            assert re.search(f"^ok {name} ", out, re.M), f"{name} did not run"
    test.__name__ = f"programs_on_{series}"
    return test


if __name__ == "__main__":
    main([test_of(series) for series in KERNELS])
