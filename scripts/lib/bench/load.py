"""The load generators: flashdb-load, and memtier_benchmark where it is installed."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from bench.processes import Failure, die_with_parent

# Beyond the time that was asked for: connecting, and filling ten million keys on a slow disk.
GRACE_SECONDS = 300


def run(words, seconds):
    """Runs a load generator to its end; its standard output."""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as process:
        try:
            output, errors = process.communicate(timeout=seconds + GRACE_SECONDS)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise Failure(f"{pathlib.Path(words[0]).name} exited with {process.returncode}: "
                      f"{errors.strip()[-600:]}")
    return output


class FlashLoad:
    """flashdb-load, pinned to one core."""
    name = "flashdb-load"

    def __init__(self, binary, core):
        self.binary = binary
        self.core = core

    def run(self, server, *, seconds, keys, pipeline=1, connections=50, set_share=100 / 11,
            readers=0, writers=0, fill=True, value_size=32):
        words = [str(self.binary), "--json", "--port", str(server.port), "--server-pid",
                 str(server.pid), "--cpu", str(self.core), "--seconds", str(seconds),
                 "--warmup-seconds", "1" if seconds else "0", "--keys", str(keys), "--pipeline",
                 str(pipeline), "--connections", str(connections), "--set-share", str(set_share),
                 "--value-size", str(value_size), "--readers", str(readers), "--writers",
                 str(writers)]
        if fill:
            words.append("--fill")
        return json.loads(run(words, seconds))

    def send(self, server, request, *, port=None, replies="resp", connections, pipeline=1,
             seconds=0, count=0, keys=1_000_000):
        """Sends the bytes `request` over and over for `seconds`, or until `count` are answered."""
        path = server.folder / "request"
        path.write_bytes(request)
        words = [str(self.binary), "--json", "--port", str(port or server.port), "--server-pid",
                 str(server.pid), "--cpu", str(self.core), "--request", str(path), "--replies",
                 replies, "--connections", str(connections), "--pipeline", str(pipeline),
                 "--seconds", str(seconds), "--warmup-seconds", "1" if seconds else "0",
                 "--requests", str(count), "--keys", str(keys)]
        result = json.loads(run(words, seconds))["run"]
        result["load_cpu"] = result.pop("client_cpu")
        return result

    def throughput(self, server, **load):
        result = self.run(server, **load)["run"]
        return {"per_second": result["per_second"], "server_cpu": result["server_cpu"],
                "load_cpu": result["client_cpu"]}


class Memtier:
    """memtier_benchmark with one thread, pinned to the same core."""
    name = "memtier"

    def __init__(self, binary, core):
        self.binary = binary
        self.core = core

    def run(self, server, words, seconds):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report.json")
            run(["taskset", "-c", str(self.core), str(self.binary), "-s", "127.0.0.1", "-p",
                 str(server.port), "-t", "1", "--hide-histogram", "--json-out-file", str(report),
                 *words], seconds)
            return json.loads(report.read_text())

    def throughput(self, server, *, seconds, keys, pipeline=1, connections=50, set_share=100 / 11):
        numbers = ["--key-minimum", "1", "--key-maximum", str(keys), "--data-size", "32"]
        fill = ["-c", "50", "--pipeline", "64", "--ratio", "1:0", "--key-pattern", "P:P", "-n",
                "allkeys"]
        self.run(server, numbers + fill, seconds)
        ratio = "1:0" if set_share == 100 else "1:10"
        load = ["-c", str(connections), "--pipeline", str(pipeline), "--ratio", ratio,
                "--key-pattern", "R:R", "--test-time", str(max(1, round(seconds)))]
        before = server.cpu_seconds()
        totals = self.run(server, numbers + load, seconds)["ALL STATS"]["Totals"]
        return {"per_second": totals["Ops/sec"], "load_cpu": None,
                "server_cpu": (server.cpu_seconds() - before) / max(1, round(seconds))}


def find_memtier():
    """The program named by $MEMTIER, or the one on the PATH; None without either."""
    named = os.environ.get("MEMTIER")
    if named and not shutil.which(named):
        raise Failure(f"MEMTIER={named}: there is no such program")
    return shutil.which(named or "memtier_benchmark")
