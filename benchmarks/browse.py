"""`limr browse` on a run the size of the paper's: how soon it answers, and what memory it takes.

    python -m benchmarks.browse --output benchmarks/results/browse.json
    python -m benchmarks.browse --markdown benchmarks/results/browse.json

The store is the one of benchmarks/trajectories.py with texts: 8,523 problems, 21 epochs, 8 samples,
responses of 500 to 2,500 characters. The server is a process of its own and is asked over HTTP, as
a browser asks it. Files were written just before, so they come from the page cache.
"""

import argparse
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.trajectories import (
    EPOCHS,
    PAPER_PROBLEMS,
    ROOT,
    SAMPLES,
    machine,
    make_store,
    problem_ids,
    random_texts,
)

PAGES = {
    "start, to the first list": "from the command to the first page, modules and store included",
    "list": "sorted by LIM score",
    "list, searched": "by a word",
    "problem, first time": "reads its responses",
    "problem, again": "its responses are kept",
    "overview": "",
}


@contextmanager
def served(store: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server of the store and its port."""
    command = [sys.executable, "-m", "limr", "browse", str(store), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = re.search(r":(\d+) ", process.stdout.readline())
        assert found is not None
        try:
            yield process, int(found[1])
        finally:
            process.terminate()


def seconds(port: int, path: str, **args: str) -> float:
    """How long a page takes, to its last byte."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", f"{path}?{urlencode(args)}")
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 200
    return time.perf_counter() - begun


def measure(store: Path, ids: list[str]) -> dict[str, Any]:
    """One server's times and its peak memory."""
    begun = time.perf_counter()
    with served(store) as (process, port):
        found = {name: [seconds(port, "/")] for name in PAGES}
        found["start, to the first list"] = [time.perf_counter() - begun]
        found["list"] = [seconds(port, "/", page=str(n)) for n in range(1, 6)]
        found["list, searched"] = [seconds(port, "/", q=key[:3]) for key in ids]
        found["problem, first time"] = [seconds(port, "/problem", id=key) for key in ids]
        found["problem, again"] = [seconds(port, "/problem", id=ids[-1]) for _ in ids]
        found["overview"] = [seconds(port, "/overview") for _ in range(5)]
        status = Path(f"/proc/{process.pid}/status").read_text()
    peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
    times = {name: round(statistics.median(values), 3) for name, values in found.items()}
    return {"seconds": times, "peak_gb": round(peak / 1e9, 3)}


def run(problems: int) -> dict[str, Any]:
    """Everything, as it is written to the results file."""
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        make_store(store, problems, random_texts())
        size = sum(path.stat().st_size for path in store.iterdir())
        rows = problems * EPOCHS * SAMPLES
        ids = problem_ids(problems)[:: max(1, problems // 20)]
        return {
            "machine": machine(),
            "problems": problems,
            "rows": rows,
            "gb_on_disk": round(size / 1e9, 3),
            **measure(store, ids),
        }


def markdown(found: dict[str, Any]) -> str:
    """The results as a table."""
    lines = [
        f"{found['problems']:,} problems, {found['rows']:,} responses, "
        f"{found['gb_on_disk']:.2f} GB on disk:",
        "",
        "| page | | time |",
        "|---|---|---|",
        *(
            f"| {name} | {PAGES[name]} | {value:.2f} s |"
            for name, value in found["seconds"].items()
        ),
        "",
        f"Peak memory: {found['peak_gb']:.2f} GB.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, help="write the results as JSON")
    parser.add_argument("--markdown", type=Path, help="show a results file as a table")
    parser.add_argument("--problems", type=int, default=PAPER_PROBLEMS)
    args = parser.parse_args()
    if args.markdown:
        sys.stdout.write(markdown(json.loads(args.markdown.read_text())))
        return
    found = run(args.problems)
    if args.output:
        args.output.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(markdown(found))


if __name__ == "__main__":
    main()
