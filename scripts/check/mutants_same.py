# SPDX-License-Identifier: BSD-2-Clause
"""Generated mistakes (scripts/check/mutants.py) that no test can notice, each with the reason.

Each row: the function; the words that stand there once (scripts/check/places.py); the words with the mistake; why the
driver does the same with it, or what it would take that cannot happen. Read when they survived.
"""

SAME = (
    ("ConfigIsValid", "(Value - Keyword->Minimum) % Keyword->Step", "(Value + Keyword->Minimum) % Keyword->Step",
     "each lowest value in keywords.ini is a multiple of its step"),
    ("LinkQueryFrameSize", "ULONG Size = 0;", "ULONG Size = (0 + 1);", "XenVif always writes it; both are invalid"),
)
