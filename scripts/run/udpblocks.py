#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""UDP in large blocks, as QUIC sends: one call hands over many datagrams, and who cuts them is to be seen.

usage: udpblocks.py sink ADDRESS PORT                      takes datagrams in, coalesced too, and reads none
       udpblocks.py flood ADDRESS PORT SECONDS SEGMENT     sends blocks of 64 KB at all speed; prints when it began
       udpblocks.py offload DEVICE on|off                  whether the device cuts them or the stack; prints what was
"""

import array
import fcntl
import json
import os
import socket
import struct
import sys
import time

UDP_SEGMENT, UDP_GRO = 103, 104
MAX_SEGMENTS = 64            # of one call, Linux's limit before 6.9
MAX_BLOCK = 65507
SIOCETHTOOL = 0x8946
GSTRINGS, GFEATURES, SFEATURES, GSSET_INFO, SS_FEATURES, NAME_BYTES = 0x1B, 0x3A, 0x3B, 0x37, 4, 32
FEATURE = "tx-udp-segmentation"


def udp_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def sink(address, port):
    with udp_socket(address) as server:
        # As QUIC's programs do, and with Windows' UDP_RECV_MAX_COALESCED_SIZE: what comes as one is not taken apart.
        server.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        server.bind((address, port))
        print("listening", flush=True)
        while True:
            time.sleep(3600)


def flood(address, port, seconds, segment):
    size = min(MAX_SEGMENTS, MAX_BLOCK // segment) * segment
    os.nice(19)  # what cannot be carried is not to be made: it would only be dropped, at the others' cost
    block = os.memfd_create("block")
    os.truncate(block, size)
    with udp_socket(address) as client:
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
        client.connect((address, port))
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            for _ in range(16):
                # From a file: the stack sends its pages as they are, and its copying is not what is measured.
                if os.sendfile(client.fileno(), block, 0, size) != size:
                    raise OSError(f"a block of {size} bytes was not sent whole")
    print(json.dumps(begun))


def ethtool(device, command):
    """The command's bytes as the kernel leaves them."""
    held = array.array("B", command)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP", device.encode(), held.buffer_info()[0]))
    return held.tobytes()


def offload(device, wanted):
    """Sets it, or with None leaves it; whether the device cut datagrams before."""
    count = struct.unpack("=IIQI", ethtool(device, struct.pack("=IIQI", GSSET_INFO, 0, 1 << SS_FEATURES, 0)))[3]
    names = ethtool(device, struct.pack("=III", GSTRINGS, SS_FEATURES, count) + bytes(count * NAME_BYTES))[12:]
    index = [names[at:at + NAME_BYTES].split(b"\0")[0].decode()
             for at in range(0, len(names), NAME_BYTES)].index(FEATURE)
    blocks = (count + 31) // 32
    features = ethtool(device, struct.pack("=II", GFEATURES, blocks) + bytes(16 * blocks))[8:]
    was = bool(struct.unpack_from("=4I", features, 16 * (index // 32))[2] >> index % 32 & 1)
    if wanted is not None:
        bits = [[0, 0] for _ in range(blocks)]
        bits[index // 32] = [1 << index % 32, (1 << index % 32) * wanted]
        ethtool(device, struct.pack("=II", SFEATURES, blocks) + b"".join(struct.pack("=II", *pair) for pair in bits))
    return was


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "sink":
        sink(arguments[1], int(arguments[2]))
    if len(arguments) == 5 and arguments[0] == "flood":
        flood(arguments[1], *map(int, arguments[2:]))
        return 0
    if len(arguments) == 3 and arguments[0] == "offload" and arguments[2] in ("on", "off"):
        print(json.dumps(offload(arguments[1], arguments[2] == "on")))
        return 0
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
