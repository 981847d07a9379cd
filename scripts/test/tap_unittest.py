#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs one Python test file as the C tests run: its cases listed by name, its results as TAP, a case at a time.

usage: tap_unittest.py --list MODULE | tap_unittest.py MODULE [CASE...]

A case is called by its method's name, or Class.method where two classes of the file have one of that name.
What a case prints follows its result as comment lines.
"""

import contextlib
import importlib
import io
import sys
import traceback
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def method_of(test):
    return test.id().rpartition(".")[2]


def named_cases(module):
    """{name: test} in the order of the file."""
    tests = list(flatten(unittest.defaultTestLoader.loadTestsFromModule(module)))
    tests.sort(key=lambda test: getattr(type(test), method_of(test)).__code__.co_firstlineno
               if hasattr(getattr(type(test), method_of(test)), "__code__") else 0)
    count = Counter(map(method_of, tests))
    return ({method_of(test) if count[method_of(test)] == 1 else f"{type(test).__name__}.{method_of(test)}": test
             for test in tests})


class Result(unittest.TestResult):
    """Collects what became of one case; a case's subtests fail it, each with its own text."""

    def __init__(self):
        super().__init__()
        self.trouble = []
        self.reason = None

    def addSkip(self, test, reason):
        self.reason = reason

    def addError(self, test, err):
        self._add(test, err)

    def addFailure(self, test, err):
        self._add(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._add(subtest, err)

    def addUnexpectedSuccess(self, test):
        self.trouble.append("passed although it was expected to fail")

    def _add(self, test, err):
        subtest = getattr(test, "_subDescription", None)
        if subtest is not None:
            self.trouble.append(f"with {subtest()}:")
        self.trouble.append("".join(traceback.format_exception(*err)).rstrip())


def run(name, test, index, out):
    result, said = Result(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        # A suite of one, so that setUpClass and tearDownClass are called too.
        unittest.TestSuite([test]).run(result)
        if result.reason is None and not result.trouble and result.testsRun == 0:
            result.trouble.append("it did not run")
    if result.trouble:
        out.write(f"not ok {index} - {name}\n")
    elif result.reason is not None:
        out.write(f"ok {index} - {name} # SKIP {result.reason}\n")
    else:
        out.write(f"ok {index} - {name}\n")
    for text in [said.getvalue()] + result.trouble:
        out.writelines(f"# {line}\n" for line in text.splitlines())
    out.flush()
    return not result.trouble


def main(arguments):
    listing = arguments[:1] == ["--list"]
    arguments = arguments[1:] if listing else arguments
    if not arguments:
        sys.exit(__doc__)
    sys.path[0] = str(ROOT)
    cases = named_cases(importlib.import_module(arguments[0]))
    if listing:
        print("\n".join(cases))
        return 0
    chosen = {name: cases[name] for name in arguments[1:]} if arguments[1:] else cases
    out = sys.stdout
    out.write(f"1..{len(chosen)}\n")
    # Every case runs, whatever became of those before it.
    good = [run(name, test, index, out) for index, (name, test) in enumerate(chosen.items(), 1)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
