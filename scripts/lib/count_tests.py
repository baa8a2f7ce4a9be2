"""Prints "PASSED FAILED" for one run of `meson test`.

Arguments: meson's testlog.json, and the folder with the XML reports of the GoogleTest binaries
(one for each, named after it). GoogleTest cases are counted one by one. A test program without a
report counts as one case; so does a failure which no report shows (a crash, a timeout, a leak found
at exit). Skipped cases count as failed: a test that did not run has shown nothing.
"""
import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def count_cases(report):
    """(passed, failed) of one XML report; a damaged one (of a killed program) counts as none."""
    try:
        cases = list(xml.parse(report).getroot().iter("testcase"))
    except xml.ParseError:
        return 0, 0
    ran = [c for c in cases if c.get("status") == "run" and c.get("result") == "completed"]
    failed = [c for c in ran if c.find("failure") is not None]
    skipped = [c for c in cases if c.get("result") == "skipped"]
    return len(ran) - len(failed), len(failed) + len(skipped)


def reports_by_program(folder):
    """Reports are named PROGRAM.xml, and PROGRAM_1.xml, ... if a program ran more than once."""
    counts = collections.defaultdict(lambda: [0, 0])
    for report in sorted(pathlib.Path(folder).glob("*.xml")):
        name, _, number = report.stem.rpartition("_")
        program = name if number.isdigit() else report.stem
        for i, count in enumerate(count_cases(report)):
            counts[program][i] += count
    return counts


def main(log, folder):
    reports = reports_by_program(folder)
    passed = sum(p for p, _ in reports.values())
    failed = sum(f for _, f in reports.values())
    lines = pathlib.Path(log).read_text().splitlines() if pathlib.Path(log).exists() else []
    for test in map(json.loads, lines):
        program = pathlib.Path(test["command"][0]).name
        cases = reports.get(program, [0, 0])
        if test["result"] not in ("OK", "EXPECTEDFAIL"):
            failed += cases[1] == 0
        elif sum(cases) == 0:
            passed += 1
    if passed + failed == 0:
        failed = 1
    print(passed, failed)


main(*sys.argv[1:])
