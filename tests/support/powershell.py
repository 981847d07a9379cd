# SPDX-License-Identifier: BSD-2-Clause
"""An interpreter for the part of PowerShell that the package's scripts are written in; Debian has no PowerShell.

It parses a whole script first, so what is outside that part stops the test with its line: nothing is skipped. Values
are Python's: None for $null, str, int, bool, list, dict for a hashtable, and objects of the simulated Windows
(windows_scene.py), which also has the commands, static members and programs. Strings compare without case, as in
PowerShell; a pipeline's output of one value is that value.
"""

import re

TOKEN = re.compile(r"""
    (?P<space>[ \t]+|`\r?\n|<\#.*?\#>|\#[^\n]*)
  | (?P<here>@'\r?\n.*?\r?\n'@)
  | (?P<newline>\r?\n|;)
  | (?P<single>'(?:[^']|'')*')
  | (?P<double>"(?:[^"`]|`.|"")*")
  | (?P<variable>\$(?:\{\w+\}|env:\w+|\w+))
  | (?P<open>[@$]\(|@\{|[({\[])
  | (?P<close>[)}\]])
  | (?P<redirect>2>&1)
  | (?P<dots>::|\.(?=\w)|\.(?=\s*\()|\.(?=\$))
  | (?P<operator>\+=|[=|,&+\-*/!]=?(?![A-Za-z]))
  | (?P<flag>-[A-Za-z]\w*)
  | (?P<number>\d+(?![\w.\\:]))
  | (?P<word>[^\s(){}\[\];,|'"]+?(?=::|\.(?=\w+\s*\()|[\s(){}\[\];,|'"]|$))
""", re.VERBOSE | re.DOTALL)
MEMBER = re.compile(r"\w+")
COMPARE = ("-eq", "-ne", "-ge", "-lt", "-match", "-notcontains", "-split", "-join", "-f", "-and", "-or")
LEVELS = (("-and", "-or"), COMPARE[:6] + ("-split", "-join"), ("+",), ("-f",))


class Unknown(Exception):
    """What is not in this part of PowerShell."""


class Return(Exception):
    pass


class Continue(Exception):
    pass


class Exit(Exception):
    pass


class Thrown(Exception):
    """A terminating error."""


class Token:
    def __init__(self, kind, text, line, spaced):
        self.kind, self.text, self.line, self.spaced = kind, text, line, spaced


def tokens(text):
    found, at, line, spaced = [], 0, 1, False
    while at < len(text):
        match = TOKEN.match(text, at)
        name = MEMBER.match(text, at) if found and found[-1].kind == "dots" and not spaced else None
        if name:
            found.append(Token("word", name.group(), line, False))
            at = name.end()
            continue
        if match is None:
            raise Unknown(f"line {line}: {text[at:at + 20]!r}")
        kind = match.lastgroup
        if kind == "space":
            spaced = True
        else:
            found.append(Token(kind, match.group(), line, spaced))
            spaced = False
        line += match.group().count("\n")
        at = match.end()
    return found + [Token("end", "", line, True)]


class Parser:
    """Statements and expressions as tuples, the first element naming the kind."""

    def __init__(self, text):
        self.tokens, self.at = tokens(text), 0

    @property
    def now(self):
        return self.tokens[self.at]

    def unknown(self):
        raise Unknown(f"line {self.now.line}: {self.now.kind} {self.now.text!r}")

    def take(self, *texts):
        token = self.now
        if texts and token.text not in texts:
            self.unknown()
        self.at += 1
        return token

    def skip(self):
        while self.now.kind == "newline":
            self.at += 1

    def statements(self, end):
        found = []
        self.skip()
        while self.now.text != end or self.now.kind in ("single", "double"):
            if self.now.kind == "end" and end:
                self.unknown()
            found.append(self.statement())
            self.skip()
        self.take()
        return found

    def block(self):
        self.skip()
        self.take("{")
        return self.statements("}")

    def condition(self):
        self.take("(")
        found = self.pipeline()
        self.take(")")
        return found

    def statement(self):
        token = self.now
        word = token.text if token.kind == "word" else ""
        if word == "function":
            self.take()
            name = self.take().text
            parameters = self.parameters() if self.now.text == "(" else []
            return ("function", name, parameters, self.block())
        if word == "param":
            self.take()
            return ("param", self.parameters())
        if word == "if":
            return self.if_statement()
        if word == "foreach":
            self.take()
            self.take("(")
            name = self.take().text
            self.take("in")
            source = self.pipeline()
            self.take(")")
            return ("foreach", name[1:], source, self.block())
        if word == "switch":
            return self.switch_statement()
        if word == "try":
            return self.try_statement()
        if word in ("return", "exit"):
            self.take()
            return (word, None if self.ends() else self.pipeline())
        if word == "continue":
            self.take()
            return ("continue",)
        return self.assignment()

    def if_statement(self):
        self.take("if", "elseif")
        test, body = self.condition(), self.block()
        mark = self.at
        self.skip()
        if self.now.text == "elseif":
            return ("if", test, body, [self.if_statement()])
        if self.now.text == "else":
            self.take()
            return ("if", test, body, self.block())
        self.at = mark
        return ("if", test, body, [])

    def switch_statement(self):
        self.take("switch")
        value, cases = self.condition(), []
        self.skip()
        self.take("{")
        self.skip()
        while self.now.text != "}":
            token = self.take()
            label = None if token.text == "default" else self.literal(token)
            cases.append((label, self.block()))
            self.skip()
        self.take("}")
        return ("switch", value, cases)

    def try_statement(self):
        self.take("try")
        body, handler, last = self.block(), None, []
        if self.now.text == "catch":
            self.take()
            handler = self.block()
        if self.now.text == "finally":
            self.take()
            last = self.block()
        return ("try", body, handler, last)

    def parameters(self):
        found = []
        self.take("(")
        self.skip()
        while self.now.text != ")":
            kind = None
            if self.now.text == "[":
                kind = self.type_name()
            name = self.take().text[1:]
            default = None
            if self.now.text == "=":
                self.take()
                default = self.unary()
            found.append((name, kind, default))
            self.skip()
            if self.now.text == ",":
                self.take()
                self.skip()
        self.take(")")
        return found

    def type_name(self):
        """[Name] or [Name[]], up to its bracket."""
        self.take("[")
        text = ""
        while self.now.text != "]":
            if self.now.text == "[":
                self.take()
                self.take("]")
                text += "[]"
            else:
                text += self.take().text
        self.take("]")
        return text

    def ends(self):
        return self.now.kind in ("newline", "end") or self.now.text in ("}", ")", "|") and self.now.kind != "single"

    def assignment(self):
        start = self.at
        if self.now.kind == "variable":
            name = self.take().text
            if self.now.text in ("=", "+=") and self.now.kind == "operator":
                operator = self.take().text
                self.skip()
                return ("assign", name[1:].strip("{}"), operator, self.pipeline())
            self.at = start
        return ("output", self.pipeline())

    def pipeline(self):
        stages = [self.stage()]
        while self.now.text == "|":
            self.take()
            self.skip()
            stages.append(self.stage())
        return stages[0] if len(stages) == 1 else ("pipe", stages)

    def stage(self):
        token = self.now
        if token.text == "&":
            self.take()
            return self.arguments(("native", self.primary()))
        if token.kind == "dots":
            self.take()
            return ("source", self.primary())
        if token.kind == "word":
            self.take()
            return self.arguments(("command", token.text, token.line))
        return self.expression()

    def arguments(self, head):
        found = []
        while not self.ends():
            if self.now.kind == "redirect":
                self.take()
            elif self.now.kind == "flag":
                found.append(("flag", self.take().text[1:]))
            elif self.now.kind == "word":
                found.append(("value", ("constant", self.take().text)))
            else:
                found.append(("value", self.listed(self.unary)))
        return (*head, found)

    def expression(self, level=0):
        if level == len(LEVELS):
            return self.listed(self.unary)
        left = self.expression(level + 1)
        while self.now.text in LEVELS[level] and self.now.kind in ("flag", "operator"):
            operator = self.take().text
            self.skip()
            left = ("binary", operator, left, self.expression(level + 1))
        return left

    def listed(self, each):
        found = [each()]
        while self.now.text == ",":
            self.take()
            self.skip()
            found.append(each())
        return found[0] if len(found) == 1 else ("list", found)

    def unary(self):
        if self.now.text == "-not":
            self.take()
            return ("not", self.unary())
        if self.now.text == "[" and self.now.kind == "open":
            name = self.type_name()
            if self.now.text == "::":
                self.take()
                return self.members(self.member(("static", name)))
            return ("cast", name, self.unary())
        return self.members(self.primary())

    def member(self, of):
        name = self.take()
        if name.kind == "variable":
            return ("dynamic", of, name.text[1:])
        if self.now.text == "(" and not self.now.spaced:
            self.take()
            given = []
            while self.now.text != ")":
                given.append(self.unary_expression())
                if self.now.text == ",":
                    self.take()
            self.take(")")
            return ("call", of, name.text, given)
        return ("member", of, name.text)

    def unary_expression(self):
        return self.members(self.primary()) if self.now.text != "[" else self.unary()

    def members(self, found):
        while not self.now.spaced and (self.now.kind == "dots" or self.now.text == "["):
            if self.now.kind == "dots":
                self.take()
                found = self.member(found)
            else:
                self.take()
                found = ("index", found, self.pipeline())
                self.take("]")
        return found

    def literal(self, token):
        if token.kind == "single":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return int(token.text)
        return self.unknown()

    def primary(self):
        token = self.now
        if token.kind in ("single", "number"):
            return ("constant", self.literal(self.take()))
        if token.kind == "here":
            return ("constant", self.take().text[3:-3].strip("\r\n"))
        if token.kind == "double":
            return ("text", text_parts(self.take().text[1:-1]))
        if token.kind == "variable":
            return ("variable", self.take().text[1:].strip("{}"))
        if token.text == "(":
            self.take()
            self.skip()
            found = self.pipeline()
            self.skip()
            self.take(")")
            return found
        if token.text in ("@(", "$("):
            self.take()
            return ("array" if token.text == "@(" else "sub", self.statements(")"))
        if token.text == "@{":
            return self.hashtable()
        if token.text == "{":
            return ("script", self.block())
        return self.unknown()

    def hashtable(self):
        self.take("@{")
        found = []
        self.skip()
        while self.now.text != "}":
            name = self.take().text
            self.take("=")
            found.append((name, self.pipeline()))
            self.skip()
        self.take("}")
        return ("table", found)


ESCAPES = {"t": "\t", "n": "\n", '"': '"', "`": "`", "$": "$"}


def text_parts(text):
    """What a double-quoted string is made of."""
    found, plain, at = [], "", 0
    while at < len(text):
        character = text[at]
        if character == "`":
            plain += ESCAPES[text[at + 1]]
            at += 2
            continue
        match = re.compile(r"\$(?:\{(\w+)\}|(env:\w+|\w+))").match(text, at)
        if text.startswith("$(", at):
            end = closing(text, at + 1)
            found += [("constant", plain), ("sub", Parser(text[at + 2:end]).statements(""))]
            plain, at = "", end + 1
        elif match:
            found += [("constant", plain), ("variable", match.group(1) or match.group(2))]
            plain, at = "", match.end()
        else:
            plain += character
            at += 1
    return found + [("constant", plain)]


def closing(text, at):
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise Unknown(f"$( without its end in {text!r}")


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
