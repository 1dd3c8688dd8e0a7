"""Declarations of the data sets: one light TOML file each, validated."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from leapbench.contract.frozen import Frozen
from leapbench.errors import unknown

Reader = Literal["digits", "idx", "cifar-binary", "parquet", "image-folder"]
_SHA256 = r"^([0-9a-f]{64})?$"
# Relative, and never through `..`: the names are joined to folders and written to.
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"


class DataFile(Frozen):
    """A file that a layout needs.

    Attributes:
        name: path relative to the data set's folder. A name that ends in ".gz"
            is also satisfied by the unpacked file.
        split: the split that the file belongs to.
        bytes: size of the content, after gunzip; 0 where it is not fixed.
        sha256: checksum of the content, after gunzip; empty where it is not fixed.
    """

    name: str = Field(pattern=_NAME)
    split: str
    bytes: int = Field(default=0, ge=0)
    sha256: str = Field(default="", pattern=_SHA256)


class Layout(Frozen):
    """One accepted way in which a data set may lie in a folder.

    Attributes:
        reader: the format.
        files: needed files, in the order in which the reader takes them.
        folders: needed folders.
        fingerprints: `leapbench.data.fingerprint` of a split, for data that comes
            with a package instead of in files of its own.
    """

    reader: Reader
    files: tuple[DataFile, ...] = ()
    folders: tuple[str, ...] = ()
    fingerprints: dict[str, str] = {}

    def of(self, split: str) -> tuple[DataFile, ...]:
        """The files of one split, in order."""
        return tuple(file for file in self.files if file.split == split)


class Download(Frozen):
    """A file on the network.

    Attributes:
        name: name to store it under.
        urls: mirrors, tried in order.
        bytes: exact size of what is sent.
        sha256: checksum of what is sent.
        unpack: for a .tar.gz: its folder that holds the layout's files.
    """

    name: str = Field(pattern=_NAME)
    urls: tuple[str, ...] = Field(min_length=1)
    bytes: int = Field(gt=0)
    sha256: str = Field(min_length=64, pattern=_SHA256)
    unpack: str = ""


class DataSet(Frozen):
    """A labelled image set and where its files come from.

    Attributes:
        name: what the user types, and the name of its folder.
        title: full name.
        classes: number of classes; labels are 0 to classes - 1.
        image: (height, width, channels) in pixels.
        resized: whether the middle square of an image of another size is scaled to `image`.
        licence: as its authors state it.
        homepage: where people read about it.
        how: one line on how to get it by hand.
        splits: number of images of each split; 0 for any number.
        layouts: accepted layouts; the first is the one that downloads give.
        downloads: empty where a person has to fetch it.
        system: folder of the distribution's package, if there is one.
        package: Python package that carries the data, if there is one.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    classes: int = Field(gt=1)
    image: tuple[int, int, int]
    resized: bool = False
    licence: str
    homepage: str
    how: str
    splits: dict[str, int]
    layouts: tuple[Layout, ...] = Field(min_length=1)
    downloads: tuple[Download, ...] = ()
    system: str = ""
    package: str = ""

    @property
    def streamed(self) -> bool:
        """True when it is too large for memory and read through an `ImageFolder`."""
        return self.layouts[0].reader == "image-folder"


def names() -> list[str]:
    """Names of the known data sets, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


@cache
def _parse(name: str) -> DataSet:
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    return DataSet.model_validate(tomllib.loads(text))


def get(name: str | DataSet) -> DataSet:
    """The declaration of a data set, by name; a declaration is returned as it is.

    Raises:
        UserError: for an unknown name.
    """
    if isinstance(name, DataSet):
        return name
    if name not in names():
        raise unknown("data set", name, names())
    return _parse(name)
