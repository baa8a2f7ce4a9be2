"""Reads a topic end to end, as a consumer does that keeps up with the wire."""
import socket

from bench import wire
from bench.processes import Failure

BUFFER = 1 << 20
NEXT = b"next_offset\r\n:"
LONGEST_NUMBER = 22  # with its line end
LAST = wire.command("PING", "that-was-all")
LAST_ANSWER = b"$12\r\nthat-was-all\r\n"


def read(port, topic, end, *, count, max_bytes):
    """Reads the records from 0 to `end`; the bytes of all answers. Each answer says in its first
    bytes where the next one has to begin, which is asked for at once, while the rest arrives. No
    value may look like these parts of an answer."""
    def ask(offset):
        link.sendall(LAST if offset >= end else wire.command(
            "TOPIC", "READ", topic, "OFFSET", offset, "COUNT", count, "BYTES", max_bytes))

    total, rest = 0, b""
    with socket.create_connection(("127.0.0.1", port), 60) as link:
        ask(0)
        while not rest.endswith(LAST_ANSWER):
            chunk = link.recv(BUFFER)
            if not chunk or (total == 0 and chunk[:1] == b"-"):
                raise Failure(f"the server ended its answers with: {chunk[:200]!r}")
            total += len(chunk)
            rest += chunk
            at = rest.find(NEXT)
            line_end = rest.find(b"\r\n", at + len(NEXT)) if at >= 0 else -1
            if line_end >= 0:
                ask(int(rest[at + len(NEXT):line_end]))
                rest = rest[line_end:]
            rest = rest[-(len(NEXT) + LONGEST_NUMBER):]
    return total
