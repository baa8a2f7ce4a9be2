"""The measures of scripts/compare that are about topics: each function gives the rows of one."""
import time

from bench import cold_files, topic_reader, wire
from bench.processes import Failure, on_core
from bench.setting import Row, interleaved_pairs, limited_by_load, median

MILLION = 1_000_000
MIB = 1 << 20
BATCH = 100
VALUE = wire.text_of(1000)
APPEND = wire.command("TOPIC", "APPEND", "t", "VALUE", VALUE)
XADD = wire.command("XADD", "t", "*", "v", VALUE)


def ratio_row(measure, text, results, pair, bar, *, unit="x", shown=1.0, **others):
    """The median of `pair`'s first server in relation to that of its second."""
    ours, theirs = (median(results[name]) / shown for name in pair)
    busy = [name for name in pair if limited_by_load(results[name])]
    note = f"{ours:.0f} / {theirs:.0f} {unit}"
    if busy:
        note += f"; the load's core is the limit of {', '.join(busy)}"
    return Row(measure, f"{text}: {pair[0]} / {pair[1]}", ours / theirs, bar=bar, note=note,
               raw={name: results[name] for name in pair}, **others)


def http_port(server):
    return int(server.command("CONFIG", "GET", "http-port")[1])


# ---- Produce -------------------------------------------------------------------------------------

def sender(setting, request, *, records=1, http=False, **load):
    """A function that loads a server with `request`, which holds so many records."""
    def act(server):
        run = setting.load.send(server, request, seconds=setting.seconds,
                                port=http_port(server) if http else None,
                                replies="http" if http else "resp", **load)
        run["per_second"] *= records
        return run
    return act


def redis_append(setting):
    return setting.redis("always"), sender(setting, XADD, connections=20, pipeline=BATCH)


def produce_http(setting):
    path = "/topics/t/records"
    bodies = {"flashdb, JSON": wire.post(path, wire.json_batch(BATCH, VALUE)),
              "flashdb, NDJSON": wire.post(path, wire.json_lines(BATCH, VALUE),
                                           "application/x-ndjson")}
    servers = {name: (setting.flashdb("always", http=True),
                      sender(setting, body, records=BATCH, http=True, connections=20))
               for name, body in bodies.items()}
    results = interleaved_pairs(setting, "produce-http", servers | {"redis": redis_append(setting)})
    for name, bar in zip(bodies, (1.5, None)):
        yield ratio_row("produce-http", "HTTP batches of 100 x 1,000 B, sync=always", results,
                        (name, "redis"), bar, unit="records per s")


def produce_resp(setting):
    results = interleaved_pairs(setting, "produce-resp", {
        "flashdb": (setting.flashdb("always"),
                    sender(setting, APPEND, connections=20, pipeline=BATCH)),
        "redis": redis_append(setting)})
    yield ratio_row("produce-resp", "TOPIC APPEND of 1,000 B, pipeline 100, sync=always", results,
                    ("flashdb", "redis"), 2.5, unit="records per s")


def produce_single(setting):
    request = wire.post("/topics/t/records", wire.json_record(wire.text_of(100)))
    results = interleaved_pairs(setting, "produce-single", {
        "flashdb": (setting.flashdb("always", http=True),
                    sender(setting, request, http=True, connections=50)),
        "nginx": (setting.nginx(), lambda server: setting.load.send(
            server, request, replies="http", connections=50, seconds=setting.seconds))})
    yield ratio_row("produce-single", "HTTP POST of one 100 B record, sync=always", results,
                    ("flashdb", "nginx"), 0.5, unit="per s")


# ---- Fetch ---------------------------------------------------------------------------------------

def records_of(server, topic="t"):
    """How many records have been appended to a topic of one partition."""
    reply = server.command("TOPIC", "READ", topic, "COUNT", 1)[0]
    return dict(zip(reply[::2], reply[1::2]))["high_watermark"]


def wait_until_flushed(server, most_seconds=120):
    """Until all records have reached the topics' files: now, not when their time has come."""
    interval = server.command("CONFIG", "GET", "topic-flush-interval-ms")[1]
    server.command("CONFIG", "SET", "topic-flush-interval-ms", 1)
    deadline = time.monotonic() + most_seconds
    while int(server.info("topics")["topic_unflushed_bytes"]) > 0:
        if time.monotonic() > deadline:
            raise Failure(f"the topics' files are behind the log after {most_seconds} seconds")
        time.sleep(0.1)
    server.command("CONFIG", "SET", "topic-flush-interval-ms", interval)


def fetch(setting):
    """Bytes of values for a second of the server's processor time."""
    count = 1000

    def fetching(append, request_of, values_of):
        def act(server):
            setting.load.send(server, append, connections=20, pipeline=BATCH, count=20 * count)
            if append is APPEND:
                wait_until_flushed(server)
            request = request_of(server)
            values = values_of(server.command(*request))
            if len(values) != count or any(value != VALUE for value in values):
                raise Failure(f"{server.name} answered {len(values)} values for {count}")
            run = setting.load.send(server, wire.command(*request), connections=10,
                                    seconds=setting.seconds)
            run["requests_per_second"] = run["per_second"]
            run["per_second"] *= count * len(VALUE) / run["server_cpu"]
            return run
        return act

    results = interleaved_pairs(setting, "fetch", {
        "flashdb": (setting.flashdb("always"), fetching(
            APPEND, lambda server: ["TOPIC", "READ", "t", "OFFSET", records_of(server) - count,
                                    "COUNT", count, "BYTES", 4 * MIB],
            lambda reply: [record[3] for record in dict(zip(reply[0][::2], reply[0][1::2]))
                           ["records"]])),
        "redis": (setting.redis("always"), fetching(
            XADD, lambda _: ["XREVRANGE", "t", "+", "-", "COUNT", count],
            lambda reply: [entry[1][1] for entry in reply]))})
    yield ratio_row("fetch", "newest 1,000 records of 1,000 B, per second of CPU time", results,
                    ("flashdb", "redis"), 2, unit="MB/s", shown=MILLION)


def cold_read(setting):
    """A topic larger than the cache, from the disk, against its files."""
    wanted = {"quick": 64 * MIB, "usual": 2048 * MIB, "full": 10 * 1024 * MIB}[setting.size]
    # The log has the records too.
    records = min(wanted, cold_files.free_bytes(setting.parent) // 6) // len(VALUE)
    with setting.flashdb("never")() as server:
        setting.say(f"cold-read: writing {records // 1000} MB")
        setting.load.send(server, APPEND, connections=20, pipeline=BATCH, count=records)
        wait_until_flushed(server)
        files = cold_files.of_topic(server.folder, "t")
        server.forget_peak()
        results = {"flashdb": [], "files": []}
        for number in range(setting.rounds):
            setting.say(f"cold-read, round {number + 1} of {setting.rounds}")
            cold_files.forget(files)
            results["flashdb"].append(read_topic(setting, server, records))
            cold_files.forget(files)
            with on_core(setting.server_cores[0]):
                results["files"].append(cold_files.read(files))
        peak = server.peak_resident_bytes()
    yield ratio_row("cold-read", f"{records // 1000} MB from the disk", results, ("flashdb", "files"), 0.6,
                    unit="MB/s", shown=MILLION)
    yield Row("cold-read", "largest resident memory of the server meanwhile", peak / MIB, "MiB",
              bar=300, at_most=True)


def read_topic(setting, server, records):
    used, started = server.cpu_seconds(), time.monotonic()
    with on_core(setting.load.core):
        received = topic_reader.read(server.port, "t", records, count=10_000, max_bytes=MIB)
    seconds = time.monotonic() - started
    if received < records * len(VALUE):
        raise Failure(f"{records} records were read as only {received} bytes")
    return {"per_second": records * len(VALUE) / seconds, "load_cpu": None,
            "server_cpu": (server.cpu_seconds() - used) / seconds}


# ---- Growth --------------------------------------------------------------------------------------

def append_growth(setting):
    """What an append costs in processor time, its way to the topic's files included."""
    window, grown = {"quick": (100_000, 300_000), "usual": (MILLION, 5 * MILLION),
                     "full": (MILLION, 50 * MILLION)}[setting.size]
    topics = 1000 if setting.size == "quick" else 10_000
    value = wire.text_of(100)

    def append(server, topic, count, **load):
        setting.load.send(server, wire.command("TOPIC", "APPEND", topic, "VALUE", value),
                          connections=20, pipeline=BATCH, count=count, **load)
        wait_until_flushed(server)

    def micros(server, *args, **load):
        appended = int(server.info("topics")["topic_records_appended"])
        used = server.cpu_seconds()
        append(server, *args, **load)
        appended = int(server.info("topics")["topic_records_appended"]) - appended
        return (server.cpu_seconds() - used) / appended * 1e6

    def one_topic(server):
        append(server, "t", window // 5)
        begin = micros(server, "t", window)
        append(server, "t", max(1, grown - records_of(server)))
        return {"begin": begin, "grown": micros(server, "t", window), "load_cpu": None}

    def many_topics(server):
        names = "t" + wire.NUMBER
        append(server, names, topics * 2, keys=topics)
        return {"many": micros(server, names, grown, keys=topics), "load_cpu": None}

    start = setting.flashdb("never")
    results = interleaved_pairs(setting, "append-growth", {"one topic": (start, one_topic),
                                                         "many topics": (start, many_topics)})
    begin = median(results["one topic"], "begin")
    for text, value_of in ((f"a topic of {grown / MILLION:g} M records / an empty one",
                            median(results["one topic"], "grown")),
                           (f"{topics} topics / one", median(results["many topics"], "many"))):
        yield Row("append-growth", f"server's CPU time per append of 100 B: {text}",
                  value_of / begin, bar=1.15, at_most=True,
                  note=f"{value_of:.3f} / {begin:.3f} us", raw=results)


MEASURES = {
    "produce-http": produce_http,
    "produce-resp": produce_resp,
    "produce-single": produce_single,
    "fetch": fetch,
    "cold-read": cold_read,
    "append-growth": append_growth,
}
