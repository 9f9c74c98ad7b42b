#!/usr/bin/env python3
"""Fails on an include that goes to a higher or equal rank (src/README.md has the table), on third-party headers outside
the module that owns them, and on heavy headers inside include/."""
import pathlib
import re
import sys

RANK = {name: rank for rank, names in enumerate([
    'base text', 'sys async model oci init', 'compose dockerfile engine state', 'plan image network volume runtime logs keeper',
    'build registry execute control', 'local supervisor', 'cli']) for name in names.split()}
SAME_RANK = {('text', 'base'), ('model', 'oci'), ('async', 'sys'), ('supervisor', 'local'), ('sys', 'init'),
             ('runtime', 'keeper'), ('state', 'engine')}
ONLY_IN = {'yaml-cpp/': {'compose'}, 'CLI/': {'cli'}, 'sqlite3.h': {'image'}, 'archive.h': {'image'},
           'seccomp.h': {'sys', 'runtime'}, 'boost/asio': {'async'}, 'boost/beast': {'registry'}, 'openssl/ssl.h': {'registry'}}
HEAVY = ('boost/asio.hpp', 'boost/json.hpp', 'yaml-cpp/yaml.h', 'spdlog/spdlog.h', 'CLI11.hpp', 'CLI/CLI.hpp')
HEAVY_ALLOWED = {'include/berth/text/json_codec.hpp'}  # meant for .cpp files only, says so


def module_of(path):
    parts = path.parts
    return parts[1] if parts[0] == 'src' else parts[2] if parts[:2] == ('include', 'berth') else None


def main():
    top = pathlib.Path(sys.argv[1])
    problems = []
    for path in sorted(top.glob('src/**/*.[ch]pp')) + sorted(top.glob('include/**/*.hpp')):
        short = path.relative_to(top)
        module = module_of(short)
        if module not in RANK:
            continue
        for number, line in enumerate(path.read_text().split('\n'), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            name, where = match.group(1), f'{short}:{number}'
            inner = re.match(r'berth/(\w+)/', name)
            if inner:
                other = inner.group(1)
                if other != module and RANK.get(other, 99) >= RANK[module] and (module, other) not in SAME_RANK:
                    problems.append(f'{where}: {module} (rank {RANK[module]}) includes {other} (rank {RANK.get(other, "?")})')
            for prefix, owners in ONLY_IN.items():
                if name.startswith(prefix) and module not in owners:
                    problems.append(f'{where}: <{name}> belongs to {", ".join(sorted(owners))} only')
            if short.parts[0] == 'include' and name in HEAVY and str(short) not in HEAVY_ALLOWED:
                problems.append(f'{where}: <{name}> is heavy and stays out of include/')
    print('\n'.join(problems) or 'every include goes down')
    return 1 if problems else 0


sys.exit(main())
