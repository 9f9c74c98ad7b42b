#!/usr/bin/env python3
"""An attached up in a real terminal: what is seen, what Ctrl-C does, how it ends. Called by `attached` in its namespaces.

    attached.py BERTH SCRATCH
"""
import os
import re
import subprocess
import sys
import time

from terminal import Terminal

BERTH, SCRATCH = sys.argv[1:3]
failures = []
stacks = []


def stack(name, text):
    path = os.path.join(SCRATCH, name + '.yaml')
    with open(path, 'w') as file:
        file.write('name: %s\n%s' % (name, text))
    stacks.append([BERTH, '-f', path])
    return stacks[-1]


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def check(test):
    begun = time.monotonic()
    try:
        test()
        print('ok: %s (%.1f s)' % (test.__doc__, time.monotonic() - begun))
    except AssertionError as error:
        failures.append(test.__name__)
        print('FAILED: %s\n%s' % (test.__doc__, error))
    finally:
        for berth in stacks:
            run(*berth, 'down', '-t', '0')
        stacks.clear()


def expect(condition, terminal):
    if not condition:
        raise AssertionError('the screen is\n' + terminal.screen.all_text())


TALKERS = '''services:
  db:
    image: busybox
    command: sh -c "trap 'echo db stops; exit 0' TERM; echo db ready; sleep 1000 & wait"
  frontend:
    image: busybox
    depends_on: [db]
    command: sh -c "trap 'echo frontend stops; exit 0' TERM; echo frontend ready; sleep 1000 & wait"
'''


def graceful():
    """Ctrl-C once: lines and picture, a graceful stop in reverse order, exit code 130"""
    berth = stack('talkers', TALKERS)
    with Terminal(berth + ['up'], columns=70, rows=20) as terminal:
        terminal.wait_for('frontend-1  | frontend ready')
        terminal.wait_for('db-1        | db ready')
        terminal.wait_for('Attaching to db-1, frontend-1')
        terminal.type('\x03')
        code = terminal.exit_code()
        text = terminal.screen.all_text()
        expect(code == 130, terminal)
        expect('Gracefully stopping... (press Ctrl+C again to force)' in text, terminal)
        expect(text.index('frontend stops') < text.index('db stops'), terminal)
        expect('db-1 exited with code 0' in text, terminal)
        expect('✔ Container talkers-db-1        Stopped' in text, terminal)
        expect('✔ 2 containers stopped' in text, terminal)
        expect(terminal.screen.cursor_shown, terminal)
        expect('\x1b[36mdb-1' in terminal.raw and '\x1b[33mfrontend-1' in terminal.raw, terminal)
    expect(run(*berth, 'ps', '-q').stdout == '', terminal)
    expect(run(*berth, 'ps', '-a', '-q').stdout.count('\n') == 2, terminal)


def forced():
    """Ctrl-C twice: killed, exit code 130"""
    berth = stack('stubborn', '''services:
  deaf:
    image: busybox
    stop_grace_period: 1h
    command: sh -c "trap '' TERM; echo deaf; while true; do sleep 1; done"
''')
    with Terminal(berth + ['up']) as terminal:
        terminal.wait_for('deaf-1  | deaf')
        terminal.type('\x03')
        terminal.wait_for('Gracefully stopping')
        terminal.type('\x03')
        expect(terminal.exit_code() == 130, terminal)
        expect('deaf-1 exited with code 137' in terminal.screen.all_text(), terminal)


def interrupted_wait():
    """Ctrl-C while a dependency is waited for: what has started is stopped, what waited never runs"""
    berth = stack('waiting', '''services:
  db:
    image: busybox
    command: sh -c "trap 'exit 0' TERM; sleep 1000 & wait"
    healthcheck: {test: ["CMD", "false"], interval: 100ms, retries: 10000}
  web:
    image: busybox
    depends_on: {db: {condition: service_healthy}}
    command: sh -c "echo never"
''')
    with Terminal(berth + ['up'], columns=90) as terminal:
        terminal.wait_until(lambda: re.search(r'waiting-db-1 +Waiting', terminal.screen.text()), 'db waited for')
        terminal.wait_for('probe')
        terminal.type('\x03')
        expect(terminal.exit_code() == 130, terminal)
        expect('never' not in terminal.screen.all_text(), terminal)
    expect(run(*berth, 'ps', '-q').stdout == '', terminal)


def exit_codes():
    """--exit-code-from waits for its service, not for a one-shot that succeeds; --abort-on-container-exit for the first"""
    berth = stack('tests', '''services:
  migrate: {image: busybox, command: "true"}
  db: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
  tests:
    image: busybox
    depends_on: {migrate: {condition: service_completed_successfully}, db: {condition: service_started}}
    command: sh -c "echo testing; sleep 0.3; exit 7"
''')
    result = run(*berth, 'up', '--exit-code-from', 'tests')
    assert result.returncode == 7, result
    assert 'tests-1    | testing' in result.stdout and 'migrate-1 exited with code 0' in result.stdout, result
    assert run(*berth, 'ps', '-q').stdout == ''
    assert run(*berth, 'up', '--abort-on-container-exit', '--no-attach', 'tests', 'db', 'tests').returncode in (0, 7)


def shown_services():
    """--attach, --no-attach and `attach: false` choose whose lines are shown"""
    berth = stack('choice', '''services:
  one: {image: busybox, command: echo from one}
  two: {image: busybox, command: echo from two}
  three: {image: busybox, command: echo from three, attach: false}
''')
    for flags, wanted in [([], {'one', 'two'}), (['--attach', 'three'], {'three'}), (['--no-attach', 'one'], {'two'}),
                          (['--no-attach', 'one', '--no-attach', 'two'], set())]:
        result = run(*berth, 'up', '--force-recreate', *flags)
        assert result.returncode == 0, result
        assert set(re.findall(r'\| from (\w+)', result.stdout)) == wanted, (flags, result.stdout)
    assert run(*berth, 'up', '--attach', 'tow').returncode == 1


def small_terminal():
    """A stack that is higher than the terminal, which gets narrower meanwhile: every line of text above it is kept"""
    berth = stack('many', 'services:\n' + ''.join(
        '  service%02d: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}\n' % i for i in range(30)))
    with Terminal(['sh', '-c', 'echo before; "$@"; echo after', 'sh'] + berth + ['up', '-d'], columns=60, rows=10) as terminal:
        terminal.wait_for('[+] Running')
        terminal.resize(40, 10)
        expect(terminal.exit_code() == 0, terminal)
        lines = terminal.screen.all_text().strip().split('\n')
        expect(lines[0] == 'before' and lines[-1] == 'after', terminal)
        expect(sum('Started' in line for line in lines) == 30, terminal)
        expect('✔ 30 containers started; 1 network created' in ''.join(lines[-3:]), terminal)


def differences(numbers):
    """Where a row of numbers does not count up by one, the first few places."""
    return [(at, numbers[at - 1], numbers[at]) for at in range(1, len(numbers)) if numbers[at] != numbers[at - 1] + 1][:10]


def flood():
    """A flood of lines through a slow terminal: none is lost, none is doubled"""
    berth = stack('flood', '''services:
  loud: {image: busybox, command: seq 1 200000}
''')
    with Terminal(berth + ['up', '--no-log-prefix'], patience=60) as terminal:
        terminal.screen.write = lambda text: None  # only the bytes count
        code = terminal.exit_code()
        # Lines that come while the picture still stands have its escape sequences before them.
        text = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]|\r', '', terminal.raw)
        numbers = [int(line) for line in re.findall(r'^(\d+)$', text, re.M)]
        assert code == 0, code
        assert numbers == list(range(1, 200001)), (len(numbers), differences(numbers))


def plain_modes():
    """Without a terminal: no escape sequence; quiet says nothing; json is one object a line"""
    berth = stack('plain', 'services: {a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}}\n')
    result = run(*berth, 'up', '-d')
    assert '\x1b' not in result.stderr and ' Container plain-a-1  Started\n' in result.stderr, result
    assert run(berth[0], '--progress', 'quiet', *berth[1:], 'up', '-d', '--force-recreate').stderr == ''
    import json
    result = run(berth[0], '--progress', 'json', *berth[1:], 'down')
    steps = [json.loads(line) for line in result.stderr.splitlines()]
    assert steps[-1]['status'] == 'Removed' and steps[0]['id'] == 'Container plain-a-1', steps
    with Terminal([berth[0], '--ansi', 'never'] + berth[1:] + ['up', '-d']) as terminal:
        expect(terminal.exit_code() == 0 and '\x1b' not in terminal.raw, terminal)
    with Terminal(berth + ['up', '-d', '--force-recreate'], environment={'NO_COLOR': '1'}) as terminal:
        expect(terminal.exit_code() == 0, terminal)
        expect('\x1b[32m' not in terminal.raw and '✔ 1 container replaced' in terminal.screen.text(), terminal)


for test in (graceful, forced, interrupted_wait, exit_codes, shown_services, small_terminal, flood, plain_modes):
    check(test)
sys.exit(bool(failures))
