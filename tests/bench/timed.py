"""A program's whole run, timed as a shell would see it."""
import os
import time


class Failed(Exception):
    pass


def timed(command, environment, output_file):
    """Runs it, output into the file, and returns how long it took, in ms."""
    with open(output_file, "w+b") as output:
        files = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                 (os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, environment, file_actions=files)
        _, status = os.waitpid(pid, 0)
        took = (time.perf_counter() - start) * 1000
        if status != 0:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise Failed(f"`{' '.join(command)}` ended with status {status}:\n{said}")
    return took
