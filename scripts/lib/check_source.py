"""Checks the source files named as arguments (relative to the current folder, the root).

Layers: a file includes only what is in its own layer or below. Lengths: functions and files.
Words that mark unfinished work. Prints "file:line: finding"; the exit code is 1 if there is any.
"""
import pathlib
import re
import sys

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 800
LAYERS = ["base", "io", "wal", "resp", "http", "shards", "topics", "commands", "api", "server", "main"]
# The command line client talks to the server; it does not contain it.
CLIENT = "cli"
CLIENT_MAY_INCLUDE = {"base", "io", "resp", "http", CLIENT}
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/'  # comments
    r'|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.[^'\n]*|[^'\\\n])'"  # characters, not the ' in 1'000
    r"|^[ \t]*#(?:\\\n|[^\n])*",  # preprocessor
    re.DOTALL | re.MULTILINE)
ACCESS = re.compile(r"\b(?:public|private|protected)\s*:(?!:)")
NO_FUNCTION = re.compile(r"\s*(?:template\s*<[^{]*>\s*)?(?:inline\s+)?"
                         r"(namespace|class|struct|union|enum|extern\s*$)\b")


def layer_of(path):
    """The layer of a file or include path; None if it is in none (tests, bench)."""
    parts = pathlib.PurePath(path).parts
    if parts[0] == "src":
        parts = parts[1:]
    if parts == ("main.cc",):
        return "main"
    return parts[0] if parts[0] in LAYERS or parts[0] == CLIENT else None


def check_layers(path, lines):
    own = layer_of(path)
    if own is None:
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        other = layer_of(match.group(1))
        if other is None:
            yield number, f'"{match.group(1)}" is in no layer; name it from src/ or the root'
        elif own == CLIENT or other == CLIENT:
            if own != CLIENT or other not in CLIENT_MAY_INCLUDE:
                yield number, f"{own} must not include {other}"
        elif LAYERS.index(other) > LAYERS.index(own):
            yield number, f"{own} must not include {other}, a higher layer"


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def functions(text):
    """(first line, last line) of each function that stands in a namespace or class.

    A brace opens a function if what is before it, back to the last ; or brace, has parentheses and
    is no initializer. Lambdas and local classes belong to the function around them.
    """
    code = TOKENS.sub(blank, text)
    stack = []  # for each open brace: "scope", "other" or the function's first line
    closed = None  # the entry of the brace closed last
    head_start = 0
    line = 1
    for i, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "{":
            head = ACCESS.sub(blank, code[head_start:i])
            kind = "other"
            if all(entry == "scope" for entry in stack):
                if NO_FUNCTION.match(head):
                    kind = "scope"
                elif isinstance(closed, int) and head.strip()[:1] in ("", ","):
                    kind = closed  # after an `a_{1}` of the constructor's list
                elif "(" in head and not head.rstrip().endswith("="):
                    kind = line - head.lstrip().count("\n")
            stack.append(kind)
            head_start = i + 1
        elif char == "}" and stack:
            closed = stack.pop()
            if isinstance(closed, int):
                yield closed, line
            head_start = i + 1
        elif char == ";":
            closed = None
            head_start = i + 1


def check_lengths(text, lines):
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"the file has {len(lines)} lines, over {MAX_FILE_LINES}; split it by duty"
    for first, last in functions(text):
        length = last - first + 1
        if length > MAX_FUNCTION_LINES:
            yield first, f"a function of {length} lines, over {MAX_FUNCTION_LINES}"


def check_words(lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield number, f"unfinished: {line.strip()}"


def check_file(path):
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    yield from check_words(lines)
    if path.endswith((".cc", ".h")):
        yield from check_layers(path, lines)
        yield from check_lengths(text, lines)


def main(paths):
    findings = 0
    for path in paths:
        for number, finding in check_file(path):
            print(f"{path}:{number}: {finding}")
            findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
