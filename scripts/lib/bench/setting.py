"""What all measures of scripts/compare share: rows, servers to start, rounds."""
import dataclasses
import pathlib
import statistics
import sys

from bench.processes import answers_http, free_port, serving

# One process in the foreground, so that its pid is the worker's.
NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/errors.txt;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    default_type text/plain;
    location / {{ return 200 "ok"; }}
  }}
}}
"""


@dataclasses.dataclass
class Row:
    """One line of the table. `at_most` tells which side of the bar is good; no bar: just a number."""
    measure: str
    text: str
    value: float
    unit: str = "x"
    bar: float | None = None
    at_most: bool = False
    note: str = ""
    raw: dict = dataclasses.field(default_factory=dict)

    @property
    def passed(self):
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar


@dataclasses.dataclass
class Setting:
    """What all measures share."""
    programs: dict  # flashdb, floor, redis, nginx, mailbox: paths
    loads: list     # FlashLoad, and Memtier if it is there
    parent: str     # where data folders go
    rounds: int
    seconds: float
    server_cores: list
    both_cores: bool = False
    size: str = "usual"  # of what is measured once: quick, usual or full

    def say(self, text):
        print(f"compare: {text}", file=sys.stderr, flush=True)

    # ---- Servers: each gives a function that starts one ---------------------------------------

    @property
    def load(self):
        """flashdb-load, which is always there."""
        return self.loads[0]

    def flashdb(self, sync="never", shards=1, cores=None, http=False, options=()):
        def words(port, folder):
            http_port = free_port() if http else 0
            return [self.programs["flashdb"], "--port", str(port), "--bind", "127.0.0.1", "--dir",
                    f"{folder}/data", "--shards", str(shards), "--sync", sync, "--http-port",
                    str(http_port), "--loglevel", "warning", *options]
        return lambda: serving(f"flashdb (sync={sync})", words, cores or self.server_cores[:1],
                               self.parent)

    def floor(self):
        def words(port, _folder):
            return [self.programs["floor"], "--port", str(port)]
        return lambda: serving("floor", words, self.server_cores[:1], self.parent)

    def redis(self, fsync=None, cores=None):
        # Without rewrites of its file: they would cost it throughput while it is measured.
        append = ["--appendonly", "no"] if fsync is None else [
            "--appendonly", "yes", "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"]

        def words(port, folder):
            return [self.programs["redis"], "--port", str(port), "--bind", "127.0.0.1", "--dir",
                    folder, "--save", "", *append]
        return lambda: serving(f"redis-server (fsync={fsync})", words,
                               cores or self.server_cores[:1], self.parent)


    def nginx(self):
        """One worker that answers every request with 200."""
        def words(port, folder):
            config = pathlib.Path(folder, "nginx.conf")
            config.write_text(NGINX_CONFIG.format(folder=folder, port=port))
            return [self.programs["nginx"], "-p", folder, "-c", str(config), "-e",
                    f"{folder}/errors.txt"]
        return lambda: serving("nginx", words, self.server_cores[:1], self.parent, answers_http)


def interleaved(setting, title, starters, act):
    """`act(server)` for a fresh server of each starter, round by round: {name: [result, ...]}."""
    return interleaved_pairs(setting, title, {name: (start, act) for name, start in starters.items()})


def interleaved_pairs(setting, title, pairs):
    """The same for servers that each have an act of their own: `pairs` is {name: (starter, act)}."""
    results = {name: [] for name in pairs}
    for number in range(setting.rounds):
        for name, (start, act) in pairs.items():
            setting.say(f"{title}, round {number + 1} of {setting.rounds}: {name}")
            with start() as server:
                results[name].append(act(server))
    return results


def median(results, key="per_second"):
    return statistics.median(result[key] for result in results)


def limited_by_load(results):
    """The load generator's core was busier than the server's, so the ratio may hide something."""
    return any(r["load_cpu"] is not None and r["load_cpu"] > 0.97 and
               r["load_cpu"] > r["server_cpu"] for r in results)
