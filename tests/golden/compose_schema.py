#!/usr/bin/env python3
"""compose_schema.py SOURCE-TREE BERTH [CORPUS.jsonl]: schemas/compose.schema.json says what the loader does.

It is a schema; each key has a description, a reader and a rule of merging; the table of the structural check is made from it; what
`config` prints is valid by it; and files that are changed at random are refused by both or by none.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

sys.setrecursionlimit(5000)
failures = []

# Lists that keep the items of all files, as merge.cpp has no rule for them.
APPENDED = set('''
  include build.entitlements build.ssh build.cache_from build.cache_to build.no_cache_filter build.secrets build.platforms
  blkio.weight_device blkio.device_read_bps blkio.device_read_iops blkio.device_write_bps blkio.device_write_iops
  service.device_cgroup_rules service.external_links service.group_add service.gpus service.label_file service.security_opt service.volumes_from
  service.pre_start service.post_start service.pre_stop gpu.capabilities gpu.device_ids develop.watch watch.include watch.ignore
  ipam.config reservations.devices reservations.generic_resources placement.constraints placement.preferences model.runtime_flags
'''.split())
# Written by `config`, and of no use to a stack on one host: nothing else reads them.
PRINTED_ONLY = set('''
  build.entitlements weight_device.weight throttle.rate port.app_protocol watch.ignore watch.initial_sync preference.spread
'''.split())


def fail(text):
    failures.append(text)


class Yaml12(yaml.SafeLoader):
    """The core schema of YAML 1.2: `yes` and `1:30` are strings."""
    yaml_implicit_resolvers = {}


Yaml12.add_implicit_resolver('tag:yaml.org,2002:bool', re.compile(r'^(true|false)$'), list('tf'))
Yaml12.add_implicit_resolver('tag:yaml.org,2002:int', re.compile(r'^[-+]?[0-9]+$'), list('-+0123456789'))
Yaml12.add_implicit_resolver('tag:yaml.org,2002:float', re.compile(r'^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$'), list('-+.0123456789'))
Yaml12.add_implicit_resolver('tag:yaml.org,2002:null', re.compile(r'^(null|~|)$'), ['n', '~', ''])


def structures(schema):
    return {'file': schema, **{name: part for name, part in schema['$defs'].items()
                               if 'properties' in part and part.get('additionalProperties') is False}}


def is_list(schema, defs):
    if schema.get('type') == 'array' or schema.get('$ref', '').rpartition('/')[2] in ('texts', 'text_or_texts', 'scalars'):
        return True
    return any(part.get('type') == 'array' for part in schema.get('anyOf', [])) and \
        not any(part.get('type') == 'object' for part in schema.get('anyOf', []))


def check_keys(tree, schema):
    sources = {path.name: path.read_text() for path in (tree / 'src/compose').glob('*.cpp')}
    merged = {rule.split('.')[-1] for rule in re.findall(r'\{"([a-z_.*]+)", \w+\}', sources['merge.cpp'])}
    sources['project.hpp'] = ''.join(path.read_text() for path in (tree / 'include/berth/model').glob('*.hpp'))
    readers = ''.join(text for name, text in sources.items() if name not in ('merge.cpp', 'structures.cpp', 'print.cpp') and not name.startswith('pages'))
    for structure, part in structures(schema).items():
        for key, field in part['properties'].items():
            name = f'{structure}.{key}'
            if len(field.get('description', '')) < 8:
                fail(f'{name}: no description')
            if is_list(field, schema['$defs']) and key not in merged and name not in APPENDED and name.removeprefix('file.') not in APPENDED:
                fail(f'{name}: merge.cpp has no rule for this list, and it is not among those that keep all items')
            if not re.search(rf'\b{key}\b', readers) and name not in PRINTED_ONLY and not is_refused_above(structure, schema, readers):
                fail(f'{name}: no pass reads it')
    for name in sorted(APPENDED | PRINTED_ONLY):
        structure, _, key = name.rpartition('.')
        if key not in structures(schema)[structure or 'file']['properties']:
            fail(f'{name}: there is no such key')


def is_refused_above(structure, schema, readers):
    """The structure is held by a key that is refused or without effect as a whole."""
    holders = [key for part in structures(schema).values() for key, field in part['properties'].items()
               if re.search(rf'"#/\$defs/{structure}"', json.dumps(field))]
    return bool(holders) and all(re.search(rf'"services\.\*\.[a-z_.*]*{key}"', readers) for key in holders)


def config(berth, folder, arguments=(), environment=None):
    done = subprocess.run([berth, *arguments, 'config'], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def corpus_models(berth, corpus, top):
    for line in open(corpus, encoding='utf-8'):
        case = json.loads(line)
        if case['rc'] != 0 or '--no-interpolate' in case['flags'] or any(not isinstance(text, str) for text in case['files'].values()):
            continue
        folder = pathlib.Path(top) / 'corpus' / case['id'] / 'here'
        put = lambda text: text.replace('@DIR@', str(folder)).replace('@PARENT@', str(folder.parent))
        for name, text in case['files'].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        folder.mkdir(parents=True, exist_ok=True)
        code, out, _ = config(berth, folder, [put(a) for a in case['args']],
                              {'PATH': '/usr/bin:/bin', 'HOME': '/home/foo', **{k: put(v) for k, v in case['env'].items()}})
        if code == 0:
            yield case['id'], out


def tree_models(berth, tree):
    for path in sorted([*tree.glob('examples/**/*compose*.y*ml'), *tree.glob('tests/scenarios/*/compose.yaml')]):
        code, out, _ = config(berth, path.parent, ['-f', path.name])
        if code == 0:
            yield str(path.relative_to(tree)), out


def places(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if not (isinstance(key, str) and key.startswith('x-')):
            yield from places(value, path + (key,))


def mutate(model, random_source):
    model = json.loads(json.dumps(model))
    path = random_source.choice([place for place in places(model) if place])
    holder = model
    for step in path[:-1]:
        holder = holder[step]
    value, kind = holder[path[-1]], random_source.randrange(8)
    if kind == 0 and isinstance(value, dict):
        value['unknwon'] = 'a'
    elif kind == 1 and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = [None, True, 7, 1.5, 'word', ['a', 'a'], {'a': 'b'}, [{'a': 'b'}]][kind]
    return model, '.'.join(map(str, path))


# Told by the form of one value. The others look at several, or into a text (a port, a size) further than a schema does.
STRUCTURAL = {'unknown-key', 'missing-key', 'empty-value', 'wrong-type', 'unknown-word'}


def compare_mutations(berth, validator, models, top, count, seed):
    random_source = random.Random(seed)
    seen = {'both': 0, 'none': 0}
    folder = pathlib.Path(top) / 'mutated'
    folder.mkdir()
    for number in range(count):
        model, where = mutate(random_source.choice(models), random_source)
        (folder / 'compose.yaml').write_text(json.dumps(model))
        code, _, err = config(berth, folder, ['--profile', '*'], {'PATH': '/usr/bin:/bin', 'HOME': '/home/foo'})
        codes = set(re.findall(r': error: .* \[([a-z0-9-]+)\]$', err, re.M))
        valid = validator.is_valid(model)
        if codes & STRUCTURAL and valid:
            fail(f'mutation {number} at {where}: the loader refuses what the schema takes:\n{err}{json.dumps(model)[:600]}')
        elif code == 0 and not valid:
            errors = [error.message[:200] for error in validator.iter_errors(model)]
            fail(f'mutation {number} at {where}: the schema refuses what the loader takes: {errors}\n{json.dumps(model)[:600]}')
        else:
            seen['none' if valid else 'both'] += 1
    print(f'{count} mutations with seed {seed}: {seen["both"]} refused by both, {seen["none"]} by neither for its form')


def main():
    tree, berth = pathlib.Path(sys.argv[1]), sys.argv[2]
    path = tree / 'schemas/compose.schema.json'
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    generate = tree / 'src/compose/generate_structures.py'
    if done := subprocess.run([generate, path, '--check', tree / 'src/compose/structure_rows.inc']).returncode:
        fail('structure_rows.inc is old')
    check_keys(tree, schema)
    models = []
    with tempfile.TemporaryDirectory() as top:
        sources = [tree_models(berth, tree)] + ([corpus_models(berth, sys.argv[3], top)] if len(sys.argv) > 3 else [])
        for source in sources:
            for name, text in source:
                model = yaml.load(text, Yaml12)
                models.append(model)
                for error in validator.iter_errors(model):
                    fail(f'{name}: config is not valid at {error.json_path}: {error.message[:300]}')
        print(f'{len(models)} models are valid' if not failures else f'{len(models)} models')
        seed = int(os.environ.get('SEED', '1'))
        compare_mutations(berth, validator, models, top, int(os.environ.get('MUTATIONS', '600')), seed)
    print('\n'.join(failures[:40]))
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
