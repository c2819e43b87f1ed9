"""The real server in a process of its own, over HTTP."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from browse_toys import Page, row, write_counted

from limr.browse.server import listen

ROOT = Path(__file__).parents[3]


@pytest.fixture
def served(tmp_path):
    """A store, its writer, and the port of a server that shows it."""
    writer = write_counted(tmp_path / "store")
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {tmp_path}/shown\n")
    browser.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "limr", "browse", str(tmp_path / "store"), "--port", "0", "--open"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"BROWSER": f"{browser} %s"},
        # a shell's background ignores Ctrl-C, and so would what it starts
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            told = process.stdout.readline().decode(), process.stdout.readline().decode()
            assert told[0].endswith("store: 4 problems, 20 responses, 3 epochs\n")
            port = int(re.match(r"http://127\.0\.0\.1:(\d+) ", told[1])[1])
            yield writer, port
            assert (tmp_path / "shown").read_text() == f"http://127.0.0.1:{port}\n"
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == b""
            assert process.wait(30) == 0
        finally:
            process.kill()


def get(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def test_a_store_is_served_while_its_run_goes_on(served):
    writer, port = served
    status, headers, text = get(port, "/")
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    (link,) = [link for link in Page(text).links() if "id=middle" in link]
    assert "Prompt of middle" in Page(get(port, link)[2]).text
    assert get(port, "/static/style.css")[1].get_content_type() == "text/css"
    assert get(port, "/overview", method="HEAD")[::2] == (200, "")
    assert get(port, "/", method="POST")[0] == 405
    assert get(port, "/", Host="evil.example")[0] == 403
    assert get(port, "/", Host=f"localhost:{port}")[0] == 200

    writer.append([row("brand new")], epoch=3, step=3, rank=0)
    deadline = time.monotonic() + 60
    while "brand new" not in get(port, "/?q=brand")[2]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_only_this_machine_can_connect():
    with listen(0) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), 1):  # noqa: PT011
            pass


def test_a_port_in_use_is_named():
    with listen(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} is in use; name another by --port"):
            listen(port)
