"""Runs the load generator for a second against the floor and against the server.

Arguments: the paths of flashdb-floor, flashdb-load and flashdb. Fails unless the floor answers
everything, the server answers everything and misses no key that was filled, each of the readers and
writers gets replies, and error replies are found; requests from a file, of both protocols, are
answered and have done what they say.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts" / "lib"))

from bench import wire  # noqa: E402
from bench.processes import free_port, serving  # noqa: E402

KEYS = 2000


def check(condition, text):
    if not condition:
        sys.exit(f"bench_smoke: {text}")


def run_load(program, server, *words, port=None, keys=KEYS):
    done = subprocess.run([program, "--json", "--port", str(port or server.port), "--server-pid",
                           str(server.pid), "--keys", str(keys), "--seconds", "1",
                           "--warmup-seconds", "0.1", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def good_load(program, server, *words):
    code, report, errors = run_load(program, server, *words)
    check(code == 0 and report["errors"] == 0, f"{server.name}: exit code {code}: {errors}")
    check(report["run"]["commands"] > 0, f"{server.name}: nothing was answered: {report}")
    return report


def check_floor(floor, load, cores, parent):
    with serving("floor", lambda port, _: [floor, "--port", str(port)], cores, parent) as server:
        for pipeline in ("1", "16"):
            report = good_load(load, server, "--pipeline", pipeline)
            kinds = report["run"]["groups"][0]
            check(kinds["get"]["count"] > kinds["set"]["count"] > 0, f"not 10:1: {kinds}")


def check_server(flashdb, load, cores, parent):
    def words(port, folder):
        return [flashdb, "--port", str(port), "--dir", f"{folder}/data", "--shards", "1",
                "--http-port", "0"]
    with serving("flashdb", words, cores, parent) as server:
        report = good_load(load, server, "--fill", "--pipeline", "4")
        check(report["fill"]["commands"] == KEYS == server.command("DBSIZE"), "the fill is short")
        check(report["run"]["groups"][0]["misses"] == 0, "keys that were filled are missing")
        groups = good_load(load, server, "--readers", "3", "--writers", "5")["run"]["groups"]
        check([g["name"] for g in groups] == ["readers", "writers"], f"groups: {groups}")
        check("set" not in groups[0] and groups[0]["get"]["count"] > 0, f"readers: {groups[0]}")
        check("get" not in groups[1] and groups[1]["set"]["count"] > 0, f"writers: {groups[1]}")
        server.command("CONFIG", "SET", "requirepass", "secret")
        code, report, errors = run_load(load, server)
        check(code == 1 and report["errors"] > 0 and "NOAUTH" in errors,
              f"error replies went unnoticed: {code} {errors}")


def check_requests(flashdb, load, cores, parent):
    http_port = free_port()

    def words(port, folder):
        return [flashdb, "--port", str(port), "--dir", f"{folder}/data", "--shards", "1",
                "--http-port", str(http_port)]

    def send(server, request, *words, **target):
        path = server.folder / "request"
        path.write_bytes(request)
        return run_load(load, server, "--request", str(path), *words, **target)

    with serving("flashdb", words, cores, parent) as server:
        http = ["--replies", "http", "--requests", "100"]
        append = wire.command("TOPIC", "APPEND", wire.NUMBER, "VALUE", "v")
        code, report, errors = send(server, append, "--pipeline", "10", "--requests", "1000",
                                    keys=5)
        check(code == 0 and report["run"]["commands"] >= 1000, f"TOPIC APPEND: {report} {errors}")
        names = sorted(server.command("TOPIC", "LIST"))
        check(names == [f"{number:012}" for number in range(5)], f"topics: {names}")
        code, report, errors = send(server, wire.post("/topics/h/records", wire.json_record("v")),
                                    *http, port=http_port)
        check(code == 0 and report["run"]["commands"] >= 100, f"POST: {report} {errors}")
        reply = server.command("TOPIC", "READ", "h", "COUNT", "1000")[0]
        records = dict(zip(reply[::2], reply[1::2]))["records"]
        check(len(records) >= 100 and records[0][3] == "v", f"records: {len(records)}")
        code, report, errors = send(server, wire.post("/nothing", "{}"), *http,
                                    port=http_port)
        check(code == 1 and "404" in errors, f"error responses went unnoticed: {code} {errors}")


def main(floor, load, flashdb):
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as parent:
        check_floor(floor, load, cores, parent)
        check_server(flashdb, load, cores, parent)
        check_requests(flashdb, load, cores, parent)


main(*sys.argv[1:])
