#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The real daemon under load: packets accounted for, and memory.

Two namespaces with a veth pair; flowgen sends at full speed on CPU 0, parallaxd meters the other
end at native XDP. What the interface received is compared with the ledger. Prints Markdown.

    load.py BUILD_DIR accounted|memory [--quick]
"""
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = ''
LONG = ['--set', 'timeouts.active=1h', '--set', 'timeouts.inactive=1h']


def run(*command, **kwargs):
    return subprocess.run(command, check=True, text=True, timeout=120, **kwargs)


class Pair:
    """a0 in one namespace, b0 in the other, up, without IPv6; gone at the end."""

    def __enter__(self):
        self.a, self.b = (f'plxperf{side}{os.getpid()}' for side in 'ab')
        try:
            for ns in self.a, self.b:
                run('ip', 'netns', 'add', ns)
                for which in 'all', 'default':
                    run('ip', 'netns', 'exec', ns, 'sysctl', '-qw',
                        f'net.ipv6.conf.{which}.disable_ipv6=1')
            run('ip', '-n', self.a, 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0',
                'netns', self.b)
            run('ip', '-n', self.a, 'link', 'set', 'a0', 'up')
            run('ip', '-n', self.b, 'link', 'set', 'b0', 'up')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for ns in self.a, self.b:
            subprocess.run(['ip', 'netns', 'del', ns], check=False, stderr=subprocess.DEVNULL)

    def received(self):
        out = run('ip', '-n', self.b, '-j', '-s', 'link', 'show', 'b0', stdout=subprocess.PIPE)
        return json.loads(out.stdout)[0]['stats64']['rx']['packets']

    def send(self, *args):
        out = run('ip', 'netns', 'exec', self.a, f'{BUILD}/perf/flowgen', '-i', 'a0', '--json',
                  '--cpu', '0', *args, stdout=subprocess.PIPE)
        return json.loads(out.stdout)


class Daemon:
    def __init__(self, pair, *settings):
        self.dir = tempfile.TemporaryDirectory(prefix='plxperf')
        self.path = f'{self.dir.name}/sock'
        self.process = subprocess.Popen(
            ['ip', 'netns', 'exec', pair.b, f'{BUILD}/parallaxd', '--socket', self.path, '-c',
             '/dev/null', '--set', 'interfaces=[{name: b0, hook: xdp, xdp_mode: native}]',
             *settings], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        said = []
        for line in self.process.stderr:
            said.append(line)
            if 'ready:' in line:
                return
        self.stop()
        sys.exit('load.py: parallaxd did not start:\n' + ''.join(said))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        # Twice: nobody is there to take the flows, and what is in the books was read before.
        for _ in range(2):
            if self.process.poll() is None:
                self.process.terminate()
                time.sleep(0.3)
        self.process.communicate(timeout=60)
        self.dir.cleanup()

    def status(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(self.path)
            sock.sendall(b'{"command": "status"}\n')
            return json.loads(sock.makefile().readline())

    def settled(self, packets):
        """The status once packets are in the ledger; or, after half a minute, as it is."""
        deadline = time.monotonic() + 30
        while True:
            status = self.status()
            if status['total']['seen']['packets'] >= packets or time.monotonic() > deadline:
                return status
            time.sleep(0.2)

    def memory(self):
        """kB of each line of interest."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            lines = dict(line.split(':', 1) for line in file)
        return {name: int(lines[name].split()[0]) for name in ('VmRSS', 'VmHWM')}


def spread(values, decimals):
    middle = statistics.median(values)
    return f'{middle:.{decimals}f} ({min(values):.{decimals}f}..{max(values):.{decimals}f})'


def accounted_once(settings, args):
    with Pair() as pair:
        with Daemon(pair, *LONG, *settings) as daemon:
            before = pair.received()
            sent = pair.send(*args)
            received = pair.received() - before
            status = daemon.settled(received)
    total = status['total']
    lost = {cause: t['packets'] for cause, t in total['lost'].items() if t['packets']}
    good = total['exported']['packets'] + total['held']['packets']
    return {
        'sent': sent['packets'],
        'received': received,
        'mpps': sent['pps'] / 1e6,
        'seen': total['seen']['packets'],
        'metered': total['metered']['packets'],
        'lost': lost,
        'difference': total['difference']['packets'],
        'missed': received - total['seen']['packets'],
        'spilled': status['tables']['spilled'],
        'accounted': 100 * good / received,
    }


def accounted(quick):
    million = ['--set', 'tables.flows=1048576']
    cases = [
        ('1,000', 'default', []),
        ('1,000,000', '1,048,576', million),
        ('1,000,000', 'default (131,072)', []),
    ]
    print('\n| flows | tables.flows | Mpps | received | not seen | spilled | lost | difference '
          '| accounted % |\n|---|---|---|---|---|---|---|---|---|')
    for flows, name, settings in cases:
        args = ['--flows', flows.replace(',', ''), '--seconds', '2' if quick else '5']
        runs = [accounted_once(settings, args) for _ in range(1 if quick else 3)]
        lost = {}
        for one in runs:
            if one['sent'] != one['received']:
                sys.exit(f'load.py: sent {one["sent"]}, received {one["received"]}')
            for cause, packets in one['lost'].items():
                lost[cause] = lost.get(cause, 0) + packets
        total = {key: sum(one[key] for one in runs)
                 for key in ('received', 'missed', 'spilled', 'difference')}
        print(f'| {flows} | {name} | {spread([r["mpps"] for r in runs], 2)} '
              f'| {total["received"]} | {total["missed"]} | {total["spilled"]} '
              f'| {", ".join(f"{k} {v}" for k, v in lost.items()) or 0} '
              f'| {total["difference"]} | {spread([r["accounted"] for r in runs], 3)} |',
              flush=True)
    print('\nSums over all runs of a line; Mpps and accounted %: median (smallest..largest).')


def memory(_quick):
    million = ['--set', 'tables.flows=1048576']
    print('\n| configuration | flows held | resident MB | of it cache | peak resident MB '
          '| maps MB |\n|---|---|---|---|---|---|')
    for name, settings, flows in (('default', [], 0), ('tables.flows=1048576', million, 0),
                                  ('tables.flows=1048576', million, 1000000)):
        with Pair() as pair, Daemon(pair, *LONG, *settings) as daemon:
            if flows:
                pair.send('--flows', str(flows), '--packets', str(2 * flows))
                daemon.settled(2 * flows)
                time.sleep(3)
            status = daemon.status()
            rss = daemon.memory()
            print(f'| {name} | {status["cache"]["flows"]} | {rss["VmRSS"] / 1000:.1f} '
                  f'| {status["cache"]["memory_bytes"] / 1e6:.1f} | {rss["VmHWM"] / 1000:.1f} '
                  f'| {status["tables"]["memory_bytes"] / 1e6:.1f} |', flush=True)


def main():
    global BUILD
    parts = {'accounted': accounted, 'memory': memory}
    if len(sys.argv) < 3 or sys.argv[2] not in parts:
        sys.exit(__doc__)
    BUILD = os.path.abspath(sys.argv[1])
    parts[sys.argv[2]]('--quick' in sys.argv)


main()
