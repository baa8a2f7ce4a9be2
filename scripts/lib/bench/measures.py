"""What scripts/compare measures: each function gives the rows of one measure."""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

from bench import topic_measures
from bench.processes import Failure
from bench.setting import Row, interleaved, limited_by_load, median

MILLION = 1_000_000


def throughput_rows(setting, measure, text, starters, bars, load):
    """Rows "first starter / other starter" for each (other, bar) of `bars` and each load generator."""
    for generator in setting.loads:
        title = f"{measure} ({generator.name})"
        results = interleaved(setting, title, starters, lambda server: generator.throughput(
            server, seconds=setting.seconds, keys=MILLION, **load))
        first = next(iter(starters))
        for other, bar in bars:
            busy = [n for n in (first, other) if limited_by_load(results[n])]
            yield Row(measure, f"{text}: {first} / {other}, {generator.name}",
                      median(results[first]) / median(results[other]), bar=bar,
                      note=(f"{median(results[first]):.0f} / {median(results[other]):.0f} per s" +
                            (f"; the load's core is the limit of {', '.join(busy)}" if busy else "")),
                      raw={first: results[first], other: results[other]})


# ---- Throughput ------------------------------------------------------------------------------------

def floor(setting):
    starters = {"flashdb": setting.flashdb(), "floor": setting.floor()}
    return throughput_rows(setting, "floor", "50 connections, no pipeline, sync=never", starters,
                           [("floor", 0.90)], {})


def pipelined(name, pipeline, bar):
    def measure(setting):
        starters = {"flashdb": setting.flashdb(), "redis": setting.redis()}
        return throughput_rows(setting, name, f"pipeline {pipeline}, no persistence (sync=never)",
                               starters, [("redis", bar)], {"pipeline": pipeline})
    return measure


def sync_set(setting):
    starters = {"flashdb": setting.flashdb("always"), "redis": setting.redis("always"),
                "flashdb sync=never": setting.flashdb("never")}
    return throughput_rows(setting, "sync-set", "SET, sync=always, 50 connections", starters,
                           [("redis", 1.6), ("flashdb sync=never", 0.85)], {"set_share": 100})


def sync_pipelined(setting):
    starters = {"flashdb": setting.flashdb("always"), "redis": setting.redis("always")}
    return throughput_rows(setting, "sync-pipeline16", "SET, sync=always, pipeline 16", starters,
                           [("redis", 4)], {"set_share": 100, "pipeline": 16})


def sync_single(setting):
    starters = {"flashdb": setting.flashdb("always"), "redis": setting.redis("always")}
    return throughput_rows(setting, "sync-single", "SET, sync=always, 1 connection", starters,
                           [("redis", 1.7)], {"set_share": 100, "connections": 1})


# ---- Latency, CPU time -------------------------------------------------------------------------------

def sync_reads(setting):
    """How much reads suffer while writers wait for the disk."""
    readers = 10
    starters = {"always": setting.flashdb("always"), "never": setting.flashdb("never")}
    load = setting.loads[0]

    def act(server):
        run = load.run(server, seconds=setting.seconds, keys=MILLION, readers=readers,
                       writers=50)["run"]
        return {"p99_us": next(g for g in run["groups"] if g["name"] == "readers")["get"]["p99_us"],
                "groups": run["groups"]}
    results = interleaved(setting, "sync-reads", starters, act)
    always, never = (median(results[name], "p99_us") for name in ("always", "never"))
    yield Row("sync-reads", f"p99 of {readers} readers beside 50 writers: sync=always / never",
              always / never, bar=1.3, at_most=True, note=f"{always:.0f} / {never:.0f} us",
              raw=results)


def two_shards(setting):
    """What a command costs in processor time when its keys are on two shards: on the one server core
    of all measures; and, for the table only, on both cores, where the load generator is too."""
    load = setting.loads[0]
    starters = {"2 shards": setting.flashdb(shards=2), "1 shard": setting.flashdb(shards=1),
                "2 shards, both cores": setting.flashdb(shards=2, cores=setting.server_cores[:2])}

    def act(server):
        run = load.run(server, seconds=setting.seconds, keys=MILLION, pipeline=16)["run"]
        return {"us": run["server_cpu"] * run["seconds"] / run["commands"] * 1e6, "run": run}
    results = interleaved(setting, "two-shards", starters, act)
    two, one, both = (median(results[name], "us") for name in starters)
    text = "server's CPU time per command, pipeline 16: 2 shards / 1 shard"
    yield Row("two-shards", text, two / one, bar=1.35, at_most=True,
              note=f"{two:.3f} / {one:.3f} us", raw=results)
    yield Row("two-shards", f"{text}, 2 shards on both cores", both / one,
              note=f"{both:.3f} / {one:.3f} us")


def both_cores(setting):
    """Two shards with the load generator beside them, for the table only."""
    load = setting.loads[0]
    cores = setting.server_cores[:2]
    for pipeline in (1, 16, 64):
        starters = {"flashdb, 2 shards": setting.flashdb(shards=2, cores=cores),
                    "redis": setting.redis(cores=cores)}
        results = interleaved(setting, f"both-cores, pipeline {pipeline}", starters, lambda server:
                              load.throughput(server, seconds=setting.seconds, keys=MILLION,
                                              pipeline=pipeline))
        ours, theirs = (median(results[name]) for name in starters)
        yield Row("both-cores", f"pipeline {pipeline}, no persistence: 2 shards on both cores / redis",
                  ours / theirs, note=f"{ours:.0f} / {theirs:.0f} per s", raw=results)


# ---- Memory, pauses, messages --------------------------------------------------------------------------

def memory(setting):
    load = setting.loads[0]
    for keys in (MILLION, MILLION * 3 // 2, 2 * MILLION, 10 * MILLION):
        setting.say(f"memory: {keys} keys")
        with setting.flashdb()() as server:
            empty = int(server.info("memory")["used_memory"]), server.resident_bytes()
            load.run(server, seconds=0, keys=keys)
            full = int(server.info("memory")["used_memory"]), server.resident_bytes()
        for name, before, after in zip(("used_memory", "resident"), empty, full):
            yield Row("memory", f"{name} per key of 16 + 32 bytes, {keys / MILLION:g} M keys",
                      (after - before) / keys, "bytes", bar=75, at_most=True,
                      note=f"{before} -> {after} bytes")


def longest_turn_ms(server):
    return int(server.info("flashdb")["longest_stall_usec"]) / 1000


def stall(setting):
    rounds = []
    for number in range(setting.rounds):
        setting.say(f"stall: 10 M keys, round {number + 1} of {setting.rounds}")
        rounds.append(stall_once(setting))
    speed, inserting, flushing, _ = (statistics.median(values) for values in zip(*rounds))
    each = ", ".join(f"{values[1]:.1f} ({values[3]:.0f})" for values in rounds)
    yield Row("stall", "longest turn of the event loop while 10 M keys are inserted", inserting,
              "ms", bar=5, at_most=True,
              note=f"{speed:.0f} keys per s; each round, and what a host took of the core: {each}")
    yield Row("stall", "longest turn while they are flushed and freed", flushing, "ms", bar=5,
              at_most=True)


def stall_once(setting):
    """Keys per second; the longest turns in milliseconds, inserting and flushing; and how many of
    them the host of a virtual machine took while keys were inserted."""
    with setting.flashdb()() as server:
        stolen = stolen_ms(setting.server_cores[0])
        server.command("CONFIG", "RESETSTAT")
        fill = setting.loads[0].run(server, seconds=0, keys=10 * MILLION)["fill"]
        inserting = longest_turn_ms(server)
        stolen = stolen_ms(setting.server_cores[0]) - stolen
        server.command("CONFIG", "RESETSTAT")
        server.command("FLUSHALL")
        wait_until_freed(server)
        return fill["per_second"], inserting, longest_turn_ms(server), stolen


def stolen_ms(core):
    """Time that a hypervisor has given to others (proc(5), /proc/stat)."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            return int(ticks[7]) * 1000 / os.sysconf("SC_CLK_TCK")
    raise Failure(f"/proc/stat says nothing of core {core}")


def wait_until_freed(server, most_seconds=60):
    """The memory goes back piece by piece after the reply."""
    deadline = time.monotonic() + most_seconds
    before = None
    while time.monotonic() < deadline:
        used = int(server.info("memory")["used_memory"])
        if used == before:
            return
        before = used
        time.sleep(1)
    raise Failure("10 M flushed keys are not freed after a minute")


def mailbox(setting):
    """Messages between two threads: Google Benchmark's times."""
    setting.say("mailbox")
    program = setting.programs["mailbox"]
    if not program:
        raise Failure("mailbox_bench is not built: install libbenchmark-dev")
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.5"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Failure(f"mailbox_bench: {done.stderr.strip()[-600:]}")
    for result in json.loads(done.stdout)["benchmarks"]:
        per_message = 1e9 / result["items_per_second"]
        yield Row("mailbox", f"{result['name'].partition('/')[0]}, per message", per_message, "ns",
                  raw=result)


MEASURES = {
    "floor": floor,
    "pipeline16": pipelined("pipeline16", 16, 2.5),
    "pipeline64": pipelined("pipeline64", 64, 3.5),
    "sync-set": sync_set,
    "sync-pipeline16": sync_pipelined,
    "sync-single": sync_single,
    "sync-reads": sync_reads,
    "two-shards": two_shards,
    "memory": memory,
    "stall": stall,
    "mailbox": mailbox,
    **topic_measures.MEASURES,
}


def take(setting, names):
    """Yields the rows of the measures `names`, and (name, text) for one that failed to run."""
    for name in names:
        measure = both_cores if name == "both-cores" else MEASURES[name]
        try:
            with contextlib.closing(iter_rows(measure, setting)) as rows:
                yield from rows
        except (Failure, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            yield name, f"{type(error).__name__}: {error}"


def iter_rows(measure, setting):
    yield from measure(setting)
