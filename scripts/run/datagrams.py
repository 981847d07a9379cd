#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""UDP datagrams of every length, sent to an echo and compared on return: each goes through the driver both ways.

usage: datagrams.py echo ADDRESS PORT
       datagrams.py send ADDRESS PORT FIRST LAST [STEP]    and one whose checksum sums up to zero, which has to go as
                                                           ones; prints each length that did not come back as it was
       datagrams.py broadcast DEVICE IPV4 IPV6 PORT LAST   to everybody, lengths up to LAST, until it is ended
       datagrams.py time ADDRESS PORT SECONDS LENGTH       prints the round trips, one at a time: [microseconds, ...]
"""

import hashlib
import json
import socket
import struct
import sys
import time

PERIOD = 251            # no power of two, so that a piece in the wrong place shows
PATIENCE = 5.0          # seconds for one datagram to come back
MAX_TROUBLE = 10
DATAGRAM_STEP = 7       # bytes from one length to the next
BUFFER = 1 << 20
PAUSE = 0.0005          # seconds between two pairs of broadcasts


def udp_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    return made


def echo(address, port):
    with udp_socket(address) as server:
        server.bind((address, port))
        print("listening", flush=True)
        buffer = bytearray(65536)
        while True:
            size, sender = server.recvfrom_into(buffer)
            server.sendto(memoryview(buffer)[:size], sender)


def sum_to_zero(client):
    """Two bytes that make the checksum of a datagram from this socket, and of its echo, zero (RFC 768)."""
    ends = client.getsockname(), client.getpeername()
    datagram = bytearray()
    for address, port, *_ in ends:
        datagram += socket.inet_pton(client.family, address) + struct.pack("!H", port)
    # length 10 in the pseudo-header and in the header, protocol 17
    total = sum(struct.unpack(f"!{len(datagram) // 2}H", datagram)) + 10 + 10 + socket.IPPROTO_UDP
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", 0xFFFF - total)


def send(address, port, first, last, step=1):
    stream = memoryview(hashlib.shake_256(b"every length").digest(65535 + PERIOD))
    buffer = bytearray(65536)
    trouble = 0
    with udp_socket(address) as client:
        client.settimeout(PATIENCE)
        client.connect((address, port))
        pieces = [stream[length % PERIOD:length % PERIOD + length] for length in range(first, last + 1, step)]
        for payload in [*pieces, sum_to_zero(client)]:
            length = len(payload)
            client.send(payload)
            try:
                size = client.recv_into(buffer)
                while size != length and size != 0:  # a late one of an earlier length
                    size = client.recv_into(buffer)
            except socket.timeout:
                print(f"{length}: did not come back")
                trouble += 1
            else:
                if buffer[:length] != payload:
                    wrong = next(at for at in range(length) if buffer[at] != payload[at])
                    print(f"{length}: byte {wrong} is not what was sent")
                    trouble += 1
            if trouble == MAX_TROUBLE:
                print("giving up")
                break
    return trouble


def broadcast(device, everybody, nodes, port, last):
    """IPv4 and IPv6 in turn. A link that is down for a while drops what is sent: that is for the caller to see."""
    with udp_socket(everybody) as four, udp_socket(nodes) as six:
        four.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(device))
        length = 0
        while True:
            for client, address in ((four, everybody), (six, nodes)):
                try:
                    client.sendto(bytes(length), (address, port))
                except OSError:
                    pass
            length = (length + DATAGRAM_STEP) % (last + 1)
            time.sleep(PAUSE)


def time_each(address, port, seconds, length):
    """Microseconds of each round trip. One that is lost is left out: there is nothing to measure."""
    found, payload = [], bytearray(length)
    end = time.monotonic() + seconds
    with udp_socket(address) as client:
        client.settimeout(PATIENCE)
        client.connect((address, port))
        while time.monotonic() < end:
            payload[:8] = len(found).to_bytes(8, "little")
            before = time.perf_counter()
            client.send(payload)
            try:
                while client.recv(length)[:8] != payload[:8]:
                    pass
            except socket.timeout:
                continue
            found.append(round(1e6 * (time.perf_counter() - before), 1))
    print(json.dumps(found))
    return 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "echo":
        echo(arguments[1], int(arguments[2]))
    if len(arguments) in (5, 6) and arguments[0] == "send":
        send(arguments[1], *map(int, arguments[2:]))
        return 0
    if len(arguments) == 6 and arguments[0] == "broadcast":
        broadcast(*arguments[1:4], *map(int, arguments[4:]))
    if len(arguments) == 5 and arguments[0] == "time":
        return time_each(arguments[1], *map(int, arguments[2:]))
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
