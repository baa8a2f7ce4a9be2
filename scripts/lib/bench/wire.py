"""The bytes of requests: RESP commands and HTTP requests."""
import json

# flashdb-load replaces it with a running number.
NUMBER = "@" * 12


def text_of(size):
    """Letters that do not repeat soon, so that no layer can fold them."""
    return "".join(chr(ord("a") + (i * 7 + i // 26) % 26) for i in range(size))


def command(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(
        b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def post(path, body, content_type="application/json"):
    data = body.encode()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def json_record(value):
    return json.dumps({"value": value})


def json_batch(count, value):
    return json.dumps({"records": [{"value": value}] * count})


def json_lines(count, value):
    return (json.dumps({"value": value}) + "\n") * count
