"""Samples of a running server, from perf or callgrind, by area of the program."""
import collections
import contextlib
import dataclasses
import pathlib
import re
import shutil
import signal
import subprocess

from bench.processes import Failure, die_with_parent

# The first pattern that a sample's function matches gives its area; functions that match none
# belong to the area of their nearest caller that does. Inlined functions count as their callers.
AREAS = [
    ("ring", r"flashdb::Ring::|io_uring_|ReceiveBuffers"),
    ("parsing", r"RequestParser|ReadHeader|SplitInline|ScanCommand|Classify|ResolveCommand|"
                r"FillRun|SlotOf|KeySlot|Crc16"),
    ("map", r"HashTable|Keyspace|Entry|SlotMap"),
    ("log", r"LogWriter|FrameBuffer|SegmentPool|Crc32c|crc32_iscsi|EffectSink|CommitQueue"),
    ("replies", r"ReplyWriter|Connection::(Flush|OnSent|AddGate|Releasable|FinishRun)|FlushOutput"),
    ("mail", r"Mailbox|MailQueue"),
    ("commands", r"flashdb::\(anonymous namespace\)::(Get|Set)|ExecuteRun|StartRun|ObserveCommand|"
                 r"RunCommands|flashdb::Run"),
]
KERNEL = [
    ("kernel: disk", r"ext4|xfs|btrfs|blk_|submit_bio|iomap|generic_file|vfs_write|io_write|fsync|"
                     r"virtio_queue_rq|virtblk|copy_page_from_iter"),
    ("kernel: TCP", r"tcp_|inet_|sock_|ip_|skb_|__sk|sk_|net_rx|dev_queue|loopback|napi|io_send|"
                    r"io_recv|softirq"),
    ("kernel: other", r""),
]


@dataclasses.dataclass
class Samples:
    areas: collections.Counter
    functions: collections.Counter

    @property
    def total(self):
        return sum(self.areas.values())


def perf_works():
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "record", "-g", "-o", "/dev/null", "true"],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def choose_tool(wanted):
    if wanted in ("auto", "perf") and perf_works():
        return "perf"
    if wanted == "perf":
        raise Failure("perf is missing or not permitted: install linux-perf, and see "
                      "sysctl kernel.perf_event_paranoid")
    if not shutil.which("valgrind"):
        raise Failure("neither perf nor valgrind can be used: run scripts/deps bench")
    return "callgrind"


@contextlib.contextmanager
def recording(pid, path):
    """perf samples the process `pid`, kernel and user side, while the block runs."""
    words = ["perf", "record", "-g", "-F", "1999", "-o", str(path), "-p", str(pid)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, preexec_fn=die_with_parent) as perf:
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            _, errors = perf.communicate(timeout=60)
    if not path.exists():
        raise Failure(f"perf recorded nothing: {errors.decode(errors='replace')[-400:]}")


def callgrind_words(path):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={path}", "--quiet"]


def area_of(frames):
    """The area of a call chain, innermost frame first; frames are (function, in the kernel)."""
    if not frames:
        return "other"
    names = AREAS
    if frames[0][1]:
        names = KERNEL
        frames = [frame for frame in frames if frame[1]]
    for function, _ in frames:
        for area, pattern in names:
            if pattern and re.search(pattern, function):
                return area
    return "kernel: other" if names is KERNEL else "other"


FRAME = re.compile(r"^\s+([0-9a-f]+)\s+(.*)\s+\((.*)\)$")


def read_perf(path):
    # --no-inline: resolving inlined frames takes minutes.
    words = ["perf", "script", "--no-inline", "-i", str(path), "-F", "ip,sym,dso"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=300, check=False)
    if done.returncode != 0:
        raise Failure(f"perf script: {done.stderr[-400:]}")
    areas, functions = collections.Counter(), collections.Counter()
    for sample in done.stdout.split("\n\n"):
        frames = [(match[2], "kernel" in match[3] or match[3].endswith(".ko"))
                  for match in map(FRAME.match, sample.splitlines()) if match]
        if frames:
            areas[area_of(frames)] += 1
            functions[frames[0][0] + (" [kernel]" if frames[0][1] else "")] += 1
    return Samples(areas, functions)


# Where valgrind loads a position-independent program. Its older versions can't read the symbols of
# one with two writable segments and name functions by address.
VALGRIND_BASE = 0x108000


def symbols_of(program):
    """{address: name} of the functions of `program`, without their arguments."""
    done = subprocess.run(["nm", "-C", "--defined-only", program], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    names = {}
    for line in done.stdout.splitlines():
        address, _, name = line.split(" ", 2)
        bare = name.replace("(anonymous namespace)", "{anonymous}").partition("(")[0]
        names[int(address, 16)] = bare.replace("{anonymous}", "(anonymous namespace)")
    return names


COST = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+(?:\S*?:)?(.*?)(?: \[.*\])?$")


def read_callgrind(path, program):
    symbols = symbols_of(program)
    words = ["callgrind_annotate", "--threshold=99.5", str(path)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode != 0:
        raise Failure(f"callgrind_annotate: {done.stderr[-400:]}")
    areas, functions = collections.Counter(), collections.Counter()
    for line in done.stdout.splitlines():
        match = COST.match(line)
        if match and "PROGRAM TOTALS" not in line:
            cost = int(match[1].replace(",", ""))
            name = match[2]
            if name.startswith("0x"):
                name = symbols.get(int(name, 16) - VALGRIND_BASE, name)
            areas[area_of([(name, False)])] += cost
            functions[name] += cost
    return Samples(areas, functions)


def read(tool, folder, program):
    if tool == "perf":
        return read_perf(folder / "perf.data")
    return read_callgrind(folder / "callgrind.out", program)


def keep(tool, folder, target):
    shutil.copy(folder / ("perf.data" if tool == "perf" else "callgrind.out"),
                pathlib.Path(target))


def table(found, top):
    def lines(counter, most):
        return [f"{100 * count / max(1, found.total):6.1f} %  {name}"
                for name, count in counter.most_common(most)]
    return "\n".join(["", *lines(found.areas, None), "", *lines(found.functions, top)])
