#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""cli/live.sh, the live table of `make run`, with a stand-in for the daemon."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cli import (BUILD, DEADLINE, PARALLAX, ROOT, Server, Skip, flows_document, has, main, record,
                 status_document, terminal)

LIVE = os.path.join(ROOT, "cli", "live.sh")
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        sys.exit(serve_as_daemon(sys.argv[2:]))
    sys.exit(main(globals()))
