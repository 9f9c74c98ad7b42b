#!/usr/bin/env python3
"""A registry with one image and many bad days. The first part of a repository's name says which:

  ok token oauth echo redirect short reset norange busy limited down wrongblob wrongmanifest wrongconfig diffid huge type
  schema1 dots device digest slow more
  big bignorange bigcut bigrange bigwrong bigwrongall bigslow bigrefuse   a large layer, that is fetched by ranges

  faulty.py PORT OTHER_PORT DIRECTORY     /stats on PORT tells what was asked for; OTHER_PORT is another host, for redirects
"""
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import socket
import socketserver
import struct
import sys
import tarfile
import threading
import time
import urllib.parse

PORT, OTHER, DIRECTORY = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
MARKER = os.environ.get('MARKER', 'm4rk3r-t0k3n')
lock = threading.Lock()
seen = {}  # "METHOD path" -> how often
secrets_elsewhere = []  # Authorization headers that came to the other host


def sha(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for name, kind, data in entries:
            item = tarfile.TarInfo(name)
            item.mode = 0o755
            item.type = kind
            if kind == tarfile.REGTYPE:
                item.size = len(data)
                tar.addfile(item, io.BytesIO(data))
            else:
                item.linkname = data.decode() if kind == tarfile.SYMTYPE else ''
                tar.addfile(item)
    return out.getvalue()


class Image:
    def __init__(self, entries, diff_id=None, media='application/vnd.oci.image.layer.v1.tar+gzip', digest=None, level=1):
        tar = layer(entries)
        self.layer = gzip.compress(tar, level, mtime=0)
        self.config = json.dumps({'os': 'linux', 'architecture': ARCH, 'config': {'Cmd': ['/bin/sh', '-c', 'cat /hello']},
                                  'rootfs': {'type': 'layers', 'diff_ids': [diff_id or sha(tar)]}}).encode()
        self.manifest = json.dumps({
            'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
            'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': sha(self.config), 'size': len(self.config)},
            'layers': [{'mediaType': media, 'digest': digest or sha(self.layer), 'size': len(self.layer)}]}).encode()


BIG = int(os.environ.get('BIG', 80 << 20))
RATE = int(os.environ.get('RATE', 8 << 20))  # bytes a second of one connection on the day bigslow
ARCH = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine, os.uname().machine)
REG, SYM, CHR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE
noise = random.Random(7).randbytes(3 << 20)  # so that a layer takes more than one read
busybox = open('/bin/busybox', 'rb').read()
plain = [('bin/busybox', REG, busybox), ('bin/sh', SYM, b'busybox'), ('bin/cat', SYM, b'busybox'), ('hello', REG, b'hello from afar\n'),
         ('noise', REG, noise)]


def image_for(day):
    # Another layer each day, so that none is there already from the day before.
    entries = plain + [('day', REG, day.encode())]
    if day == 'dots':
        entries = entries + [('../../../../escaped', REG, b'x')]
    if day == 'link':
        entries = entries + [('out', SYM, b'/../../../../..'), ('out' + DIRECTORY + '/escaped', REG, b'x')]
    if day == 'diffid':
        return Image(entries, diff_id=sha(b'something else'))
    if day == 'type':
        return Image(entries, media='text/plain')
    if day == 'digest':
        return Image(entries, digest='sha256:../../../../etc/passwd')
    return Image(entries)


images = {}


def image_of(day):
    day = 'big' if day.startswith('big') else day
    with lock:
        if day == 'big' and day not in images:
            images[day] = Image(plain + [('large', REG, random.Random(8).randbytes(BIG))], level=0)
        if day not in images:
            images[day] = image_for(day)
        return images[day]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *unused):
        pass

    def count(self):
        with lock:
            key = self.command + ' ' + self.path.split('?')[0]
            seen[key] = seen.get(key, 0) + 1
            return seen[key]

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        if 'Content_Length' not in headers:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        self.answer(status, json.dumps({'errors': [{'code': code, 'message': message}]}).encode(), **headers)

    def do_POST(self):
        length = int(self.headers.get('Content-Length', 0))
        self.form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        self.do_GET()

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        number = self.count()
        path = self.path.split('?')[0]
        if path == '/stats':
            with lock:
                return self.answer(200, json.dumps({'seen': seen, 'elsewhere': secrets_elsewhere}).encode())
        if path == '/token':
            return self.token(number)
        parts = path.split('/')
        if path == '/v2/':
            return self.answer(200)
        if len(parts) != 6 or parts[1] != 'v2':
            return self.refuse(404, 'NAME_UNKNOWN', 'no such repository')
        day = parts[2]
        if not self.allowed(day):
            return None
        if parts[4] == 'manifests':
            return self.manifest(day, parts[5], number)
        return self.blob(day, parts[5], number)

    def token(self, number):
        if self.command == 'POST':
            if self.form.get('refresh_token') == [MARKER + '-identity']:
                return self.answer(200, json.dumps({'access_token': MARKER + '-bearer', 'expires_in': 300}).encode())
            return self.answer(405)
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        if query.get('service') != ['faulty'] or not query.get('scope', [''])[0].startswith('repository:'):
            return self.refuse(400, 'UNSUPPORTED', 'no such service')
        if self.headers.get('Authorization', '').startswith('Basic') and number % 2 == 1:
            return self.answer(503)  # the first time
        return self.answer(200, json.dumps({'token': MARKER + '-bearer'}).encode())

    def allowed(self, day):
        given = self.headers.get('Authorization')
        if day in ('token', 'oauth', 'echo') and given != 'Bearer ' + MARKER + '-bearer':
            self.refuse(401, 'UNAUTHORIZED', 'authentication required',
                        WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{PORT}/token",service="faulty",scope="repository:{day}/made:pull"')
            return False
        if day == 'echo':
            self.refuse(403, 'DENIED', f'your header was {given}')
            return False
        if day == 'limited':
            self.refuse(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit', Retry_After='1000')
            return False
        if day == 'down':
            self.refuse(503, 'UNAVAILABLE', 'closed for today')
            return False
        return True

    def manifest(self, day, name, number):
        image = image_of(day)
        body, kind = image.manifest, 'application/vnd.oci.image.manifest.v1+json'
        headers = {'Docker_Content_Digest': sha(body)}
        if day == 'busy' and number <= 2:
            return self.refuse(429, 'TOOMANYREQUESTS', 'slow down', Retry_After='1')
        if day == 'huge':
            body = body[:-1] + b',"padding":"' + b'x' * (5 << 20) + b'"}'
            headers = {}
        if day == 'wrongmanifest':
            body = body + b' '
        if day == 'schema1':
            body = json.dumps({'schemaVersion': 1, 'name': 'x', 'fsLayers': []}).encode()
            kind, headers = 'application/vnd.docker.distribution.manifest.v1+prettyjws', {}
        return self.answer(200, body, Content_Type=kind, **headers)

    def blob(self, day, digest, number):
        image = image_of(day)
        if digest == sha(image.config):
            return self.answer(200, image.config if day != 'wrongconfig' else image.config + b' ')
        if digest != sha(image.layer):
            return self.refuse(404, 'BLOB_UNKNOWN', 'no such blob')
        body = image.layer
        if day == 'redirect':
            return self.answer(307, Location=f'http://localhost:{OTHER}/{digest}?signature={MARKER}')
        if day == 'wrongblob':
            body = body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]
        if day == 'more':
            body = body + b'more than announced'
        if day.startswith('big'):
            return self.large(body, day)
        first = 0
        wanted = self.headers.get('Range')
        if wanted and day not in ('norange', 'wrongblob', 'more'):
            first = int(wanted[len('bytes='):].split('-')[0])
            with lock:
                seen['range ' + day] = seen.get('range ' + day, 0) + 1
        if day in ('short', 'reset', 'norange') and number <= 2:
            return self.break_off(body, first, day)
        if day == 'slow':
            return self.slowly(body, first)
        if first:
            return self.answer(206, body[first:], Content_Range=f'bytes {first}-{len(body) - 1}/{len(body)}')
        return self.answer(200, body)

    def large(self, body, day):
        first, end = 0, len(body)
        wanted = self.headers.get('Range')
        ranged = wanted is not None and day != 'bignorange'
        if ranged:
            begin, last = wanted[len('bytes='):].split('-')
            first, end = int(begin), int(last) + 1 if last else len(body)
        with lock:
            for key in ['requests ' + day] + (['range ' + day] if ranged else []):
                seen[key] = seen.get(key, 0) + 1
            running = seen['now ' + day] = seen.get('now ' + day, 0) + 1
            seen['most ' + day] = max(seen.get('most ' + day, 0), running)
        try:
            if day == 'bigrefuse' and running > 1:
                return self.refuse(503, 'UNAVAILABLE', 'one connection is enough')
            self.send_response(206 if ranged else 200)
            self.send_header('Content-Length', str(end - first))
            if ranged:
                said = first + 7 if day == 'bigrange' else first
                self.send_header('Content-Range', f'bytes {said}-{end - 1}/{len(body)}')
            self.end_headers()
            self.send_large(body, day, first, end, ranged)
        finally:
            with lock:
                seen['now ' + day] -= 1

    def send_large(self, body, day, first, end, ranged):
        wrong = first > 0 and ranged and day == 'bigwrong' or day == 'bigwrongall'
        for at in range(first, end, 256 << 10):
            piece = body[at:min(end, at + (256 << 10))]
            if wrong and at == first:
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            if day == 'bigcut' and first > 0 and at - first > 4 << 20 and self.once('cut'):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.wfile.write(piece)
            with lock:
                seen['bytes ' + day] = seen.get('bytes ' + day, 0) + len(piece)
            if day == 'bigslow':
                time.sleep(len(piece) / RATE)

    def once(self, key):
        with lock:
            seen[key] = seen.get(key, 0) + 1
            return seen[key] == 1

    def begin(self, body, first):
        self.send_response(206 if first else 200)
        self.send_header('Content-Length', str(len(body) - first))
        if first:
            self.send_header('Content-Range', f'bytes {first}-{len(body) - 1}/{len(body)}')
        self.end_headers()

    def break_off(self, body, first, day):
        self.begin(body, first)
        self.wfile.write(body[first:first + len(body) // 4])
        self.wfile.flush()
        if day == 'reset':
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def slowly(self, body, first):
        self.begin(body, first)
        for at in range(first, len(body), 64 << 10):
            self.wfile.write(body[at:at + (64 << 10)])
            self.wfile.flush()
            time.sleep(0.1)


class Other(http.server.BaseHTTPRequestHandler):
    """Another host: takes no credentials, as presigned URLs do not."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *unused):
        pass

    def do_GET(self):
        given = self.headers.get('Authorization')
        body = image_of('redirect').layer
        if given:
            with lock:
                secrets_elsewhere.append(given)
        self.send_response(400 if given else 200)
        self.send_header('Content-Length', str(0 if given else len(body)))
        self.end_headers()
        if not given:
            self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that go away are what this is for


threading.Thread(target=Server(('127.0.0.1', OTHER), Other).serve_forever, daemon=True).start()
Server(('127.0.0.1', PORT), Handler).serve_forever()
