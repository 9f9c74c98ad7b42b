#!/usr/bin/env python3
"""generate_structures.py SCHEMA [--check FILE]: the rows of structures.cpp from schemas/compose.schema.json.

What a key holds is the name of the definition that it refers to ("#/$defs/duration"); `required`, `enum`, `minimum`, `maximum`,
`uniqueItems` and an alternative `null` become marks. Prints structure_rows.inc, or fails where FILE is something else.
"""
import json
import sys

LETTERS = {
    'text': 's', 'flag': 'b', 'flag_or_none': 'B', 'strict_flag': 'g', 'strict_flag_or_none': 'G', 'integer': 'i',
    'integer_or_none': 'I', 'whole_part': 'w', 'whole_number': 'W', 'number': 'f', 'size': 'y', 'whole_size': 'Y',
    'size_text': 'z', 'duration': 'D', 'pause': 'd', 'texts': 'S', 'text_or_texts': 'L', 'scalars': 'K', 'pairs': 'P', 'pairs_or_none': 'E',
    'named_texts': 'N', 'text_map': 'T', 'option_map': 'm', 'loose_options': 'M', 'hosts': 'H', 'command': 'C',
    'integer_text': 'n', 'flag_text': 'o', 'file_mode': 'O',
}
MANY = {'items': '[{}]', 'patternProperties': '<{}>', 'additionalProperties': '<{}>'}


def referred(schema, form='{}'):
    """(kind, name) of each definition that is referred to: as itself, as an item, or as a value of a map."""
    if not isinstance(schema, dict):
        return
    if '$ref' in schema:
        yield form, schema['$ref'].removeprefix('#/$defs/')
    for part in schema.get('anyOf', []):
        yield from referred(part, form)
    for key, many in MANY.items():
        inner = schema.get(key)
        for part in inner.values() if key == 'patternProperties' and inner else [inner]:
            yield from referred(part, many)


def shape(schema, structures):
    found = list(referred(schema))
    for form, name in found:
        if name in structures:
            return '{' + name + '}' if form == '{}' else form.format(name)
    shapes = [LETTERS[name] for form, name in found if form == '{}']
    # One shape alone (or none) is all that the table can say; other alternatives are special().
    plain = '$ref' in schema or {'type': 'null'} in schema.get('anyOf', [])
    return shapes[0] if len(shapes) == 1 and plain else 'X'


def word(name, schema, required, structures):
    text = f'{name}:{shape(schema, structures)}'
    if name in required:
        text += '!'
    if {'type': 'null'} in schema.get('anyOf', []):
        text += '?'
    if schema.get('uniqueItems'):
        text += '%'
    if 'enum' in schema:
        text += '=' + '|'.join(schema['enum'])
    for key, mark in ('minimum', '>'), ('maximum', '<'):
        if key in schema:
            text += f'{mark}{schema[key]}'
    return text


def rows(schema):
    structures = {name: part for name, part in schema['$defs'].items()
                  if 'properties' in part and part.get('additionalProperties') is False}
    for name, part in {'file': schema, **structures}.items():
        words = [word(key, field, part.get('required', []), structures) for key, field in part['properties'].items()]
        lines, line = [], ''
        for one in words:
            if line and len(line) + len(one) > 108:
                lines.append(line)
                line = ''
            line += one + ' '
        lines.append(line.rstrip())
        yield f'{{"{name}",\n' + '\n'.join(f' "{text}"' for text in lines) + '},\n'


def main():
    schema = json.load(open(sys.argv[1], encoding='utf-8'))
    text = '// Made from schemas/compose.schema.json by src/compose/generate_structures.py; tests/golden compares.\n' + ''.join(rows(schema))
    if len(sys.argv) == 2:
        return sys.stdout.write(text) and None
    if open(sys.argv[3], encoding='utf-8').read() != text:
        return f'{sys.argv[3]} is not what {sys.argv[1]} gives: run\n  {sys.argv[0]} {sys.argv[1]} > {sys.argv[3]}'


if __name__ == '__main__':
    sys.exit(main())
