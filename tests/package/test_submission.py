# SPDX-License-Identifier: BSD-2-Clause
"""The cabinet for Partner Center: read back, signed, one architecture with a folder of its own."""

import struct
import tempfile
import unittest
import zlib
from pathlib import Path
from unittest import mock

from scripts.build import editions, package, version
from scripts.cli import ROOT, Stop
from scripts.sign.cabinet import BLOCK, cabinet, checksum


def contents(data):
    """{name: content} of a cabinet; its checksums are tested on the way."""
    magic, size, first = struct.unpack_from("<4s4xI4xI", data)
    folders, files = struct.unpack_from("<HH", data, 26)
    assert (magic, size, folders) == (b"MSCF", len(data), 1)
    at, count, method = struct.unpack_from("<IHH", data, 36)
    assert method == 1
    whole = b""
    for _ in range(count):
        found, packed, plain = struct.unpack_from("<IHH", data, at)
        body = data[at + 8:at + 8 + packed]
        assert found == checksum(data[at + 4:at + 8], checksum(body)) and body[:2] == b"CK"
        whole += zlib.decompressobj(-15).decompress(body[2:])
        assert len(whole) % BLOCK == plain % BLOCK
        at += 8 + packed
    assert at == size
    names, place = {}, first
    for _ in range(files):
        length, offset = struct.unpack_from("<II", data, place)
        end = data.index(b"\0", place + 16)
        names[data[place + 16:end].decode()] = whole[offset:offset + length]
        place = end + 1
    return names


class Cabinet(unittest.TestCase):
    def test_what_was_put_in_comes_out(self):
        files = {"a\\empty": b"", "a\\small": b"x" * 5, "a\\large": bytes(range(256)) * 1000}
        data = cabinet(files, 0x6955b900)
        self.assertEqual(contents(data), files)
        self.assertEqual(data, cabinet(files, 0x6955b900))

    def test_a_checksum_is_that_of_the_specification(self):
        self.assertEqual(checksum(b"\1\0\0\0\2\0\0\0"), 3)
        self.assertEqual(checksum(b"\1\0\0\0ABC"), 1 ^ 0x414243)


class Submission(unittest.TestCase):
    class Signer:
        is_test = False
        signed = None

        def sign(self, source, target):
            self.signed = source.read_bytes()
            target.write_bytes(self.signed)

    def test_it_has_what_partner_center_takes(self):
        for arch in ("x64", "x86"):
            folder = ROOT / "xennet" / editions.WINDOWS10.path(arch)
            files = {path.name: path for path in folder.iterdir()}
            signer, said = self.Signer(), []
            with tempfile.TemporaryDirectory() as place, mock.patch.object(package, "ROOT", Path(place)):
                package.submission(arch, files, signer, said.append)
                target = Path(place) / "build" / "submission" / f"xennet-{version.text()}-{arch}.cab"
                self.assertEqual([path.name for path in target.parent.iterdir()], [target.name])
                found = contents(target.read_bytes())
            self.assertEqual(found, {f"XenNet_{arch}\\{name}": (folder / name).read_bytes()
                                     for name in ("xennet.inf", "xennet.sys", "xennet.pdb", "xennet.cat")})
            self.assertIn("for Partner Center", said[0])


class Store(unittest.TestCase):
    def test_a_store_that_cannot_be_written_stops_before_anything_is_built(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "file").write_text("")
            with mock.patch.dict("os.environ", {"SYMBOL_SERVER": str(Path(folder) / "file" / "store")}), \
                    mock.patch.object(package.driver, "make", side_effect=AssertionError("built")), \
                    self.assertRaises(Stop) as caught:
                package.build("free", ["x64"], None, print)
            self.assertIn("point SYMBOL_SERVER to a folder that this user may write", caught.exception.text)


if __name__ == "__main__":
    unittest.main()
