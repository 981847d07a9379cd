# SPDX-License-Identifier: BSD-2-Clause
"""An interpreter for the part of PowerShell that the package's scripts are written in; Debian has no PowerShell.

It parses a whole script first (powershell_parser.py): nothing is skipped. Values are Python's: None for $null, str,
int, bool, list, dict for a hashtable, and objects of the simulated Windows (windows_scene.py), which also has the
commands, static members and programs. Strings compare without case, as in PowerShell; a pipeline's output of one value
is that value.
"""

import re

from tests.support.windows.powershell_parser import Parser, Unknown


class Return(Exception):
    pass


class Continue(Exception):
    pass


class Exit(Exception):
    pass


class Thrown(Exception):
    """A terminating error."""


def plain(value):
    """A value as PowerShell writes it into a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return " ".join(map(plain, value))
    return str(value)


def truth(value):
    if isinstance(value, list):
        return len(value) > 1 or bool(value) and truth(value[0])
    return value is not None and value != "" and value != 0 and value is not False


def same(left, right):
    if isinstance(left, str) or isinstance(right, str):
        return left is not None and right is not None and plain(left).lower() == plain(right).lower()
    return left == right


def unrolled(value):
    return value if isinstance(value, list) else [] if value is None else [value]


class Script:
    """One run of a script with its parameters. `scene` is the simulated Windows."""

    def __init__(self, path, scene):
        self.scene = scene
        self.path = path
        self.functions = {}
        self.scopes = [{}]
        self.called = set()

    def run(self, **given):
        """The exit code."""
        try:
            self.source(self.path, given)
        except Exit as end:
            return end.args[0]
        return 0

    def source(self, path, given=None):
        parsed = Parser(self.scene.read_script(path)).statements("")
        self.set("MyInvocation", {"MyCommand": {"Path": path}})
        if parsed and parsed[0][0] == "param":
            self.bind(parsed.pop(0)[1], [], given or {})
        return self.block(parsed)

    # --- variables ---

    def get(self, name):
        if name.lower().startswith("env:"):
            return self.scene.environment.get(name[4:])
        constants = {"true": True, "false": False, "null": None}
        if name.lower() in constants:
            return constants[name.lower()]
        for scope in reversed(self.scopes):
            if name.lower() in scope:
                return scope[name.lower()]
        return None

    def set(self, name, value):
        self.scopes[-1][name.lower()] = value

    def bind(self, parameters, values, flags):
        names = [name for name, _, _ in parameters]
        unknown = [flag for flag in flags if flag.lower() not in [name.lower() for name in names]]
        if unknown or len(values) > len(names):
            raise Thrown(f"no parameter {unknown or values}")
        given = {name.lower(): value for name, value in flags.items()}
        rest = iter(values)
        for name, kind, default in parameters:
            if name.lower() in given:
                value = given[name.lower()]
            elif kind == "switch":
                value = False
            else:
                value = next(rest, None)
                if value is None and default is not None:
                    value = self.value(default)
            if kind == "string":
                value = plain(value)
            elif kind == "string[]":
                value = [plain(each) for each in unrolled(value)]
            self.set(name, value)

    # --- statements ---

    def block(self, statements):
        """The values that the statements put out."""
        out = []
        for statement in statements:
            out += self.statement(statement)
        return out

    def statement(self, node):
        return getattr(self, "do_" + node[0])(*node[1:])

    def do_function(self, name, parameters, body):
        self.functions[name.lower()] = (parameters, body)
        return []

    def do_param(self, _parameters):
        raise Unknown("param stands first")

    def do_if(self, test, body, other):
        return self.block(body if truth(self.value(test)) else other)

    def do_foreach(self, name, source, body):
        out = []
        for value in unrolled(self.value(source)):
            self.set(name, value)
            try:
                out += self.block(body)
            except Continue:
                pass
        return out

    def do_switch(self, value, cases):
        found = self.value(value)
        chosen = [body for label, body in cases if label is not None and same(found, label)]
        chosen = chosen or [body for label, body in cases if label is None]
        return [each for body in chosen for each in self.block(body)]

    def do_try(self, body, handler, last):
        try:
            try:
                return self.block(body)
            except Thrown as error:
                if handler is None:
                    raise
                self.set("_", str(error))
                return self.block(handler)
        finally:
            self.block(last)

    def do_return(self, value):
        raise Return([] if value is None else unrolled(self.value(value)))

    def do_exit(self, value):
        raise Exit(0 if value is None else self.value(value))

    def do_continue(self):
        raise Continue

    def do_assign(self, name, operator, value):
        found = self.value(value)
        if operator == "+=":
            found = self.plus(self.get(name), found)
        self.set(name, found)
        return []

    def do_output(self, node):
        return unrolled(self.value(node))

    # --- expressions ---

    def value(self, node):
        return getattr(self, "of_" + node[0])(*node[1:])

    @staticmethod
    def of_constant(value):
        return value

    def of_text(self, parts):
        return "".join(plain(self.value(part)) for part in parts)

    def of_variable(self, name):
        return self.get(name)

    def of_array(self, statements):
        return self.block(statements)

    def of_sub(self, statements):
        found = self.block(statements)
        return found[0] if len(found) == 1 else found or None

    def of_list(self, nodes):
        return [self.value(node) for node in nodes]

    def of_table(self, entries):
        return {name: self.value(node) for name, node in entries}

    @staticmethod
    def of_script(body):
        return ("script", body)

    def of_not(self, node):
        return not truth(self.value(node))

    def of_cast(self, kind, node):
        found = self.value(node)
        if kind != "void":
            raise Unknown(f"[{kind}]")
        del found

    def of_static(self, name):
        return self.scene.static(name)

    def of_member(self, of, name):
        return self.scene.member(self.value(of), name)

    def of_dynamic(self, of, variable):
        return self.scene.member(self.value(of), self.get(variable))

    def of_call(self, of, name, given):
        return self.scene.call(self.value(of), name, [self.value(node) for node in given])

    def of_index(self, of, index):
        found, place = self.value(of), self.value(index)
        if isinstance(found, str):
            return found[place]
        return found[place] if found and place < len(found) else None

    @staticmethod
    def plus(left, right):
        if isinstance(left, list):
            return left + unrolled(right)
        if isinstance(left, str):
            return left + plain(right)
        return right if left is None else left + right

    def of_binary(self, operator, left, right):
        first = self.value(left)
        if operator in ("-and", "-or"):
            return truth(first) and truth(self.value(right)) if operator == "-and" else (truth(first)
                                                                                         or truth(self.value(right)))
        second = self.value(right)
        if operator == "+":
            return self.plus(first, second)
        if operator in ("-eq", "-ne"):
            return same(first, second) == (operator == "-eq")
        if operator in ("-ge", "-lt"):
            return (first >= second) == (operator == "-ge")
        if operator == "-match":
            return re.search(second, plain(first), re.IGNORECASE) is not None
        if operator == "-notcontains":
            return not any(same(each, second) for each in unrolled(first))
        if operator == "-split":
            return re.split(second, plain(first), flags=re.IGNORECASE)
        if operator == "-join":
            return second.join(map(plain, unrolled(first)))
        return self.scene.format(first, unrolled(second))

    # --- commands ---

    def of_source(self, node):
        self.source(self.value(node))

    def of_pipe(self, stages):
        values = unrolled(self.value(stages[0]))
        for stage in stages[1:]:
            if stage[0] != "command" or len(stage[3]) != 1:
                raise Unknown(f"a pipe into {stage[:2]}")
            _, body = self.value(stage[3][0][1])
            kept = []
            for value in values:
                self.set("_", value)
                out = self.block(body)
                if stage[1] == "ForEach-Object":
                    kept += out
                elif stage[1] == "Where-Object":
                    kept += [value] if truth(out) else []
                else:
                    raise Unknown(f"line {stage[2]}: a pipe into {stage[1]}")
            values = kept
        return values[0] if len(values) == 1 else values

    def of_native(self, path, arguments):
        words = [plain(word) for _, node in arguments for word in unrolled(self.value(node))]
        status, lines = self.scene.native(self.value(path), words)
        self.scopes[0]["lastexitcode"] = status
        return lines

    def of_command(self, name, line, arguments):
        values, flags, pending = [], {}, None
        for kind, content in arguments:
            if kind == "flag":
                if pending:
                    flags[pending] = True
                pending = content
            elif pending:
                flags[pending], pending = self.value(content), None
            else:
                values.append(self.value(content))
        if pending:
            flags[pending] = True
        self.called.add(name)
        if name.lower() in self.functions:
            parameters, body = self.functions[name.lower()]
            self.scopes.append({})
            try:
                self.bind(parameters, values, flags)
                out = self.block(body)
            except Return as found:
                out = found.args[0]
            finally:
                self.scopes.pop()
            return out[0] if len(out) == 1 else out or None
        out = self.scene.command(name, values, flags, f"line {line}")
        return out
