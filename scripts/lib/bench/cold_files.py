"""A topic's files without the page cache: how fast they can be read at all."""
import os
import pathlib
import shutil
import subprocess
import time

from bench.processes import Failure

CHUNK = 1 << 20
# Virtual machines may hand memory that has been free for a few seconds back to their host, which
# makes its next use several times slower. After such a pause whoever reads first finds what the
# next one finds.
PAUSE_SECONDS = 5


def free_bytes(folder):
    return shutil.disk_usage(folder).free


def of_topic(folder, topic):
    """The files with the records of partition 0, in the order of their offsets."""
    files = sorted(pathlib.Path(folder).glob(f"**/{topic}/0/*.log"))
    if not files:
        raise Failure(f"there are no files of the topic '{topic}' below {folder}")
    return files


def forget(files):
    """Writes them to the disk and drops them from the page cache."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    left, size = cached_bytes(files), sum(file.stat().st_size for file in files)
    if left > size / 20:
        raise Failure(f"the page cache keeps {left} of {size} bytes that it was told to forget")
    time.sleep(PAUSE_SECONDS)


def cached_bytes(files):
    done = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *files],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"fincore: {done.stderr.strip()}")
    return sum(map(int, done.stdout.split()))


def read(files):
    """Reads one after the other."""
    buffer, total, started = bytearray(CHUNK), 0, time.monotonic()
    for file in files:
        with open(file, "rb", buffering=0) as stream:
            while size := stream.readinto(buffer):
                total += size
    return {"per_second": total / (time.monotonic() - started), "bytes": total, "load_cpu": None}
