"""A terminal for tests: runs a program in a pty and keeps what a person would see. Waits for what is to be seen, never for time.

    with Terminal([berth, "up"], columns=60, rows=12) as terminal:
        terminal.wait_for("web-1  | hello")
        terminal.type("\\x03")
        assert terminal.exit_code() == 130
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPE = re.compile(r'\x1b\[([?0-9;]*)([@-~])')


class Screen:
    """Cells of a terminal that knows what programs here write: text, CR, LF, cursor up, clearing, colours."""

    def __init__(self, columns, rows):
        self.columns, self.height = columns, rows
        self.rows, self.row, self.column = [[]], 0, 0
        self.scrolled = []
        self.cursor_shown = True

    def write(self, text):
        position = 0
        while position < len(text):
            match = ESCAPE.match(text, position)
            if match:
                self.escape(match.group(1), match.group(2))
                position = match.end()
                continue
            character = text[position]
            position += 1
            if character == '\r':
                self.column = 0
            elif character == '\n':
                self.newline()
            elif character >= ' ':
                self.put(character)

    def escape(self, parameters, what):
        if what == 'A':
            self.row = max(0, self.row - int(parameters or 1))
        elif what == 'K':
            del self.rows[self.row][self.column:]
        elif what == 'J':
            del self.rows[self.row][self.column:]
            del self.rows[self.row + 1:]
        elif parameters == '?25':
            self.cursor_shown = what == 'h'

    def newline(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])
        if len(self.rows) > self.height:
            self.scrolled.append(''.join(self.rows.pop(0)))
            self.row -= 1

    def put(self, character):
        if self.column == self.columns:
            self.column = 0
            self.newline()
        row = self.rows[self.row]
        row.extend(' ' * (self.column + 1 - len(row)))
        row[self.column] = character
        self.column += 1

    def resize(self, columns):
        """As terminals that reflow do it: what is too wide for a row is wrapped."""
        rows, cursor = [], 0
        for number, row in enumerate(self.rows):
            if number == self.row:
                cursor = len(rows)
            while row and row[-1] == ' ':
                row.pop()
            rows += [row[at:at + columns] for at in range(0, max(1, len(row)), columns)]
        self.columns, self.rows, self.row = columns, rows, cursor
        while len(self.rows) > self.height:
            self.scrolled.append(''.join(self.rows.pop(0)))
            self.row -= 1

    def text(self):
        return '\n'.join(''.join(row).rstrip() for row in self.rows).rstrip()

    def all_text(self):
        return '\n'.join(line.rstrip() for line in self.scrolled) + '\n' + self.text()


class Terminal:
    def __init__(self, argv, columns=80, rows=24, environment=None, patience=20):
        self.screen, self.raw, self.patience = Screen(columns, rows), '', patience
        self.decoder = codecs.getincrementaldecoder('utf-8')('replace')
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            os.execvpe(argv[0], argv, dict(os.environ, TERM='xterm-256color', **(environment or {})))
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)

    def resize(self, columns, rows):
        """Before anything more is written; the number of rows stays."""
        self.screen.resize(columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def read(self, deadline):
        """False at the end of the program's output."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.master], [], [], left)[0]:
            raise AssertionError('nothing more came; the screen is\n' + self.screen.all_text())
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the last writer has closed
            return False
        text = self.decoder.decode(data)
        self.raw += text
        self.screen.write(text)
        return bool(data)

    def wait_for(self, text):
        self.wait_until(lambda: text in self.screen.all_text(), text)

    def wait_until(self, holds, what):
        deadline = time.monotonic() + self.patience
        while not holds():
            if not self.read(deadline):
                raise AssertionError('it ended before `%s`; the screen is\n%s' % (what, self.screen.all_text()))

    def type(self, text):
        os.write(self.master, text.encode())

    def exit_code(self):
        deadline = time.monotonic() + self.patience
        while self.read(deadline):
            pass
        self.status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(self.status)
