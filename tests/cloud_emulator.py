"""Cloud Storage on loopback: gcp-storage-emulator, made fit for tensorflow's client.

tensorflow has the addresses of Google's servers built in, so this is also the HTTPS
proxy that it is told to reach them by: it answers in their names, with a certificate of
its own. The emulator's lacks are made good: bodies that are chunked or empty, and the
conditions on an object's generation, without which Orbax's databases cannot be written.

    python cloud_emulator.py FOLDER    # leaves ca.pem there, and last its port
"""

import functools
import http.server
import pathlib
import re
import socketserver
import ssl
import sys
import urllib.parse

import trustme
from gcp_storage_emulator import server
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.storage import Storage

BUCKET = "bucket"
HOSTS = "www.googleapis.com", "storage.googleapis.com"
OBJECT = re.compile(r"(?:.*/b)?/(?P<bucket>[^/]+)(?:/o)?(?:/(?P<name>[^/]+))?")


class Memory(Storage):
    def __init__(self):
        super().__init__(use_memory_fs=True)

    def _write_config_to_file(self):
        """Nothing is to be kept; it would write all of it with every object."""


class Request(server.Request):
    @property
    def data(self):
        """An empty object's is empty, not None."""
        return b"" if super().data is None else super().data


class Handler(server.RequestHandler):
    protocol_version = "HTTP/1.1"  # clients wait for its "100 Continue"
    tls: ssl.SSLContext

    def do_CONNECT(self):
        self.send_response_only(200)
        self.end_headers()
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)
        self.handle_one_request()

    def do_GET(self):
        self._if_allowed(super().do_GET)

    def do_POST(self):
        self._if_allowed(super().do_POST)

    def do_DELETE(self):
        self._if_allowed(super().do_DELETE)

    def parse_request(self):
        if not super().parse_request():
            return False
        self.close_connection = True  # one thread serves all
        if "Transfer-Encoding" in self.headers:
            del self.headers["Content-Length"]
        if "Host" in self.headers:  # the address that an upload is continued at
            here = "{}:{}".format(*self.server.server_address)
            self.headers.replace_header("Host", here)
        return True

    def send_response(self, code, message=None):
        super().send_response(code, message)
        self.send_header("Connection", "close")
        if self.command == "GET" and (generation := self._generation()) != "0":
            self.send_header("X-Goog-Generation", generation)

    def _if_allowed(self, answer):
        wanted = self._query().get("ifGenerationMatch")
        known = self._query().get("ifGenerationNotMatch")
        now = [self._generation()]
        if (wanted is None or wanted == now) and known != now:
            answer()
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(304 if known == now else 412)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _generation(self) -> str:
        """Generation of the object that is asked for; "0" where there is none."""
        match = OBJECT.fullmatch(urllib.parse.urlparse(self.path).path)
        if not match:
            return "0"
        name = urllib.parse.unquote(match["name"] or "")
        name = self._query().get("name", [name])[0]
        found = self.storage.objects.get(match["bucket"], {}).get(name)
        return found["generation"] if found else "0"

    def _query(self):
        return urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)


def main(folder: pathlib.Path) -> None:
    authority, storage = trustme.CA(), Memory()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    Handler.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(Handler.tls)
    server.Request = Request
    buckets.create_bucket(BUCKET, storage)
    address = "127.0.0.1", 0
    with http.server.HTTPServer(address, functools.partial(Handler, storage)) as httpd:
        (folder / "port.partial").write_text(str(httpd.server_port))
        (folder / "port.partial").rename(folder / "port")
        httpd.serve_forever()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
