# SPDX-License-Identifier: BSD-2-Clause
"""What all commands share: how a command ends, how it speaks, and how it reads options and their values.

Whoever finds something wrong raises Stop with one sentence that names the thing and says what to do; main()
prints it and gives the exit status. Nothing below main() calls sys.exit or prints an error itself.
"""

import argparse
import collections
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130
HELP_COLUMNS = 132
HELP_OPTION_COLUMNS = 30
KEPT_LINES = 2000
# Windows lacks the last
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stop(Exception):
    """Ends the command: `text` is for the user, `status` the exit status (2: the user's to put right)."""

    def __init__(self, text, status=2):
        super().__init__(text)
        self.text = text
        self.status = status


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """One line for each option, whatever the terminal's width."""

    def __init__(self, prog):
        super().__init__(prog, width=HELP_COLUMNS, max_help_position=HELP_OPTION_COLUMNS)


class Parser(argparse.ArgumentParser):
    """An option parser whose errors are one sentence. `text` is a module's own: what it does, its usage, the rest."""

    def __init__(self, text=None, **options):
        if text is not None:
            what, use, *rest = text.strip().split("\n\n")
            options = {"usage": use[len("usage: "):], "description": "\n\n".join([what, *rest]), **options}
        super().__init__(allow_abbrev=False, formatter_class=HelpFormatter, **options)

    def keep_for_all(self, names, rest):
        """These options, and the text `rest`, are shown by --help-all alone: --help is to fit a screen."""
        self._kept = {action: action.help for action in self._actions if set(action.option_strings) & set(names)}
        self._rest = rest
        for action in self._kept:
            action.help = argparse.SUPPRESS
        self.add_argument("--help-all", action=_HelpAll, nargs=0, help="show the options that are seldom needed, too")

    def show_all(self):
        for action, text in self._kept.items():
            action.help = text
        self.epilog = f"{self._rest}\n{self.epilog}"
        self.print_help()
        self.exit()

    def error(self, message):
        raise Stop(f"{message}; see --help")


class _HelpAll(argparse.Action):
    def __call__(self, parser, _namespace, _values, option_string=None):
        parser.show_all()


class Screen:
    """Standard output shared by the steps and the status line; any thread may write.

    On a terminal the status is one line that is rewritten; elsewhere every status is a line of its own.
    """

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        # A dumb terminal (an editor's, a serial log's) takes no escape codes.
        self.terminal = self.stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")
        self.kept = collections.deque(maxlen=KEPT_LINES)    # what was shown, for the folder of a failed run
        self._lock = threading.Lock()
        self._status = False
        self._broken = False

    def line(self, text=""):
        self.kept.append(text)
        with self._lock:
            self._write(self._clear() + text + "\n")

    def status(self, text):
        self.kept.append(text)
        with self._lock:
            if self.terminal:
                width = shutil.get_terminal_size().columns - 1
                self._write(self._clear() + text[:width])
                self._status = True
            else:
                self._write(text + "\n")

    def clear(self):
        with self._lock:
            self._write(self._clear())

    def _clear(self):
        if not self._status:
            return ""
        self._status = False
        return "\r\x1b[K"

    def _write(self, text):
        if self._broken:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            # The reader went away; the work is still finished and cleaned up, and the exit has nothing left to flush.
            self._broken = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())


def number(name, least, most):
    """An option type: a whole number of `least` to `most`."""
    def read(text):
        try:
            value = int(text, 10)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise Stop(f"{name} takes a whole number from {least} to {most}, not '{text}'")
        return value
    return read


def one_of(name, values):
    """An option type: one of the given words."""
    def read(text):
        if text not in values:
            raise Stop(f"{name} '{text}' is not known: use one of {', '.join(values)}")
        return text
    return read


def words_of(name, values):
    """An option type: comma-separated words, each one of the given."""
    def read(text):
        words = text.split(",")
        for word in words:
            if word not in values:
                raise Stop(f"{name} '{word}' is not known: use any of {', '.join(values)}, joined by commas")
        return words
    return read


def existing_file(name):
    """An option type: a file that can be read."""
    def read(text):
        path = Path(text)
        if path.is_dir():
            raise Stop(f"{name} {text} is a folder: give the path of a file")
        if not path.exists():
            raise Stop(f"{name} {text} does not exist: give the path of a file that does")
        if not os.access(path, os.R_OK):
            raise Stop(f"{name} {text} cannot be read: give a file that this user may read")
        return path.resolve()
    return read


def new_file(name):
    """An option type: a file that can be written; it is not created yet."""
    def read(text):
        path = Path(text)
        if path.is_dir():
            raise Stop(f"{name} {text} is a folder: give the path of a file to write")
        if not path.parent.is_dir():
            raise Stop(f"{name} {text}: the folder {path.parent} does not exist: create it or give another path")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise Stop(f"{name} {text} cannot be written: give a path that this user may write")
        return path.resolve()
    return read


def output_file(name):
    """An option type: the same, or a device or pipe that stands for an open file (/dev/stdout)."""
    read_new = new_file(name)

    def read(text):
        path = Path(text)
        if path.exists() and not path.is_file() and not path.is_dir():
            if not os.access(path, os.W_OK):
                raise Stop(f"{name} {text} cannot be written: give a path that this user may write")
            return path
        if str(path.resolve()).startswith(("/proc/", "/sys/")):
            raise Stop(f"{name} {text} is no place for a new file: give a path on a disk")
        return read_new(text)
    return read


def _interrupt(_signum, _frame):
    """One way out for Ctrl-C and its kin. From here on they are ignored, so that nothing disturbs the taking down."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
    if sys.platform == "linux":
        from scripts.run import children  # what only a command that is stopped needs
        children.adopt()
    raise KeyboardInterrupt


def _end_what_runs():
    """A command that is stopped leaves no process behind, and none of its children's."""
    if sys.platform == "linux":
        from scripts.run import children
        children.end_descendants(reap=True)


def main(command, text=None):
    """Run `command(arguments)` and return the exit status of the process. Without arguments `text`, if given, is all
    there is.
    """
    program = Path(sys.argv[0]).name
    if text is not None and not sys.argv[1:]:
        print(text.strip())
        return 2
    for signum in SIGNALS:
        signal.signal(signum, _interrupt)
    try:
        return command(sys.argv[1:]) or 0
    except Stop as stop:
        sys.stdout.flush()
        print(f"{program}: {stop.text}", file=sys.stderr)
        return stop.status
    except OSError as error:
        sys.stdout.flush()
        print(f"{program}: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        _end_what_runs()
        print(f"\n{program}: stopped", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:  # argparse after --help
        return end.code or 0
