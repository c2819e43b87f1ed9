"""Results as JSON that is read well in a diff."""

import json
import re
from pathlib import Path
from typing import Any


def write_results(found: dict[str, Any], path: Path) -> None:
    """Indented, but innermost lists on one line."""
    text = json.dumps(found, indent=2, allow_nan=False)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
