from __future__ import annotations

import gzip
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from leapbench.data import find, load
from leapbench.data.locate import cache_root
from leapbench.data.spec import DataSet
from leapbench.errors import UserError

Build = Callable[..., DataSet]


class Server:
    """A web server on this machine: `pages` maps a path to a body."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                body = server.pages.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("LEAPBENCH_OFFLINE", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def tar(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return stream.getvalue()


@pytest.fixture
def plain(web: Server, downloadable: Build, files: dict[str, bytes]) -> DataSet:
    """The tiny set as two gzipped files, each on a dead mirror and a good one."""
    items = []
    for name, data in files.items():
        sent = gzip.compress(data)
        web.pages[f"/{name}.gz"] = sent
        urls = (f"{web.root}/gone/{name}.gz", f"{web.root}/{name}.gz")
        items.append((f"{name}.gz", urls, sent, ""))
    return downloadable(*items)


def archive(web: Server, downloadable: Build, body: bytes) -> DataSet:
    """The tiny set as one archive; unpacked sizes are those of the plain files."""
    web.pages["/tiny.tar.gz"] = body
    dataset = downloadable(("tiny.tar.gz", (f"{web.root}/tiny.tar.gz",), body, "tiny-set"))
    layout = dataset.layouts[0]
    files = tuple(file.model_copy(update={"name": file.name[:-3]}) for file in layout.files)
    return dataset.model_copy(update={"layouts": (layout.model_copy(update={"files": files}),)})


def left() -> list[str]:
    """Files in the cache except locks."""
    found = cache_root().rglob("*")
    return sorted(path.name for path in found if path.is_file() and path.suffix != ".lock")


def test_a_dead_mirror_is_passed_over_and_nothing_is_fetched_twice(
    web: Server, plain: DataSet, samples: tuple[np.ndarray, np.ndarray]
) -> None:
    np.testing.assert_array_equal(load(plain, "train")[1], samples[1])
    assert web.asked == ["/gone/images.gz", "/images.gz", "/gone/labels.gz", "/labels.gz"]
    load(plain, "train")
    assert len(web.asked) == 4
    assert left() == ["images.gz", "labels.gz"]


def test_offline_means_no_request(
    web: Server, plain: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAPBENCH_OFFLINE", "1")
    with pytest.raises(UserError, match="LEAPBENCH_OFFLINE forbids"):
        load(plain, "train")
    assert web.asked == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body[:-1] + bytes([body[-1] ^ 1]), "SHA-256"),
        (lambda body: body[:-1], "bytes where"),
        (lambda body: body + b"more", "more than the"),
    ],
)
def test_what_is_not_the_declared_file_is_not_kept(
    web: Server, plain: DataSet, change: Callable[[bytes], bytes], reason: str
) -> None:
    good = web.pages["/images.gz"]
    web.pages["/images.gz"] = change(good)
    with pytest.raises(UserError, match=rf"images\.gz could not be downloaded .*{reason}"):
        load(plain, "train")
    assert left() == []
    web.pages["/gone/images.gz"], web.pages["/images.gz"] = change(good), good
    load(plain, "train")  # the second mirror makes up for the first


def test_parallel_loads_fetch_once(web: Server, plain: DataSet) -> None:
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(load(plain, "train")[0])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(web.asked) == 4


def test_only_the_web_is_asked(downloadable: Build, web: Server, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"data")
    url = (tmp_path / "local").as_uri()
    with pytest.raises(UserError, match="not an address on the web"):
        load(downloadable(("images.gz", (url,), b"data", "")), "train")


def test_an_archive_gives_its_declared_files_and_no_others(
    web: Server,
    downloadable: Build,
    files: dict[str, bytes],
    samples: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    members = {f"tiny-set/{name}": data for name, data in files.items()}
    hostile = {"../escaped": b"x", f"{tmp_path}/escaped": b"x", "tiny-set/../escaped": b"x"}
    body = tar({**hostile, **members, "tiny-set/readme": b"x"}, {"tiny-set/link": "/etc/passwd"})
    dataset = archive(web, downloadable, body)
    np.testing.assert_array_equal(load(dataset, "train")[0][..., 0], samples[0])
    assert left() == ["images", "labels"]
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("fault", ["absent", "size", "link"])
def test_an_archive_without_a_declared_file_is_told(
    web: Server, downloadable: Build, files: dict[str, bytes], fault: str
) -> None:
    members = {"tiny-set/images": files["images"]}
    if fault == "size":
        members["tiny-set/labels"] = files["labels"] + b"more"
    links = {"tiny-set/labels": "/etc/passwd"} if fault == "link" else {}
    dataset = archive(web, downloadable, tar(members, links))
    with pytest.raises(UserError, match=r"lacks tiny-set/labels"):
        load(dataset, "train")
    assert find(dataset) is None


def test_an_archive_unpacked_by_hand_is_found_in_its_own_folder(
    web: Server, downloadable: Build, files: dict[str, bytes]
) -> None:
    dataset = archive(web, downloadable, b"never asked for")
    folder = cache_root() / "tiny" / "tiny-set"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert len(load(dataset, "train")[1]) == 6
    assert web.asked == []


def test_a_terminal_gets_a_bar_on_stderr(
    plain: DataSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", stderr)
    load(plain, "train")
    assert "images.gz" in stderr.getvalue()
    assert capsys.readouterr().out == ""


def test_a_damaged_archive_is_told(web: Server, downloadable: Build) -> None:
    for body in (b"no archive", tar({"tiny-set/images": bytes(5000)})[:-30]):
        with pytest.raises(UserError, match=r"tiny\.tar\.gz is damaged"):
            load(archive(web, downloadable, body), "train")


def test_a_folder_that_cannot_be_written_is_told(
    plain: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="could not be stored"):
        load(plain, "train")
