# SPDX-License-Identifier: BSD-2-Clause
"""What a signature covers: the bytes of a PE image without its checksum, its certificate entry and its certificates.

The hash over these bytes is the same before and after signing, so a catalog can be made either way round, and two
images that are the same up to the signature have the same hash. Layouts: Microsoft's PE format specification and
"Windows Authenticode Portable Executable Signature Format".
"""

import hashlib
import struct

from scripts.cli import Stop

CERTIFICATE_ENTRY = 4    # index of the certificate table among the data directories


class Image:
    """The places in a PE image that signing changes, and what identifies it to a symbol server."""

    def __init__(self, data, name="image"):
        self.data = data
        try:
            pe = struct.unpack_from("<I", data, 0x3c)[0]
            if data[:2] != b"MZ" or data[pe:pe + 4] != b"PE\0\0":
                raise Stop(f"{name} is not a PE image: it has no MZ and PE marks")
            optional = pe + 24
            magic = struct.unpack_from("<H", data, optional)[0]
            if magic not in (0x10b, 0x20b):
                raise Stop(f"{name} is not a PE image: its optional header has the magic {magic:#x}")
            self.checksum = optional + 64
            self.directories = optional + (112 if magic == 0x20b else 96)
            self.entry = self.directories + 8 * CERTIFICATE_ENTRY
            self.certificates, self.certificates_size = struct.unpack_from("<II", data, self.entry)
            self.machine, self._count = struct.unpack_from("<HH", data, pe + 4)
            self.timestamp = struct.unpack_from("<I", data, pe + 8)[0]
            self.size_of_image = struct.unpack_from("<I", data, optional + 56)[0]
            self._sections = optional + struct.unpack_from("<H", data, pe + 20)[0]
        except struct.error:
            raise Stop(f"{name} is not a PE image: it ends within its headers") from None
        end = self.certificates + self.certificates_size
        if self.certificates and not self.entry < self.certificates <= end <= len(data):
            raise Stop(f"{name} has a certificate table from {self.certificates} to {end} in {len(data)} bytes")

    @property
    def is_signed(self):
        return self.certificates != 0

    def unsigned(self):
        """The image as it was before signing; the padding in front of the certificates stays."""
        end = self.certificates if self.is_signed else len(self.data)
        head = self.data[:self.checksum] + bytes(4) + self.data[self.checksum + 4:self.entry] + bytes(8)
        return head + self.data[self.entry + 8:end]

    def digest(self, algorithm):
        """The Authenticode hash over the whole file: no page hashes."""
        end = self.certificates if self.is_signed else len(self.data)
        found = hashlib.new(algorithm, self.data[:self.checksum])
        found.update(self.data[self.checksum + 4:self.entry])
        found.update(self.data[self.entry + 8:end])
        # Signing pads the file to 8 bytes first, so an unsigned one is hashed as if it were padded.
        found.update(bytes(-end % 8))
        return found.digest()

    def _offset(self, rva):
        for index in range(self._count):
            size, address, raw, offset = struct.unpack_from("<IIII", self.data, self._sections + 40 * index + 8)
            if address <= rva < address + max(size, raw):
                return offset + rva - address
        raise Stop(f"no section of the image holds the address {rva:#x}")

    def codeview(self):
        """(GUID's 16 bytes, age, file name) of the PDB that belongs to this image, or None."""
        rva, size = struct.unpack_from("<II", self.data, self.directories + 8 * 6)
        for index in range(size // 28):
            at = self._offset(rva) + 28 * index
            kind, length, _, start = struct.unpack_from("<IIII", self.data, at + 12)
            record = self.data[start:start + length]
            if kind == 2 and record[:4] == b"RSDS":
                return record[4:20], struct.unpack_from("<I", record, 20)[0], record[24:].split(b"\0")[0].decode()
        return None


def is_image(data):
    return data[:2] == b"MZ"


def digest(data, algorithm, name="file"):
    """The hash by which a catalog knows a file: Authenticode's for an image, the plain one for everything else."""
    return Image(data, name).digest(algorithm) if is_image(data) else hashlib.new(algorithm, data).digest()
