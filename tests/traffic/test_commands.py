# SPDX-License-Identifier: BSD-2-Clause
"""Each command in the documents, run as a reader does: what is long is made short, files are made where the page names
some. A command that is not run here says which test does it, or why nothing can.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass, field
from pathlib import Path

from scripts.build import made
from scripts.cli import ROOT
from tests.support.traffic_bed import ensure_built, needs_traffic
from tests.tools.test_documents import commands

SECONDS = 400
STOP_AND_GO = "breakpoint set --name TransmitSend --one-shot true\ncontinue\nbt 3\ncontinue\n"      # lldb's
PING = ["--", "ping", "-c", "1", "198.18.0.1"]      # in place of the whole show
LIST = ROOT / "tests" / "explore" / "lists" / "a_pause_while_sends_are_refused.txt"


@dataclass
class Run:
    """Run, with words replaced ({old: new}; None leaves it out) and others added. FOLDER is a scratch folder."""
    replace: dict = field(default_factory=dict)
    add: tuple = ()
    says: str = ""      # in what it prints
    long: bool = False  # about a minute: only where that is asked for


@dataclass
class By:
    """Another test runs it, or the same with a smaller number."""
    test: str


@dataclass
class Not:
    why: str


XENVIF = Not("needs a xenvif.sys, which is not part of the repository; test_cli has what is refused")
XEN = Not("boots the real Xen, for minutes: the tests of test_xen do, where it can be had")
CERTIFICATE = By("test_sign")
DRIVER = {"FILE": "FOLDER/other.sys", "FILE.sys": "FOLDER/other.sys", "FILE.inf": "FOLDER/other.inf",
          "my.sys": "FOLDER/other.sys", "my.inf": "FOLDER/other.inf"}
NEWEST = "test_uro_limits:the_keyword_switches_it_at_start"      # on a Windows that the INF of the package has
LIFE = "test_life:connect_send_receive_pause_restart_halt_over_many_seeds"

# Without arguments, where it is one; a sentence may name it, too.
ALONE = {
    "run.py": By("test_traffic_end"), "test.py": Not("runs this"), "explore.py": By("test_stopping"),
    "bench.py": By("test_stopping"), "build.py": By("test_build"), "clean.py": By("test_clean"),
    "sdv.py": By("test_sdv"), "scripts/check/coverage.py": By("test_stopping"),
    "scripts/check/explored.py": By("test_stopping"), "scripts/check/faults.py": By("test_faults"),
    "scripts/check/instructions.py": By("test_bench"),
    "scripts/check/mutations.py": By("test_mutations"), "scripts/check/probe.py": By("test_probe"),
    "scripts/check/races.py": By("test_stopping"), "scripts/inf/check.py": Run(),
}
MODULES = ("scripts/cli.py", "scripts/steps.py", "scripts/packages.py", "scripts/check/mutants.py",
           "scripts/check/mutants_same.py", "scripts/check/mutations_table.py", "scripts/check/faults_table.py",
           "scripts/build/drop_unwind.py", "scripts/build/mof.py")  # no commands

# The first that matches the whole of "program arguments" counts.
RULES = [
    (r"run\.py .*--xenvif.*", XENVIF),
    (r"run\.py --xen.*", XEN),
    (r"run\.py --quick( --timeline timeline\.json)?", By("test_looking")),
    (r"run\.py --report FILE\.html", By("test_looking")),
    (r"run\.py --open.*", By("test_failure_folder")),
    (r"run\.py (--guard-pages )?-- ping -c 3 -w 4 198\.18\.0\.1", By("test_walkthrough")),
    (r"run\.py -- COMMAND", By("test_cli")),
    (r"run\.py (-- curl .*|--shell|--help)", Run()),
    (r"run\.py --processors N --group-size N", By("test_cli")),
    (r"run\.py (--checked --debug|--debug --driver FILE\.sys)", By("test_debugger")),
    (r"run\.py .*--debug.*", Run(DRIVER, ("--seconds", "1", "--debug-commands", "FOLDER/commands"),
                                 says=r"(?s)`TransmitSend.*left behind         nothing")),
    (r"run\.py --driver virtual\.sys|run\.py --lenient --driver FILE", By("test_no_wire")),
    (r"run\.py --quick --driver FILE\.sys --inf FILE\.inf", Run(DRIVER, PING, "other.sys")),
    (r"run\.py .*", Run({**DRIVER, "run.pcapng": "FOLDER/run.pcapng"}, PING, "left behind")),

    (r"test\.py --debug.*", By("test_debugger")),
    (r"test\.py .*--xenvif.*|test\.py --xenvif.*", XENVIF),
    (r"test\.py .*--timeline timeline\.json", Run({"timeline.json": "FOLDER/timeline.json", "...": f"7 {LIFE}"},
                                                  says="timeline /|1 passed")),
    (r"test\.py --list", Run(says=LIFE)),
    (r"test\.py --pct 2 --seeds 500 test_life", Run({"500": "2", "test_life": LIFE}, says="1 passed, 0 failed")),
    (r"test\.py --seeds 2000 test_life|test\.py --seed 1234 test_life|test\.py --seed 7 test_.*",
     By("test_life")),
    (r"test\.py --driver FILE.*", Run({**DRIVER, "[--lenient]": "--lenient"}, (NEWEST,), "1 passed, 0 failed")),
    (r"test\.py (--sanitize|--every-release|--xen-guests).*", Not("takes many minutes")),
    (r"test\.py --x86.*", By("test_x86")),
    (r"test\.py driver/.*", Not("takes minutes; each ./test.py runs them")),
    (r"test\.py test_first_story", By("test_walkthrough")),
    (r"test\.py test_xen.*", XEN),
    (r"test\.py '?(test_|\*)[\w:*]+'?( '?test_[\w:*]+'?)*", Not("runs in each ./test.py")),

    (r"explore\.py --replay explore-failure\.txt", Run({"explore-failure.txt": str(LIST)}, says="no failure")),
    (r"explore\.py --report", By("test_report")),
    (r"explore\.py --systematic.*", By("test_systematic")),
    (r"explore\.py .*--xenvif .*", XENVIF),
    (r"explore\.py .*--against live.*", By("test_explore")),
    (r"explore\.py .*", Run({"400000": "400", "1000000": "400", "200000": "400", "100000": "400", "4000000": "400",
                             "N": "400", "S": "1", "explore.html": "FOLDER/explore.html"}, says="0 failed")),

    (r"bench\.py --turns 5 .*", Run({"--xenvif FILE": None, **DRIVER, "5": "1", "bench.html": "FOLDER/bench.html",
                                     "bench.json": "FOLDER/bench.json"}, ("--seconds", "1"), "TCP out, Gb/s", True)),
    (r"bench\.py --flame .*", By("test_bench")),
    (r"bench\.py --scale .*", Run({"1,2,4,4/8": "1,2/3", "1,2,4": "1,2/3", "--turns 3": None, "--seconds 1": None},
                                  ("--turns", "1", "--seconds", "1"), "this driver, 2 queues, 3 processors", True)),
    (r"bench\.py --xenvif .*", XENVIF),
    (r"bench\.py .*", By("test_bench")),

    (r"build\.py (free|checked)", By("test_build")),
    (r"build\.py --help", Run(says="--submission")),
    (r"build\.py --submission", By("test_submission")),
    (r"build\.py free .*", CERTIFICATE),
    (r"kdfiles\.py .*", By("test_kdfiles")),

    (r"scripts/check/instructions\.py --ticks( --turns 61)?",
     Run(add=("--turns", "1"), says="ticks a packet", long=True)),
    (r"scripts/check/instructions\.py --driver FILE --inf FILE", Run(
        {"--inf FILE": "--inf FOLDER/other.inf", **DRIVER}, says="instructions a packet", long=True)),
    (r"scripts/check/instructions\.py .*", Run(DRIVER, says="instructions a packet", long=True)),
    (r"scripts/check/coverage\.py (\[--lines\]|test_rss)", By("test_stopping")),
    (r"scripts/check/coverage\.py .*", Run({"[--lines]": "--lines", "[--branches]": "--branches", "[TEST...]": None},
                                           ("--seeds", "1", "test_vlan"), "TOTAL", True)),
    (r"scripts/check/mutations\.py .*", By("test_mutations")),
    (r"scripts/check/faults\.py .*", By("test_faults")),
    (r"scripts/check/races\.py .*", By("test_stopping")),
    (r"scripts/check/probe\.py .*", By("test_probe")),
    (r"scripts/timeline/check\.py .*", By("test_timeline")),
    (r"scripts/sign/catalog\.py --list", By("test_catalog")),
    (r"scripts/build/symbols\.py resolve .*", By("test_symbols")),
]


def rule_of(text):
    """Of a check that none names: the test that is called as it is."""
    own = re.match(r"scripts/check/(\w+)\.py", text)
    by_name = By(f"test_{own[1]}") if own and any((ROOT / "tests").rglob(f"test_{own[1]}.py")) else None
    if " " not in text:
        return ALONE.get(text, by_name)
    return next((rule for pattern, rule in RULES if re.fullmatch(pattern, text)), by_name)


def every():
    """{command: documents that have it}."""
    found = {}
    for document, program, arguments in commands():
        if program not in MODULES:
            words = [word for word in arguments if word != "\\"]
            found.setdefault(" ".join([program, *words]), []).append(document)
    return found


def argv_of(text, rule, folder):
    for old, new in rule.replace.items():
        text = re.sub(rf"(?<!\S){re.escape(old)}(?!\S)", (new or "").replace("\\", r"\\"), text)
    words = shlex.split(text) + list(rule.add)
    return [word.replace("FOLDER", folder) for word in words]


class Commands(unittest.TestCase):
    def test_every_command_is_run_or_says_why_not(self):
        self.assertGreater(len(every()), 90)
        self.assertEqual([f"{', '.join(documents)}: {text}" for text, documents in every().items()
                          if rule_of(text) is None], [])

    def test_every_rule_is_needed_and_the_tests_that_it_names_are_there(self):
        used = {next((pattern for pattern, _ in RULES if re.fullmatch(pattern, text)), None)
                for text in every() if " " in text}
        self.assertEqual([pattern for pattern, _ in RULES if pattern not in used], [])
        self.assertEqual(set(ALONE) - set(every()), set())
        stems = {path.stem for path in (ROOT / "tests").rglob("test_*.*")}
        self.assertEqual([rule.test for rule in [*ALONE.values(), *(rule for _, rule in RULES)]
                          if isinstance(rule, By) and rule.test not in stems], [])

    @needs_traffic
    def test_each_that_can_be_run_works(self):
        self.run_all(False)

    @needs_traffic
    @unittest.skipUnless("XENNET_LONG" in os.environ, "takes minutes: XENNET_LONG=1 ./test.py test_commands")
    def test_each_that_takes_long_works(self):
        self.run_all(True)

    def run_all(self, long):
        ensure_built()
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            for name, source in (("other.sys", made.DRIVER), ("other.inf", made.INF),
                                 ("xennet.pdb", made.DRIVER.with_suffix(".pdb"))):
                shutil.copyfile(source, Path(folder, name))
            Path(folder, "commands").write_text(STOP_AND_GO, encoding="utf-8")
            chosen = {}
            for text in every():
                rule = rule_of(text)
                if isinstance(rule, Run) and rule.long == long:
                    chosen.setdefault(tuple(argv_of(text, rule, folder)), (text, rule))
            self.assertGreater(len(chosen), 4)
            for argv, (text, rule) in chosen.items():
                with self.subTest(text):
                    self.run_one(argv, rule)

    def run_one(self, argv, rule):
        done = subprocess.run([sys.executable, "-B", str(ROOT / argv[0]), *argv[1:]], cwd=ROOT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, f"{' '.join(argv)}\n{done.stdout[-3000:]}")
        if rule.says:
            self.assertRegex(done.stdout, rule.says)


if __name__ == "__main__":
    unittest.main()
