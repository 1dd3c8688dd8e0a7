from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from leapbench.data import get, names
from leapbench.data.spec import DataFile, DataSet, Download
from leapbench.errors import UserError


def test_every_declaration_is_valid_and_named_like_its_file() -> None:
    assert names() == ["cifar10", "cifar100", "digits", "fashion-mnist", "imagenet", "imagenette"]
    assert [get(name).name for name in names()] == names()


@pytest.mark.parametrize("name", names())
def test_every_layout_has_what_its_reader_takes_for_every_split(name: str) -> None:
    dataset = get(name)
    counts = {"idx": (2,), "parquet": (1,), "cifar-binary": (1, 5), "digits": (0,)}
    for layout in dataset.layouts:
        for split in dataset.splits:
            if layout.reader == "image-folder":
                assert split in layout.folders
            else:
                assert len(layout.of(split)) in counts[layout.reader]


@pytest.mark.parametrize("name", names())
def test_what_is_downloaded_gives_the_first_layout(name: str) -> None:
    dataset = get(name)
    needed = {file.name: file for file in dataset.layouts[0].files}
    if any(item.unpack for item in dataset.downloads):
        assert all(file.bytes for file in needed.values()), "unpacking goes by size"
    elif dataset.downloads:
        assert {item.name for item in dataset.downloads} == set(needed)


def test_sizes_follow_from_the_published_formats() -> None:
    for name, label_bytes in (("cifar10", 1), ("cifar100", 2)):
        dataset = get(name)
        for split, count in dataset.splits.items():
            total = sum(file.bytes for file in dataset.layouts[0].of(split))
            assert total == count * (label_bytes + 32 * 32 * 3)
    fashion = get("fashion-mnist")
    for split, count in fashion.splits.items():
        assert [f.bytes for f in fashion.layouts[0].of(split)] == [16 + count * 28**2, 8 + count]


@pytest.mark.parametrize("name", ["../up", "/root", "a/../b", ".hidden", "a//b", ""])
def test_a_file_name_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        DataFile(name=name, split="train")
    with pytest.raises(ValidationError):
        Download(name=name, urls=("https://x",), bytes=1, sha256="0" * 64)


def test_a_download_needs_a_checksum() -> None:
    with pytest.raises(ValidationError):
        Download(name="a", urls=("https://x",), bytes=1, sha256="")


def test_an_unknown_name_gets_a_suggestion(tiny: DataSet) -> None:
    with pytest.raises(UserError, match="Did you mean 'cifar10'"):
        get("cifar-10")
    assert get(tiny) is tiny


def test_importing_loads_no_heavy_package() -> None:
    heavy = ("torch", "sklearn", "pyarrow", "PIL", "gymnasium", "rich.progress")
    code = f"import sys, leapbench.data.status; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
