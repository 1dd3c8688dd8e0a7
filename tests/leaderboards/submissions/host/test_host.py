"""A hosted board over HTTP: it takes what is right, and stays whole whatever comes."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.keys import generate
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Entrant, Manifest
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.leaderboards.submissions.deliver import deliver
from leapbench.leaderboards.submissions.rounds import Rounds
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.tables import submissions
from leapbench.results.result import AgentRecord, Part, Result

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
BUSY = "The board cannot do that now. Send it again later."
OUTSIDE = {"isolation_level": "AUTOCOMMIT", "poolclass": sa.pool.NullPool}


def packed(notes: str = "", key: object = None) -> bytes:
    """A small bundle of numbers."""
    part = Part(name="p", role="policy", version=1, config={})
    row = Result(
        status="failed",
        message="tried",
        task="coins/small",
        tier="smoke",
        protocol_hash="0" * 16,
        agent=AgentRecord(name="p", parts=(part,)),
        seed=0,
    )
    row = row.model_copy(update={"run_id": row.digest()})
    files = {"results/seed-0.json": row.model_dump_json().encode()}
    manifest = Manifest(
        task=row.task,
        tier=row.tier,
        protocol_hash=row.protocol_hash,
        agent="p",
        parts=(BundledPart(**part.model_dump(), kind="numbers"),),
        entrant=Entrant(name="someone", notes=notes),
        results=tuple(files),
        files=described(files),
    )
    return pack(manifest, files, key)


class Server:
    """A board that is served on a free port of this machine."""

    def __init__(self, board: Path, **options: object) -> None:
        from leapbench.leaderboards.submissions.host.app import application

        made = application(board, **options)
        config = uvicorn.Config(made, host="127.0.0.1", port=0, log_level="error")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "board"


@pytest.fixture
def server(board: Path) -> Iterator[Server]:
    made = Server(board)
    yield made
    made.stop()


def test_what_is_delivered_can_be_fetched_again(server: Server, board: Path) -> None:
    data = packed()
    filed = deliver(data, server.url)
    assert "attempt 1" in filed.where
    status, listing = server.ask("GET", "/submissions?task=coins/small")
    assert status == 200
    (record,) = json.loads(listing)
    assert (record["id"], record["entrant"]["name"]) == (filed.id, "someone")
    assert server.ask("GET", f"/submissions/{filed.id}") == (200, data)
    assert [each.id for each in SubmissionStore(board).submissions()] == [filed.id]
    assert json.loads(server.ask("GET", "/submissions?tier=lite")[1]) == []


def test_the_same_bytes_are_not_another_attempt(server: Server) -> None:
    assert server.ask("POST", "/submissions", packed())[0] == 201
    status, answer = server.ask("POST", "/submissions", packed())
    assert (status, json.loads(answer)["attempt"]) == (200, 1)
    assert json.loads(server.ask("POST", "/submissions", packed("two"))[1])["attempt"] == 2


def test_bad_bundles_get_a_reason_and_nothing_is_kept(server: Server, board: Path) -> None:
    good = packed()
    flipped = good[:100] + bytes([good[100] ^ 1]) + good[101:]
    for data in (b"", b"no archive", good[:-30], good + b"more", flipped):
        status, answer = server.ask("POST", "/submissions", data)
        assert status == 400
        assert json.loads(answer)["check"]
    with pytest.raises(UserError, match="refused it"):
        deliver(good, server.url + "/nowhere")
    assert SubmissionStore(board).submissions() == []
    assert SubmissionStore(board).check() == []


def test_a_body_that_is_too_long_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leapbench.leaderboards.submissions.host import app

    monkeypatch.setattr(app, "FILE_BYTES", 1000)
    assert server.ask("POST", "/submissions", b"x" * 2000)[0] == 413
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    chunks = iter([b"x" * 600] * 3)
    connection.request("POST", "/submissions", chunks, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_unknown_submissions_and_paths_are_404(server: Server, tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_text("x")
    names = ("0" * 64, "..%2f..%2fsecret", "..%2f..%2f..%2f..%2fetc%2fpasswd", "x", "%00")
    for name in names:
        status, answer = server.ask("GET", f"/submissions/{name}")
        assert status == 404, name
        assert "error" in json.loads(answer)


def test_rounds_and_verdicts_are_public_and_salts_are_not(
    server: Server, board: Path, tmp_path: Path
) -> None:
    rounds = Rounds(board, tmp_path / "secrets")
    opened = rounds.open()
    (shown,) = json.loads(server.ask("GET", "/rounds")[1])
    assert (shown["commitment"], shown["salt"]) == (opened.commitment, "")
    assert server.ask("GET", "/verdicts") == (200, b"[]")


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_fifty_clients_at_once_end_as_so_many_rows(board: Path, address: str, count: int) -> None:
    server = Server(board, hourly=10 * count, index=address)
    try:
        bundles = [packed(str(n)) for n in range(count)]
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda data: server.ask("POST", "/submissions", data), bundles))
    finally:
        server.stop()
    assert {status for status, _ in answers} == {201}
    given = [json.loads(answer) for _, answer in answers]
    assert sorted(each["attempt"] for each in given) == list(range(1, count + 1))
    store = SubmissionStore(board)
    assert sorted(each.id for each in store.submissions()) == sorted(each["id"] for each in given)
    with store.index.reading() as db:
        assert len(db.execute(sa.select(submissions)).all()) == count
    assert store.check() == []


def test_a_board_without_its_database_asks_to_wait(board: Path, postgres_address: str) -> None:
    """And names neither the database nor its user to strangers."""
    server = Server(board, index=postgres_address)
    try:
        assert server.ask("POST", "/submissions", packed())[0] == 201
        lost = postgres_address.rpartition("/")[2]
        engine = sa.create_engine(postgres_address.replace(lost, "postgres"), **OUTSIDE)
        with engine.connect() as db:
            db.exec_driver_sql(f"ALTER DATABASE {lost} RENAME TO {lost}_away")
            status, answer = server.ask("POST", "/submissions", packed("two"))
            assert (status, json.loads(answer)) == (503, {"error": BUSY})
            assert server.ask("GET", "/submissions")[0] == 503
            db.exec_driver_sql(f"ALTER DATABASE {lost}_away RENAME TO {lost}")
        assert server.ask("POST", "/submissions", packed("two"))[0] == 201
        assert len(json.loads(server.ask("GET", "/submissions")[1])) == 2
    finally:
        server.stop()


def test_a_board_may_want_signatures(board: Path, tmp_path: Path) -> None:
    server = Server(board, signed=True)
    try:
        assert server.ask("POST", "/submissions", packed())[0] == 403
        signed = packed(key=generate(tmp_path / "key.pem"))
        assert server.ask("POST", "/submissions", signed)[0] == 201
    finally:
        server.stop()


def test_an_address_that_posts_too_often_waits(board: Path) -> None:
    server = Server(board, hourly=3)
    try:
        statuses = [server.ask("POST", "/submissions", packed(str(i)))[0] for i in range(5)]
        assert statuses == [201, 201, 201, 429, 429]
        assert server.ask("GET", "/submissions")[0] == 200
    finally:
        server.stop()


def test_the_site_is_shown_beside_the_board(board: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<h1>Boards</h1>")
    server = Server(board, site=site)
    try:
        assert server.ask("GET", "/") == (200, b"<h1>Boards</h1>")
        assert server.ask("GET", "/submissions")[0] == 200
        assert server.ask("GET", "/../board/index.sqlite")[0] == 404
    finally:
        server.stop()


def test_a_board_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be reached"):
        deliver(packed(), "http://127.0.0.1:9")


def test_delivery_to_a_file_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    deliver(packed(), str(path))
    assert path.read_bytes() == packed()
    deliver(packed(), str(path))
    with pytest.raises(UserError, match="is another file"):
        deliver(packed("other"), str(path))
    assert path.read_bytes() == packed()


def test_a_slow_body_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leapbench.leaderboards.submissions.host.app.SECONDS", 0.5)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/submissions")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"x")
    assert connection.getresponse().status == 408
    connection.close()


def test_a_listing_is_paged_and_reads_no_results(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leapbench.leaderboards.submissions.host.app.PAGE", 2)
    for name in ("one", "two", "three"):
        assert server.ask("POST", "/submissions", packed(name))[0] == 201
    monkeypatch.setattr("leapbench.results.result.Result.model_validate_json", None)
    pages = [json.loads(server.ask("GET", f"/submissions?page={n}")[1]) for n in range(3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert len({each["id"] for page in pages for each in page}) == 3
    for bad in ("-1", "x", "", "1e3", "9" * 30):
        assert server.ask("GET", f"/submissions?page={bad}")[0] == 400
