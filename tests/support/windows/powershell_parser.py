# SPDX-License-Identifier: BSD-2-Clause
"""Scripts of the part of PowerShell that powershell.py runs, as trees of tuples whose first member says what they are.

A whole script is parsed before anything runs, so what is outside that part stops the test with its line.
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
