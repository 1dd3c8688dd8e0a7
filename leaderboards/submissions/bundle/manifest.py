"""What a bundle says about itself: agent, entrant, and the hash of every file in it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import Field, StringConstraints, model_validator

from leapbench.contract.declaration import Role
from leapbench.contract.frozen import Frozen
from leapbench.contract.task import Tier, canonical
from leapbench.results.result import Count
from leapbench.results.values import Text, Values

MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
Kind = Literal["registered", "code", "weights", "graph", "numbers"]
SUFFIXES: dict[Kind, str] = {"code": ".py", "weights": ".safetensors", "graph": ".onnx"}
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Of a declared part, or with a colon, which these have not, of one in a file.
NAME = r"^([a-z0-9]+(-[a-z0-9]+)*|[^/\\]*:[^/\\]*)$"
Name = Annotated[Text, StringConstraints(pattern=NAME, max_length=100)]
Word = Annotated[str, StringConstraints(pattern=r"^\w*$", max_length=100)]
# Relative, portable, the same on every file system: no "..", hidden, or Unicode names.
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$"
FileName = Annotated[str, StringConstraints(pattern=FILE_NAME, max_length=200)]


class BundleFile(Frozen):
    """One file of the bundle."""

    sha256: Digest
    bytes: int = Field(ge=0, lt=2**63)


class Entrant(Frozen):
    """Who submits, in their own words."""

    name: Text = Field(min_length=1, max_length=100)
    url: Text = Field(default="", max_length=300, pattern=r"^(https?://\S+)?$")
    notes: Text = ""


class BundledPart(Frozen):
    """One part of the agent and how it travels.

    Attributes:
        role: "model", "policy" or "agent".
        kind: "registered" parts are named, and run from the verifier's own copy;
            "code" is a Python file, "weights" are safetensors for a registered
            architecture, "graph" is an exported network, "numbers" do not travel.
        name: as results carry it.
        entry: class in the file for "code", architecture for "weights"; else empty.
        file: path in the bundle of a part that travels; else empty.
        family: as results carry it.
        version: of the declaration.
        file_hash: as results carry it: of the file that travels, empty without one.
        settings: those that were changed.
        config: every setting.
    """

    role: Role
    kind: Kind
    name: Name
    entry: Word = ""
    file: FileName | Literal[""] = ""
    family: Word = ""
    version: Count = 1
    file_hash: str = Field(default="", pattern=r"^([0-9a-f]{16})?$")
    settings: Values = {}
    config: Values = {}

    @model_validator(mode="after")
    def _travels(self) -> BundledPart:
        suffix = SUFFIXES.get(self.kind)
        if suffix and ":" not in self.name:
            raise ValueError(f"{self.name!r} is the name of a declared part, and a file travels")
        if (suffix is None) != (not self.file):
            raise ValueError(f"a part of kind {self.kind!r} has {'no' if self.file else 'a'} file")
        if suffix and PurePosixPath(self.file).suffix != suffix:
            raise ValueError(f"a part of kind {self.kind!r} is a {suffix} file, got {self.file!r}")
        if (self.kind in ("code", "weights")) != bool(self.entry):
            raise ValueError(f"entry of a part of kind {self.kind!r} is wrong: {self.entry!r}")
        return self


class Manifest(Frozen):
    """`manifest.json` of a bundle.

    Attributes:
        task: task name.
        tier: tier name.
        protocol_hash: of the protocol that the results were made under.
        agent: name as results carry it.
        parts: of the agent.
        entrant: who submits.
        results: paths in the bundle, one result file a seed.
        files: every file of the bundle but the manifest and its signature, by path.
    """

    schema_version: Literal[2] = 2
    task: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", max_length=200)
    tier: Tier
    protocol_hash: str = Field(pattern=r"^[0-9a-f]{16}$")
    agent: Text = Field(min_length=1, max_length=300)
    parts: tuple[BundledPart, ...] = Field(min_length=1, max_length=8)
    entrant: Entrant
    results: tuple[FileName, ...] = Field(min_length=1, max_length=1000)
    files: dict[FileName, BundleFile] = Field(max_length=1100)

    @model_validator(mode="after")
    def _named(self) -> Manifest:
        named = [*self.results, *(part.file for part in self.parts if part.file)]
        if len(set(named)) < len(named) or set(named) != self.files.keys():
            raise ValueError("files are not exactly the results and the files of the parts")
        if len({name.lower() for name in (*named, MANIFEST, SIGNATURE)}) < len(named) + 2:
            raise ValueError("two files have one name on some file systems")
        return self

    def text(self) -> bytes:
        """The bytes of `manifest.json`, the same for equal manifests."""
        return canonical(self.model_dump(mode="json")).encode()


def identity(signed_by: str, entrant: Entrant) -> str:
    """Who submits: the key, else the name without case and spaces; no name looks like a key."""
    name = normalize("NFKC", entrant.name).casefold()
    return signed_by or f"name {''.join(name.split())}"
