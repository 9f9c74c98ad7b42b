#!/usr/bin/env python3
"""compose_corpus.py COMPARE-CONFIG BERTH DIFFERENCES: every case agrees with docker compose but those that DIFFERENCES names.

A line of DIFFERENCES is a case and the decision record that says why we differ. A case that is listed and agrees fails, too.
"""
import re
import subprocess
import sys


def main():
    compare, berth, differences = sys.argv[1:]
    lines = [line.split(None, 1) for line in open(differences) if line.strip() and not line.startswith('#')]
    expected = {case for case, _ in lines}
    done = subprocess.run([compare, berth, '--show', '100000'], capture_output=True, text=True)
    found = set(re.findall(r'^(\S+/\S+): ', done.stdout, re.M))
    tally = re.search(r'^agree (\d+) of (\d+)$', done.stdout, re.M)
    if not tally:
        sys.exit(f'no result from {compare}:\n{done.stdout}{done.stderr}')
    if int(tally[2]) - int(tally[1]) != len(found):
        sys.exit(f'{tally[0]}, but {len(found)} differences were read from the output')
    for case in sorted(found - expected):
        print(re.search(rf'^{re.escape(case)}: .*(?:\n    .*)*', done.stdout, re.M)[0])
    for case in sorted(expected - found):
        print(f'{case}: agrees now; take it out of {differences}')
    print(tally[0])
    return found != expected


if __name__ == '__main__':
    sys.exit(main())
