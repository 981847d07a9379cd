#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Download and upload of the show: a web server for one made-up file, which sums what is sent to it, and a client.

usage: webfile.py serve ADDRESS PORT BYTES    prints {"sha256": ...} when it listens, then serves until ended
       webfile.py fetch URL                   prints {"bytes": ..., "sha256": ..., "seconds": ...} of what came
       webfile.py send URL BYTES              the same of what the server got

The file is a SHAKE-256 stream: the same bytes on every run, and no two packets alike, so that a packet that is
lost, doubled, cut or out of place changes the sum.
"""

import hashlib
import http.server
import json
import socket
import sys
import time
import urllib.request

PIECE = 1 << 20


def content(size):
    return hashlib.shake_256(b"xennet").digest(size)


def serve(address, port, size):
    data = memoryview(content(size))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for start in range(0, len(data), PIECE):
                self.wfile.write(data[start:start + PIECE])

        def do_PUT(self):
            digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
            size = left
            while left > 0:
                piece = self.rfile.read(min(left, PIECE))
                if not piece:
                    break
                digest.update(piece)
                left -= len(piece)
            answer = json.dumps({"bytes": size - left, "sha256": digest.hexdigest()}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format, *arguments):  # pylint: disable=redefined-builtin
            pass

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6
        daemon_threads = True

        def server_bind(self):
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

        def handle_error(self, request, client_address):
            """A client that goes away early is its own affair."""

    server = Server((address, port), Handler)
    print(json.dumps({"sha256": hashlib.sha256(data).hexdigest()}), flush=True)
    server.serve_forever()


def fetch(url):
    digest, size = hashlib.sha256(), 0
    started = time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        for piece in iter(lambda: answer.read(PIECE), b""):
            digest.update(piece)
            size += len(piece)
    seconds = time.monotonic() - started
    print(json.dumps({"bytes": size, "sha256": digest.hexdigest(), "seconds": seconds}))


def send(url, size):
    data = content(size)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    started = time.monotonic()
    with opener.open(urllib.request.Request(url, data=data, method="PUT"), timeout=60) as answer:
        got = json.loads(answer.read())
    print(json.dumps(dict(got, seconds=time.monotonic() - started)))


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "serve":
        serve(arguments[1], int(arguments[2]), int(arguments[3]))
    elif len(arguments) == 2 and arguments[0] == "fetch":
        fetch(arguments[1])
    elif len(arguments) == 3 and arguments[0] == "send":
        send(arguments[1], int(arguments[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
