"""Servers under test: started on a free port, pinned, in a fresh directory, and ended by pid."""
import contextlib
import ctypes
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from bench import wire

START_SECONDS = 60
STOP_SECONDS = 30
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something did not run; the text tells the user what."""


def die_with_parent():
    """For the child, before it becomes the server: even a killed script leaves nothing behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextlib.contextmanager
def on_core(core):
    """Runs the block, in this thread, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server; made by `serving`."""

    def __init__(self, name, words, port, folder):
        self.name = name
        self.port = port
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "output.txt"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, preexec_fn=die_with_parent)
        self.pid = self.process.pid

    def wait_until_ready(self, is_ready):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, Failure):
                if is_ready(self):
                    return
            time.sleep(0.05)
        raise Failure(f"{self.name} did not start; its last words: {self.last_words()}")

    def last_words(self):
        return self.log.read_text(errors="replace")[-600:].strip()

    def command(self, *words, timeout=120):
        """The reply of one command on a connection of its own; numbers come as int, nil as None."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as link:
            link.sendall(wire.command(*words))
            return read_reply(link.makefile("rb"))

    def info(self, section):
        text = self.command("INFO", section)
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def resident_bytes(self):
        return self.memory_line("VmRSS")

    def peak_resident_bytes(self):
        """Since it started, or since forget_peak()."""
        return self.memory_line("VmHWM")

    def forget_peak(self):
        reset_peak = "5"  # proc(5)
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text(reset_peak)

    def memory_line(self, name):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024

    def cpu_seconds(self):
        """User and system time of all its threads."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def read_reply(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise Failure("the server closed the connection")
    mark, rest = line[:1], line[1:-2]
    if mark == b"-":
        raise Failure(f"the server said: {rest.decode(errors='replace')}")
    if mark == b":":
        return int(rest)
    if mark == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
    if mark == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    return rest.decode(errors="replace")


def answers_ping(server):
    return server.command("PING") == "PONG"


def answers_http(server):
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with contextlib.closing(link):
        link.request("GET", "/")
        return link.getresponse().status == 200


@contextlib.contextmanager
def serving(name, words_of, cores, parent, is_ready=answers_ping):
    """Runs the command line `words_of(port, folder)` on `cores` while the block runs. Its data goes
    to a fresh folder below `parent`, which goes away afterwards. `is_ready(server)` tells when it
    serves; until then it may raise OSError or Failure."""
    folder = tempfile.mkdtemp(prefix="compare-", dir=parent)
    server = None
    try:
        port = free_port()
        core_list = ",".join(map(str, cores))
        server = Server(name, ["taskset", "-c", core_list] + words_of(port, folder), port, folder)
        server.wait_until_ready(is_ready)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def ended_by_signals():
    """SIGTERM and SIGHUP unwind like Ctrl-C, so that every block above cleans up."""
    def stop(number, _frame):
        raise SystemExit(128 + number)
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
