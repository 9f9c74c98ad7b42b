#!/usr/bin/env python3
"""Reads the sources for what must not be there: programs run by a shell, braces or lambdas in the argument list of a co_await
(GCC 12 frees such temporaries twice), words that smell of a stub, a module without a README."""
import pathlib
import re
import sys

SHELL = re.compile(r'(?<![\w.>:])(?:std::)?(?:system|popen)\s*\(')
STUB = re.compile(r'\b(TODO|FIXME|XXX|HACK|unimplemented)\b')


def without_comments_and_strings(text):
    def blank(match):
        kept = re.sub(r'[^\n]', ' ', match.group(0))
        return '""' + kept[2:] if match.group(0)[0] == '"' and len(kept) > 1 else kept
    return re.sub(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', blank, text, flags=re.S)


def main():
    top = pathlib.Path(sys.argv[1])
    problems = []
    for path in sorted(top.glob('src/**/*.[ch]pp')) + sorted(top.glob('include/**/*.hpp')):
        short, text = path.relative_to(top), path.read_text()
        code = without_comments_and_strings(text)
        line_of = lambda at: text.count('\n', 0, at) + 1
        for match in SHELL.finditer(code):
            before = code[:match.start()].rstrip()
            if not before.endswith('static Error') and 'Error::' not in before[-8:]:
                problems.append(f'{short}:{line_of(match.start())}: runs a program by a shell')
        for match in STUB.finditer(text):
            problems.append(f'{short}:{line_of(match.start())}: `{match.group(0)}`')
        for match in re.finditer(r'\bco_await\b[^;]*;', code, re.S):
            if re.search(r'[{]|\[[^\]]*\]\s*\(', match.group(0)):
                problems.append(f'{short}:{line_of(match.start())}: braces or a lambda inside a co_await statement')
    for module in sorted(p for p in (top / 'src').iterdir() if p.is_dir() and p.name != 'decisions'):
        if any(module.iterdir()) and not (module / 'README.md').exists():
            problems.append(f'src/{module.name}: has no README.md')
    print('\n'.join(problems) or 'nothing found')
    return 1 if problems else 0


sys.exit(main())
