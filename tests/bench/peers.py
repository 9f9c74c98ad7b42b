"""Other programs that bring stacks up, beside ours, in turn (A B A B) on the same files: Debian's docker.io + docker-compose, podman +
podman-compose, and the runtimes crun and runc by themselves. Each by its absolute path, with stores and sockets of its own below
the scratch directory, in the bench's network and mount namespaces. What cannot run here is listed with its reason."""
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import tarfile
import time
from pathlib import Path

from timed import Failed, timed

ONE = "one container that runs `true`"


class Contestant:
    """Commands as lists; None where it has none of the kind."""
    up = down = ps = execute = config = one = None
    name = ""
    needs = ()

    def __init__(self, scratch):
        self.scratch = scratch / self.name.replace(" ", "")
        self.scratch.mkdir()
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.scratch), "LANG": "C.UTF-8"}

    def start(self, image):
        """Makes it ready, with the image of the archive in its store."""

    def stop(self):
        """Leaves nothing of it."""

    def versions(self):
        return ", ".join(version_of(program) for program in self.needs)

    def must(self, *command):
        return timed(list(command), self.environment, self.scratch / "output")


def version_of(program):
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    # podman-compose says podman's first.
    number = re.search(rf"{os.path.basename(program)}\w* version:? +(\d+\.\d+[\w.+~-]*)", said) or re.search(r"(\d+\.\d+[\w.+~-]*)", said)
    return f"{program} {number.group(1).rstrip('.') if number else '?'}"


class Berth(Contestant):
    name = "berth"

    def __init__(self, scratch, program, environment, version):
        super().__init__(scratch)
        self.program, self.environment, self.version = program, environment, version
        self.up = lambda file: [program, "-f", file, "up", "-d"]
        self.down = lambda file: [program, "-f", file, "down"]
        self.ps = lambda file: [program, "-f", file, "ps"]
        self.execute = lambda file: [program, "-f", file, "exec", "-T", "s1", "true"]
        self.config = lambda file: [program, "-f", file, "config"]
        self.one = lambda file: [program, "-f", file, "run", "--rm", "-T", "--no-deps", "s1", "true"]

    def versions(self):
        return f"{self.program} {self.version}"


class Docker(Contestant):
    name = "docker-compose"
    needs = ("/usr/sbin/dockerd", "/usr/bin/docker", "/usr/bin/docker-compose")
    daemon = None

    def start(self, image):
        self.socket = f"unix://{self.scratch}/docker.sock"
        self.environment["DOCKER_HOST"] = self.socket
        self.log = open(self.scratch / "dockerd.log", "wb")
        self.daemon = subprocess.Popen(
            ["/usr/sbin/dockerd", "--data-root", self.scratch / "data", "--exec-root", self.scratch / "exec", "--host", self.socket,
             "--pidfile", self.scratch / "pid", "--cgroup-parent", "/berth-bench"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        end = time.monotonic() + 60
        while subprocess.run(["/usr/bin/docker", "version"], env=self.environment, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, check=False).returncode != 0:
            if self.daemon.poll() is not None or time.monotonic() > end:
                lines = (self.scratch / "dockerd.log").read_text(errors="replace").strip().split("\n")
                raise Failed("dockerd does not start: " + lines[-1])
            time.sleep(0.2)
        self.must("/usr/bin/docker", "load", "-i", str(image))
        compose = "/usr/bin/docker-compose"
        self.up = lambda file: [compose, "-f", file, "up", "-d"]
        self.down = lambda file: [compose, "-f", file, "down"]
        self.ps = lambda file: [compose, "-f", file, "ps"]
        self.execute = lambda file: [compose, "-f", file, "exec", "-T", "s1", "true"]
        self.config = lambda file: [compose, "-f", file, "config"]
        self.one = lambda file: ["/usr/bin/docker", "run", "--rm", "busybox", "true"]

    def stop(self):
        if self.daemon is None:
            return
        self.daemon.terminate()
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        self.log.close()
        remove_groups("berth-bench")


class Podman(Contestant):
    name = "podman-compose"
    needs = ("/usr/bin/podman", "/usr/bin/podman-compose", "/usr/bin/crun")

    def start(self, image):
        if not Path("/usr/lib/cni/bridge").exists() and not Path("/usr/lib/podman/netavark").exists():
            raise Failed("it has no network back end: containernetworking-plugins or netavark")
        # Its defaults for these limits are above what root may set here.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        processes = 8192 if processes == resource.RLIM_INFINITY else min(8192, processes)
        settings = {
            "CONTAINERS_STORAGE_CONF": f'[storage]\ndriver = "overlay"\ngraphroot = "{self.scratch}/graph"\nrunroot = "{self.scratch}/run"\n',
            "CONTAINERS_CONF": f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
                               f'[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{self.scratch}/tmp"\n'
                               f'[network]\nnetwork_config_dir = "{self.scratch}/net"\n'}
        for variable, text in settings.items():
            path = self.scratch / variable.lower()
            path.write_text(text)
            self.environment[variable] = str(path)
        self.must("/usr/bin/podman", "load", "-i", str(image))
        compose = "/usr/bin/podman-compose"
        self.up = lambda file: [compose, "-f", file, "up", "-d"]
        self.down = lambda file: [compose, "-f", file, "down"]
        self.ps = lambda file: [compose, "-f", file, "ps"]
        self.execute = lambda file: [compose, "-f", file, "exec", "-T", "s1", "true"]
        self.one = lambda file: ["/usr/bin/podman", "run", "--rm", "busybox", "true"]
        self.must(*self.one(None))

    def stop(self):
        remove_groups("libpod_parent")
        for mounted in sorted(mounts_below(self.scratch), reverse=True):
            subprocess.run(["umount", "-l", mounted], check=False)


class Runtime(Contestant):
    """A bundle with the image's files; no network, no image store, nobody who looks after it."""

    def __init__(self, scratch, name):
        self.name = name
        self.needs = (f"/usr/bin/{name}",) if name == "crun" else ("/usr/sbin/runc",)
        super().__init__(scratch)

    def start(self, image):
        program, bundle = self.needs[0], self.scratch / "bundle"
        (bundle / "rootfs").mkdir(parents=True)
        unpack_image(image, bundle / "rootfs")
        subprocess.run([program, "spec"], cwd=bundle, env=self.environment, check=True)
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"].update(terminal=False, args=["true"])
        spec["process"].pop("rlimits", None)  # root may not raise them here
        (bundle / "config.json").write_text(json.dumps(spec))
        self.one = lambda file: [program, "--root", str(self.scratch / "state"), "run", "--bundle", str(bundle), "bench"]
        self.must(*self.one(None))


def unpack_image(archive, directory):
    with tarfile.open(archive) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(directory)


def mounts_below(directory):
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if line.split()[4].startswith(str(directory) + "/")]


def remove_groups(name):
    """Cgroups that a peer made and leaves."""
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        for directory, _, _ in os.walk(hierarchy / name, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass


class Comparison:
    def __init__(self, options, scratch, berth, stack_of, wait_until_quiet):
        self.options, self.scratch, self.berth = options, scratch, berth
        self.stack_of, self.wait_until_quiet = stack_of, wait_until_quiet
        self.contestants, self.absent, self.figures = [berth], [], {}
        self.up = []  # (contestant, stack) to take down when something fails

    def prepare(self):
        # crun refuses controllers in the unified hierarchy beside those of version 1. For all alike, in this namespace only.
        if os.path.ismount("/sys/fs/cgroup/unified"):
            subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)
        image = self.scratch / "busybox.tar"
        timed([self.berth.program, "image", "save", "busybox", "-o", str(image)], self.berth.environment, self.scratch / "output")
        for peer in (Docker(self.scratch), Podman(self.scratch), Runtime(self.scratch, "crun"), Runtime(self.scratch, "runc")):
            missing = [program for program in peer.needs if not os.access(program, os.X_OK)]
            try:
                if missing:
                    raise Failed(f"{missing[0]} is not installed")
                peer.start(image)
                self.contestants.append(peer)
            except (Failed, OSError, subprocess.CalledProcessError, KeyError) as reason:
                peer.stop()
                self.absent.append((peer.name, " ".join(str(reason).split())))

    def add(self, what, contestant, command):
        took = timed(command, contestant.environment, self.scratch / "output")
        self.figures.setdefault(what, {}).setdefault(contestant.name, []).append(took)

    def one_size(self, size):
        stack, services = self.stack_of(size), f"{size} service" + ("s" if size > 1 else "")
        for _ in range(self.options.repeat):
            for contestant in self.contestants:
                if contestant.up is None:
                    continue
                self.up.append((contestant, stack))
                self.add(f"up -d, {services}", contestant, contestant.up(stack))
                self.add(f"ps, {services}", contestant, contestant.ps(stack))
                if size == self.options.sizes[0]:
                    self.add("exec -T SERVICE true", contestant, contestant.execute(stack))
                self.add(f"down, {services}", contestant, contestant.down(stack))
                self.up.pop()
                self.wait_until_quiet()

    def all(self):
        for size in self.options.sizes:
            self.one_size(size)
        fifty, one = self.stack_of(50), self.stack_of(1)
        for _ in range(self.options.repeat):
            for contestant in self.contestants:
                if contestant.config is not None:
                    self.add("config, 50 services", contestant, contestant.config(fifty))
        timed(self.berth.up(one), self.berth.environment, self.scratch / "output")  # so that its supervisor is there, as a daemon is
        for _ in range(self.options.repeat):
            for contestant in self.contestants:
                self.add(ONE, contestant, contestant.one(one))
        timed(self.berth.down(one), self.berth.environment, self.scratch / "output")

    def clean_up(self):
        for contestant, stack in self.up:
            subprocess.run(contestant.down(stack), env=contestant.environment, check=False, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        for contestant in self.contestants:
            contestant.stop()

    def table(self):
        """Markdown, as the README has it."""
        names = [contestant.name for contestant in self.contestants]
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}, Linux {platform.release()}; "
              f"medians of {self.options.repeat}, in turn; milliseconds, and how many times berth's")
        print()
        print("| | " + " | ".join(names) + " |")
        print("|---" * (len(names) + 1) + "|")
        for what, figures in self.figures.items():
            own = statistics.median(figures["berth"])
            cells = [f"{own:.0f}" if own >= 10 else f"{own:.1f}"]
            for name in names[1:]:
                median = statistics.median(figures[name]) if name in figures else None
                cells.append("" if median is None else f"{median:.0f} ({median / own:.1f} ×)")
            print(f"| {what} | " + " | ".join(cells) + " |")
        print()
        for contestant in self.contestants:
            print(f"{contestant.name}: {contestant.versions()}")
        for name, reason in self.absent:
            print(f"{name}: not measured, {reason}")
