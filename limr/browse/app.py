"""The pages. Whatever a store holds is text to show: it is escaped, and nothing in it is run."""

import math
import re
from itertools import groupby
from typing import Any

import numpy as np
from flask import Flask, Response, abort, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, InternalServerError

from limr.browse import charts
from limr.browse.library import Library
from limr.browse.listing import ACCURACIES, PER_PAGE, SORTS, Query, find, whole_number
from limr.browse.snapshot import STATUSES, THRESHOLD, Snapshot

RESPONSES_PER_PAGE = 200
_OPEN_CHARACTERS = 400
"""Responses of no more than this are shown, longer ones folded."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e007f]"
)
"""Characters that nobody sees, or that turn the direction of the text after them."""


def create_app(library: Library, port: int) -> Flask:
    """The site as a WSGI application, which answers to this machine's own names alone.

    Args:
        library: The store.
        port: Where it is served; requests with another host or port in their address are refused,
            so that no other website can read it under a name of its own (DNS rebinding).
    """
    app = Flask(__name__)
    app.jinja_env.autoescape = True
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {"visible": visible, "decimal": decimal, "percent": percent}
    app.jinja_env.globals |= {
        "statuses": STATUSES,
        "threshold": THRESHOLD,
        "per_page": PER_PAGE,
        "spark_size": charts.SPARK,
        "stack_size": charts.STACK,
        "open_characters": _OPEN_CHARACTERS,
    }
    pages = _Pages(library)
    app.add_url_rule("/", "problems", pages.problems)
    app.add_url_rule("/problem", "problem", pages.problem)
    app.add_url_rule("/overview", "overview", pages.overview)
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if port == 80:
        hosts |= {"127.0.0.1", "localhost"}

    @app.before_request
    def refuse() -> Response | None:
        if request.headers.get("Host") not in hosts:
            told = f"this page answers to http://127.0.0.1:{port} alone\n"
            return Response(told, 403, mimetype="text/plain")
        if request.method not in ("GET", "HEAD"):
            return Response("this page is only read\n", 405, mimetype="text/plain")
        return None

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.context_processor
    def always() -> dict[str, Any]:
        return {"dirpath": library.dirpath, "failure": library.failure}

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[str, int]:
        status = error.code or 500
        return render_template("failure.html", error=error), status

    return app


class _Pages:
    def __init__(self, library: Library) -> None:
        self._library = library

    def problems(self) -> str:
        """The list."""
        snapshot, query = self._library.current(), _query()
        found = find(snapshot, query)
        pages = max(1, -(-len(found) // PER_PAGE))
        page = min(max(1, query.page), pages)
        rows = found[(page - 1) * PER_PAGE : page * PER_PAGE].tolist()
        return render_template(
            "problems.html",
            snapshot=snapshot,
            query=query,
            found=len(found),
            page=page,
            pages=pages,
            sorts=SORTS,
            accuracies={name: text for name, (text, _) in ACCURACIES.items()},
            rows=[(row, *_row_of(snapshot, row), charts.spark(snapshot, row)) for row in rows],
        )

    def problem(self) -> str:
        """One problem with its responses."""
        snapshot, query = self._library.current(), _query()
        key = request.args.get("id")
        row = None if key is None else snapshot.row(key)
        if row is None:
            abort(404, "there is no such problem in the store")
        order = find(snapshot, query).tolist()
        place = order.index(row) if row in order else None
        return render_template(
            "problem.html",
            snapshot=snapshot,
            query=query,
            row=row,
            key=str(snapshot.curves.problem_ids[row]),
            asked=snapshot.asked[row],
            chart=charts.curve_chart(snapshot, snapshot.curves.accuracy[row]),
            lacking=snapshot.lacking(row),
            order=order,
            place=place,
            **self._responses(snapshot, row),
        )

    def _responses(self, snapshot: Snapshot, row: int) -> dict[str, Any]:
        """The responses that are asked for, by epoch."""
        status, epoch = request.args.get("status", ""), request.args.get("epoch", "")
        if status and status not in STATUSES:
            abort(400, f"status is none of {', '.join(STATUSES)}")
        try:
            number = whole_number(epoch, "epoch") if epoch else None
            part = max(1, whole_number(request.args.get("part", "1"), "part"))
        except ValueError as error:
            abort(400, str(error))
        try:
            everything = snapshot.responses(row)
        except ValueError as error:
            raise InternalServerError(str(error)) from error
        wanted = [
            response
            for response in everything
            if (not status or response.status == status) and number in (None, response.epoch)
        ]
        parts = max(1, -(-len(wanted) // RESPONSES_PER_PAGE))
        part = min(part, parts)
        shown = wanted[(part - 1) * RESPONSES_PER_PAGE : part * RESPONSES_PER_PAGE]
        return {
            "status": status,
            "epoch": number,
            "total": len(everything),
            "wanted": len(wanted),
            "part": part,
            "parts": parts,
            "epochs": [(e, list(group)) for e, group in groupby(shown, lambda r: r.epoch)],
            "texts": any(response.response is not None for response in everything),
        }

    def overview(self) -> str:
        """The run as a whole."""
        snapshot = self._library.current()
        return render_template(
            "overview.html",
            snapshot=snapshot,
            chart=charts.curve_chart(snapshot),
            scores=charts.score_chart(snapshot),
            verdicts=charts.verdict_rows(snapshot),
            eligible=int(np.count_nonzero(snapshot.eligible)),
            selected=int(np.count_nonzero(snapshot.scores >= THRESHOLD)),
        )


def _query() -> Query:
    try:
        return Query.of(request.args)
    except ValueError as error:
        abort(400, str(error))


def _row_of(snapshot: Snapshot, row: int) -> tuple[str, Any]:
    return str(snapshot.curves.problem_ids[row]), snapshot.asked[row]


def visible(text: str) -> str:
    """A text whose unseen characters can be seen; white space stays as it is."""
    return _UNSEEN.sub(lambda found: _name(ord(found[0])), text)


def _name(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def decimal(value: float, digits: int = 3) -> str:
    """A number, a dash where there is none."""
    return "\u2013" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "\u2212")


def percent(value: float) -> str:
    """A share in percent, a dash where there is none."""
    return "\u2013" if math.isnan(value) else f"{100 * value:.1f}\u202f%"
