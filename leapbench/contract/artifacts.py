"""Content-addressed store of what phases produced.

A folder is named by the hash of everything that decides its content, so that
one training serves every agent that shares it, and a changed setting or a
changed line of code never meets an old artifact. A folder appears whole or
not at all, and two processes that want the same one train it once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from leapbench.contract.task import canonical

KEY = "key.json"


class ArtifactStore:
    """Folder of artifacts.

    Args:
        root: where the artifacts lie; made when first needed.
        common: part of every key, such as a hash of the code that makes artifacts.
    """

    def __init__(self, root: Path, common: Mapping[str, Any] | None = None) -> None:
        self.root, self.common = root, dict(common or {})

    def path(self, key: dict[str, Any]) -> Path:
        """Where the artifact of `key` lies, or would lie."""
        digest = hashlib.sha256(canonical(self.common | key).encode()).hexdigest()[:24]
        return self.root / digest

    def get(self, key: dict[str, Any], make: Callable[[Path], None]) -> tuple[Path, bool]:
        """Folder of the artifact, made first if it is not there.

        Args:
            key: JSON data that decides the content.
            make: fills an empty folder; when it raises, nothing is stored.

        Returns:
            The folder and whether it was there already.
        """
        path = self.path(key)
        if (path / KEY).exists():
            return path, True
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if (path / KEY).exists():
                return path, True
            for stale in self.root.glob(f".{path.name}-*"):  # of a process that was killed
                shutil.rmtree(stale, ignore_errors=True)
            building = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=self.root))
            try:
                make(building)
                (building / KEY).write_text(json.dumps(self.common | key, indent=1, sort_keys=True))
                building.replace(path)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
        return path, False
