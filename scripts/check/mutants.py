# SPDX-License-Identifier: BSD-2-Clause
"""Mistakes made by rule rather than by hand: in each function of a C source every condition, comparison, constant,
sign and call, one at a time.
"""

import collections
import re

from scripts.check import places

# file: its name; start, end: of the words that `new` takes the place of
Mutant = collections.namedtuple("Mutant", "file function line start end old new")

SWAPPED = {"&&": "||", "||": "&&", "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-",
           "-": "+", "+=": "-=", "-=": "+=", "++": "--", "--": "++", "|=": "&=", "&=": "|=", "<<": ">>", ">>": "<<",
           "TRUE": "FALSE", "FALSE": "TRUE", "break": "continue"}
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$")
STATUS = re.compile(r"(NDIS_)?STATUS_[A-Z0-9_]+$")
WORD = re.compile(r"\w+$")
UNARY_AFTER = set("([{,;=?:!~&|^<>+-*/%") | {"return", "case", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "|=",
                                             "&="}
KEYWORDS = {"if", "while", "for", "switch", "return", "sizeof", "else", "do", "case", "goto"}
NOTHING_IN_IT = ("C_ASSERT", "DEBUG_ASSERT", "DEBUG_ASSERT_LOCKED", "DEBUG_INFO", "DEBUG_ERROR",
                 "UNREFERENCED_PARAMETER")


def _closing(words, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for index in range(at, len(words)):
        depth += (words[index] in places.OPEN) - (words[index] in places.CLOSE)
        if depth == 0:
            return index
    return len(words) - 1


def _skipped(words):
    """Indexes of words in calls that are empty in a free build."""
    skipped = set()
    for index, word in enumerate(words[:-1]):
        if word in NOTHING_IN_IT and words[index + 1] == "(":
            skipped.update(range(index, _closing(words, index + 1) + 1))
    return skipped


def _word(words, index, previous):
    """What takes the place of one word, or None."""
    word = words[index]
    if word in ("+", "-", "<", ">") and word in "+-" and (previous in UNARY_AFTER or previous == ")"
                                                           and words[index + 1] in "(+-"):
        return None
    if word == "break":
        return None
    if word in SWAPPED:
        return SWAPPED[word]
    number = NUMBER.match(word)
    if number:
        return f"({word} + 1)" if previous != "[" or words[index + 1] != "]" else f"{word} + 1"
    if STATUS.match(word) and words[index + 1] != "(":
        prefix = "NDIS_" if word.startswith("NDIS_") else ""
        return (prefix + ("STATUS_FAILURE" if prefix else "STATUS_UNSUCCESSFUL")
                if word.endswith("STATUS_SUCCESS") else prefix + "STATUS_SUCCESS")
    return None


def _in_function(text, file, name, parts):
    """The mutants of one function's body."""
    words = [part[0] for part in parts]
    skipped = _skipped(words)
    body = next(index for index, word in enumerate(words) if word == "{" and words[index - 1] == ")")

    def mutant(first, last, new):
        start, end = parts[first][1], parts[last][2]
        return Mutant(file, name, text.count("\n", 0, start) + 1, start, end, text[start:end], new)

    for index in range(body + 1, len(words) - 1):
        word, previous = words[index], words[index - 1]
        if index in skipped:
            continue
        if word in ("if", "while") and words[index + 1] == "(":
            last = _closing(words, index + 1)
            inner = text[parts[index + 1][1]:parts[last][2]]
            yield mutant(index + 1, last, f"(!{inner})" if word == "if" else f"(0 && {inner})")
        elif word == "?":
            yield mutant(index, index, "&& 0 ?")
        elif WORD.match(word) and words[index + 1] == "(" and previous in (";", "{", "}", ")") and \
                word not in KEYWORDS:
            last = _closing(words, index + 1)
            if words[last + 1] == ";" and not (previous == ")" and words[index - 2:index] == ["VOID", ")"]):
                yield mutant(index, last, "((void)0)")
        new = _word(words, index, previous)
        if new is not None:
            yield mutant(index, index, new)


def of_file(path):
    """Every mutant of a source, in order."""
    text = path.read_text()
    found = []
    for name, parts in places.items(text):
        words = [part[0] for part in parts]
        if words and words[-1] == "}" and places._is_function(words):
            found += _in_function(text, path.name, name, parts)
    return found
