"""Checks that each header named as an argument compiles alone.

The first argument is a build folder with compile_commands.json. A header is compiled with the flags
of a source file of its own folder, or of the nearest one above, or of any. Prints the compiler's
messages ("file:line: ..."); the exit code is 1 if there are any errors.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def flags_of(entry):
    """The compiler and its flags without input, output, dependency files and precompiled headers."""
    words = shlex.split(entry["command"])
    words = words[1:] if pathlib.Path(words[0]).name == "ccache" else words
    flags = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ", "-MT", "-include"):
            skip = True
        elif word not in ("-c", "-MD", "-MMD", entry["file"]):
            flags.append(word)
    return flags


def choose(header, by_place):
    if header.with_suffix(".cc") in by_place:
        return by_place[header.with_suffix(".cc")]
    for folder in header.parents:
        if folder in by_place:
            return by_place[folder]
    return next(iter(by_place.values()))


def check(header, entry):
    command = flags_of(entry) + ["-fdiagnostics-color=never", "-fsyntax-only", "-include",
                                 str(header), "-x", "c++", "/dev/null"]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return done.returncode, done.stderr.replace(f"{os.getcwd()}/", "")


def main(build, headers):
    by_place = {}
    for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text()):
        source = pathlib.Path(entry["directory"], entry["file"]).resolve()
        by_place.setdefault(source.parent, entry)
        by_place.setdefault(source, entry)
    paths = [pathlib.Path(header).resolve() for header in headers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: check(path, choose(path, by_place)), paths))
    for header, (code, messages) in zip(headers, results):
        if code != 0:
            print(f"{header}:1: does not compile alone:\n{messages}")
    return 1 if any(code for code, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
