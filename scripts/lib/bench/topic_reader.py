"""Reads a topic end to end, as a consumer does that keeps up with the wire."""
import socket

from bench import wire
from bench.processes import Failure

BUFFER = 1 << 20
NEXT = b"next_offset\r\n:"
LONGEST_NUMBER = 22  # with its line end
KEPT = len(NEXT) + LONGEST_NUMBER  # of what came, for a head that is cut in two
LAST = wire.command("PING", "that-was-all")
LAST_ANSWER = b"$12\r\nthat-was-all\r\n"


def read(port, topic, end, *, count, max_bytes):
    """Reads the records from 0 to `end`; the bytes of all answers. Each answer says in its first
    bytes where the next one has to begin, which is asked for at once, while the rest arrives. No
    value may look like these parts of an answer."""
    def ask(offset):
        link.sendall(LAST if offset >= end else wire.command(
            "TOPIC", "READ", topic, "OFFSET", offset, "COUNT", count, "BYTES", max_bytes))

    buffer = bytearray(KEPT + BUFFER)
    room = memoryview(buffer)[KEPT:]
    total, unread = 0, KEPT  # what lies before `unread` is no part of a head
    with socket.create_connection(("127.0.0.1", port), 60) as link:
        ask(0)
        while True:
            size = link.recv_into(room)
            stop = KEPT + size
            if size == 0 or (total == 0 and buffer[KEPT] == ord("-")):
                raise Failure(f"the server ended its answers with: {bytes(buffer[unread:stop][:200])!r}")
            total += size
            at = buffer.find(NEXT, unread, stop)
            line_end = buffer.find(b"\r\n", at + len(NEXT), stop) if at >= 0 else -1
            if line_end >= 0:
                ask(int(buffer[at + len(NEXT):line_end]))
                unread = line_end
            elif buffer.endswith(LAST_ANSWER, unread, stop):
                return total
            kept = buffer[max(unread, stop - KEPT):stop]
            unread = KEPT - len(kept)
            buffer[unread:KEPT] = kept
