#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The programs on stock kernels: each is booted in a virtual machine, where the verifier has to accept
all programs, the tests of both hooks have to pass, and on one of them tunnels have to be counted exactly.

The machine is started by a command that takes `-k SERIES -s FOLDER -f FILE... -t SECONDS -- COMMAND` and
passes on output and exit status; PLX_VM_RUNNER names it (default: ../shared/vmtest/run-in-vm beside the
checkout). PLX_KERNELS: which series.
"""

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
SECONDS = 560  # emulated, and the machine below may be busy
# Kinds of tunnel that this kernel may have no devices for, once at XDP and the others behind GRO
TUNNEL_KERNEL = "6.12"
TUNNELS = [f"{kind}_at_tc_keyed_by_both" for kind in
           ("geneve", "gre", "gretap", "ipip", "sit", "ip6tnl")] + ["geneve_at_xdp_keyed_by_both"]
TOOLS = ("/usr/bin/python3", "/usr/lib/python3.11", "/usr/lib/x86_64-linux-gnu/bpf",
         "ip", "tc", "nft", "ethtool", "sysctl", "nstat")
# Software emulation is some 20 times slower.
SCALE = {"PLX_TEST_RANDOM": "2000", "PLX_TUNNEL_OCTETS": str(2 << 20), "PLX_PATIENCE": "10",
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
    # Indented: its tests are part of ours.
    print("".join(f"    {line}\n" for line in text.splitlines()))
    assert done.returncode == 0, f"exit {done.returncode}: {text[-1500:]}"
    return done.stdout


def test_of(series):
    def test(lab):
        if not os.access(RUNNER, os.X_OK):
            raise Skip(f"no runner of virtual machines ({RUNNER})")
        script = ("uname -r && modprobe sch_ingress && cd /share && "
                  "build/tests/bpf/test_xdp 2>&1 && build/tests/bpf/test_tc 2>&1")
        tunnels = TUNNELS if series == TUNNEL_KERNEL else []
        if tunnels:
            script += f" && python3 tests/net/test_tunnels.py {' '.join(tunnels)} 2>&1"
        out = in_vm(stage(lab), series, script)
        print(f"on {out.splitlines()[0]}")
        passed = len(re.findall(r"^\[\s+OK\s+\] ", out, re.M))
        assert passed > 100, f"only {passed} tests of the programs"
        for name in tunnels:
            assert re.search(f"^ok {name} ", out, re.M), f"{name} did not run"
    test.__name__ = f"programs_on_{series}"
    return test


if __name__ == "__main__":
    main([test_of(series) for series in KERNELS])
