"""Serves the pages to this machine alone."""

import errno
import socket
import sys
import threading
import webbrowser

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from limr.browse.app import create_app
from limr.browse.library import Library

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of what went well."""


def listen(port: int) -> socket.socket:
    """A socket that listens on this machine's own address.

    Args:
        port: 0 takes any that is free.

    Raises:
        ValueError: If the port is in use or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        used = error.errno == errno.EADDRINUSE
        why = "is in use" if used else f"cannot be listened on: {error.strerror}"
        raise ValueError(
            f"port {port} {why}; name another by --port (0 takes any that is free)"
        ) from error
    return listener


def serve(library: Library, listener: socket.socket, *, open_browser: bool) -> None:
    """Answer requests until interrupted.

    Args:
        library: What is shown.
        listener: From :func:`listen`.
        open_browser: Whether to show the first page in the person's browser.
    """
    port = int(listener.getsockname()[1])
    server: BaseWSGIServer = make_server(
        HOST,
        port,
        create_app(library, port),
        threaded=True,
        request_handler=_Quiet,
        fd=listener.fileno(),
    )
    snapshot = library.current()
    sys.stdout.write(
        f"{library.dirpath}: {snapshot.seen:,} problems, {snapshot.verdicts.sum():,} responses, "
        f"{len(snapshot.curves.epochs)} epochs\nhttp://{HOST}:{port} (Ctrl-C ends it)\n"
    )
    sys.stdout.flush()
    if open_browser:  # a browser in the terminal returns when it is left
        threading.Thread(
            target=webbrowser.open, args=[f"http://{HOST}:{port}"], daemon=True
        ).start()
    server.serve_forever()
