# SPDX-License-Identifier: BSD-2-Clause
"""What may include what. The picture in docs/architecture.md is the include graph: arrows run down, never back up.

A room of the testbed is a folder directly below testbed/; `MAY_USE` says which rooms each may use, and has no circle
itself. In src/xennet no header leads back to itself.
"""

import re
import unittest

from scripts.cli import ROOT

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)

MAY_USE = {
    "run": set(),
    "wire": {"run"},
    "image": {"run", "wire"},
    "xen": {"run"},
    "netback": {"run", "wire", "xen"},
    "nt": {"run", "image"},
    "xenbus": {"run", "nt", "xen"},
    "xenvif": {"run", "wire", "nt", "xen", "xenbus"},
    "busdriver": {"run", "nt", "xen", "xenbus"},
    "ndis": {"run", "wire", "nt", "xen"},
    "program": {"run", "wire", "image", "xen", "netback", "nt", "xenbus", "xenvif", "busdriver", "ndis"},
}

# The two providers of xen/ are chosen where a whole testbed is put together; a domain's own end needs one header.
PRIVATE = {
    "xen/embedded": {"xen", "netback", "program"},
    "xen/real": {"xen", "program"},
}


def includes(folder):
    """(file, what it includes) for each quoted include below a folder, both relative to that folder."""
    for path in sorted(folder.rglob("*.[ch]")):
        for name in INCLUDE.findall(path.read_text()):
            yield path.relative_to(folder).as_posix(), name


def rooms_broken(pairs):
    """What is wrong with the testbed's includes: one sentence each."""
    wrong = []
    for file, name in pairs:
        here, there = file.split("/")[0], name.split("/")[0]
        if name == "abi.h":
            continue
        if "/" not in name or there not in MAY_USE:
            wrong.append(f"{file} includes {name}, which is in no room of the testbed")
        elif there != here and there not in MAY_USE[here]:
            wrong.append(f"{file} includes {name}: {here} may not use {there}")
        for private, users in PRIVATE.items():
            if name.startswith(private + "/") and here not in users:
                wrong.append(f"{file} includes {name}: {here} may not use {private}")
    return wrong


def circles(graph):
    """The circles of a graph {node: set of nodes}, each as the list of its nodes, smallest first."""
    found, done = [], set()

    def walk(node, way):
        if node in way:
            circle = way[way.index(node):]
            first = circle.index(min(circle))
            found.append(circle[first:] + circle[:first])
            return
        if node in done:
            return
        for other in sorted(graph.get(node, ())):
            walk(other, way + [node])
        done.add(node)

    for node in sorted(graph):
        walk(node, [])
    return found


class IncludeGraph(unittest.TestCase):
    def test_every_room_uses_only_what_it_may(self):
        pairs = list(includes(ROOT / "testbed"))
        self.assertGreater(len(pairs), 400)
        self.assertEqual(rooms_broken(pairs), [])

    def test_every_folder_of_the_testbed_is_a_room(self):
        folders = {path.name for path in (ROOT / "testbed").iterdir() if path.is_dir() and any(path.rglob("*.[ch]"))}
        self.assertEqual(folders, set(MAY_USE))

    def test_the_rooms_have_no_circle(self):
        self.assertEqual(circles(MAY_USE), [])

    def test_no_header_of_the_driver_leads_back_to_itself(self):
        driver = ROOT / "src" / "xennet"
        graph = {}
        for file, name in includes(driver):
            if file.endswith(".h") and (driver / name).is_file():
                graph.setdefault(file, set()).add(name)
        self.assertGreater(len(graph), 15)
        self.assertEqual(circles(graph), [])

    def test_an_arrow_that_is_planted_is_found(self):
        for file, name in (("image/image.c", "nt/nt.h"), ("run/sched.c", "wire/frame.h"), ("nt/nt.c", "ndis/ndis.h"),
                           ("xenvif/vif.c", "netback/netback.h"), ("ndis/ndis.c", "xen/embedded/embedded.h"),
                           ("program/report.c", "../include/counters.h"), ("xenbus/store.c", "xenvif/vif.h")):
            with self.subTest(file=file, includes=name):
                self.assertEqual(len(rooms_broken([(file, name)])), 1)
        self.assertEqual(circles({"a.h": {"b.h"}, "b.h": {"c.h"}, "c.h": {"a.h"}, "d.h": {"a.h"}}),
                         [["a.h", "b.h", "c.h"]])


if __name__ == "__main__":
    unittest.main()
