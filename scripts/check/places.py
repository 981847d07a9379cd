# SPDX-License-Identifier: BSD-2-Clause
"""Places in C sources by name: the function, table, record or macro they stand in, and the words that stand there.

A place is found wherever its file goes and however its lines are broken, because only words (tokens) are compared;
"..." stands for any words between, up to the end of what they stand in. A rename over the whole tree takes the names
along.
"""

import functools
import re

TOKEN = (
    re.compile(
        r'''L?"(?:\\.|[^"\\\n])*"|L?'(?:\\.|[^'\\\n])*'|\w+'''
        r'''|->|\+\+|--|<<=|>>=|\.\.\.|<<|>>|[-+*/%&|^!=<>]=|&&|\|\||##|[^\s\w]'''))
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
OPEN, CLOSE = "([{", ")]}"
ANY = "..."


def tokens(text):
    """[(word, start, end)] without comments."""
    blank = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    return [(match.group(), match.start(), match.end()) for match in TOKEN.finditer(blank)]


def _directives(text):
    """Preprocessor lines with those that continue them: [(start, end)]."""
    return [match.span() for match in re.finditer(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", text, re.MULTILINE)]


def _name(words):
    """What a declaration or definition at file level declares."""
    depth, plain = 0, []
    for word in words:
        if word in OPEN:
            if depth == 0:
                plain.append(word)
            depth += 1
        elif word in CLOSE:
            depth -= 1
        elif depth == 0:
            plain.append(word)
    if "=" in plain:
        plain = plain[:plain.index("=")]
    names = [word for word in plain if word[0].isalpha() or word[0] == "_"]
    if plain[0] in ("struct", "union", "enum") and plain[-1] == ";" and len(names) == 2:
        return names[1]
    calls = [index for index, word in enumerate(plain) if word == "(" and index > 0]
    if calls and "{" not in plain[:calls[-1]] and "typedef" not in plain:
        return plain[calls[-1] - 1]
    return names[-1] if names else ""


@functools.lru_cache(maxsize=None)
def items(text):
    """[(name, tokens)] of what stands at file level."""
    found, words, depth, plain = [], [], 0, text
    for start, end in _directives(text):
        line = [(word, at + start, to + start) for word, at, to in tokens(text[start:end])]
        if len(line) > 2 and line[1][0] == "define":
            found.append((line[2][0], line))
        plain = plain[:start] + " " * (end - start) + plain[end:]
    for token in tokens(plain):
        word = token[0]
        words.append(token)
        depth += (word in OPEN) - (word in CLOSE)
        body = word == "}" and depth == 0 and _is_function([one[0] for one in words])
        if depth == 0 and (word == ";" or body):
            found.append((_name([one[0] for one in words]), words))
            words = []
    return found


def _is_function(words):
    """Whether a closing brace at file level ends a function, or a record or a table whose declaration goes on."""
    depth = 0
    for index, word in enumerate(words):
        if word == "{" and depth == 0:
            return words[index - 1] == ")"
        depth += (word in OPEN) - (word in CLOSE)
    return False


def _end(words, at, wanted):
    """Where the wanted words, from the token `at` on, end; None if they do not stand there."""
    for index, word in enumerate(wanted):
        if word == ANY:
            depth = 0
            for skip in range(at, len(words)):
                if depth == 0:
                    end = _end(words, skip, wanted[index + 1:])
                    if end is not None:
                        return end
                depth += (words[skip] in OPEN) - (words[skip] in CLOSE)
                if depth < 0:
                    return None
            return None
        if at >= len(words) or words[at] != word:
            return None
        at += 1
    return at


def find(text, where, pattern):
    """[(start, end)] of the pattern in all that is called `where`."""
    wanted, found = [word for word, _, _ in tokens(pattern)], []
    for name, parts in items(text):
        if name != where:
            continue
        words = [part[0] for part in parts]
        for at in range(len(words)):
            end = _end(words, at, wanted)
            if end is not None:
                found.append((parts[at][1], parts[end - 1][2]))
    return found
