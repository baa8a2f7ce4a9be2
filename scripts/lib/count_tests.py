"""Prints how many cases passed in one run of `meson test`, then a line for each failure.

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


class Cases:
    """What the reports of one program say."""

    def __init__(self):
        self.passed = 0
        self.failures = []

    def add(self, report):
        """A damaged report (of a killed program) says nothing."""
        try:
            cases = list(xml.parse(report).getroot().iter("testcase"))
        except xml.ParseError:
            return
        for case in cases:
            name = f"{case.get('classname')}.{case.get('name')}"
            failure = case.find("failure")
            if failure is not None:
                self.failures.append(f"{name}: {' '.join(failure.get('message', '').split())[:400]}")
            elif case.get("result") == "skipped":
                self.failures.append(f"{name}: skipped")
            elif case.get("status") == "run" and case.get("result") == "completed":
                self.passed += 1


def cases_by_program(folder):
    """Reports are named PROGRAM.xml, and PROGRAM_1.xml, ... if a program ran more than once."""
    programs = collections.defaultdict(Cases)
    for report in sorted(pathlib.Path(folder).glob("*.xml")):
        name, _, number = report.stem.rpartition("_")
        programs[name if number.isdigit() else report.stem].add(report)
    return programs


def main(log, folder):
    programs = cases_by_program(folder)
    passed = sum(cases.passed for cases in programs.values())
    failures = [f"{program}: {failure}" for program, cases in programs.items()
                for failure in cases.failures]
    lines = pathlib.Path(log).read_text().splitlines() if pathlib.Path(log).exists() else []
    for test in map(json.loads, lines):
        program = pathlib.Path(test["command"][0]).name
        cases = programs.get(program, Cases())
        if test["result"] not in ("OK", "EXPECTEDFAIL"):
            if not cases.failures:
                failures.append(f"{program}: {test['result']}, exit status {test['returncode']}")
        elif cases.passed + len(cases.failures) == 0:
            passed += 1
    if passed + len(failures) == 0:
        failures.append("no test ran")
    print(passed)
    for failure in failures:
        print(failure)


main(*sys.argv[1:])
