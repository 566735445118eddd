"""nginx as the good origin: default gzip settings on one port, plain ones elsewhere, and a log that shows what it saw."""

import json
import os
import signal
import time

from . import wait

CONFIG = """
daemon off; master_process off; worker_processes 1; pid {where}/nginx.pid; error_log {where}/nginx.error notice;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path {where}/body; proxy_temp_path {where}/proxy; fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi; scgi_temp_path {where}/scgi;
    client_max_body_size 0;
    sendfile on; keepalive_timeout 60s; keepalive_requests 10000;
    log_format lab escape=json '{{"address":"$remote_addr","port":"$remote_port","connection":$connection,'
        '"number":$connection_requests,"server":"$server_addr","request":"$request","status":$status,'
        '"body":$body_bytes_sent,"host":"$http_host","range":"$http_range","via":"$http_via","agent":"$http_user_agent",'
        '"since":"$http_if_modified_since","none_match":"$http_if_none_match"}}';
    access_log {where}/nginx.access lab;
    server {{
        {listen}
        root {where}/files;
        # A validator and no freshness: what most servers send.
        location / {{ }}
        location /fresh/ {{ alias {where}/files/; add_header Cache-Control "max-age=3600"; }}
        location /stale/ {{ alias {where}/files/; add_header Cache-Control "max-age=0"; }}
        # "Via: …" in a request makes nginx send it plain, as gzip_proxied is off by default.
        location /gzip/ {{ alias {where}/files/; gzip on; gzip_types text/plain; add_header Cache-Control "max-age=3600"; }}
        location /echo/ {{ default_type text/plain; return 200 "$remote_addr\\n"; }}
        location /moved {{ return 302 http://$http_host/1k; }}
    }}
}}
"""

SIZES = {"1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20, "10m": 10 << 20, "100m": 100 << 20}


def pattern(size, seed=0):
    """Bytes that do not repeat at any unit of a store, and are the same each time."""
    block = bytes((n * 31 + (n >> 8) * 17 + seed) & 255 for n in range(65521))
    return (block * (size // len(block) + 1))[:size]


class Nginx:
    def __init__(self, lab, where, addresses=("203.0.113.1", "203.0.113.2", "2001:db8:1::1")):
        self.lab, self.where, self.addresses = lab, where, addresses
        self.files = where / "files"
        self.files.mkdir()
        old = time.time() - 90 * 86400
        for name, size in SIZES.items():
            self.put(name, pattern(size), old)
        self.put("page.txt", b"The same line of text, which compresses well.\n" * 2000, old)
        listen = " ".join(f"listen {f'[{a}]' if ':' in a else a}:80;" for a in addresses)
        (where / "nginx.conf").write_text(CONFIG.format(where=where, listen=listen))
        self.process = lab.origin.start("nginx", "-c", where / "nginx.conf", "-e", where / "nginx.error")
        wait.eventually(self._listens, "nginx to listen")

    def put(self, name, content, modified=None):
        path = self.files / name
        path.write_bytes(content)
        if modified:
            os.utime(path, (modified, modified))

    def _listens(self):
        try:
            self.lab.origin.connect(self.addresses[0]).close()
            return True
        except ConnectionRefusedError:
            assert self.process.poll() is None, (self.where / "nginx.error").read_text()
            return False

    @property
    def log(self):
        """What was asked, in order, as it is in the log now."""
        return [json.loads(line) for line in (self.where / "nginx.access").read_text().splitlines()]

    def asked(self, path, count=1):
        """The log's lines for this path, once there are at least so many (nginx writes them after its last byte)."""

        def lines():
            found = [line for line in self.log if line["request"].split(" ")[1] == path]
            return found if len(found) >= count else None

        return wait.eventually(lines, f"{count} requests for {path} in nginx's log") if count else (lines() or [])

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
