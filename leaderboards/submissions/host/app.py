"""The web application of a hosted board.

    POST /submissions        a bundle as the body; 201 when it is new, 200 when it was there
    GET  /submissions        what was submitted, as JSON, 100 a page: ?page= ?task= ?tier=
    GET  /submissions/{id}   a bundle as it came
    GET  /verdicts           every verdict, as JSON
    GET  /rounds             the rounds with their hashes, and the salts of closed ones
    GET  /                   the site, if one was built

Nothing that is submitted is run here: a submission is read, checked and filed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import FILE_BYTES, Refused
from leapbench.leaderboards.submissions.host.throttle import Throttle
from leapbench.leaderboards.submissions.rounds import Rounds
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.records import Head

LOG = logging.getLogger("uvicorn.error")
PAGE = 100  # submissions in one listing
SECONDS = 120.0  # in which a body has to be there


def application(
    board: Path,
    site: Path | None = None,
    signed: bool = False,
    hourly: int = 60,
    index: str = "",
) -> Starlette:
    """The application of one board.

    Args:
        board: folder of the board.
        site: folder of a built site; None for none.
        signed: refuse bundles without a signature.
        hourly: submissions that one address may make in an hour.
        index: database of the index from now on; empty for where it is.
    """
    store = SubmissionStore(board, create=True, address=index)
    routes: list[BaseRoute] = [
        Route("/submissions", _Submissions(store, signed), methods=["GET", "POST"]),
        Route("/submissions/{id}", _bundle(store)),
        Route("/verdicts", _listing(lambda: [v.model_dump() for v in store.ledger.verdicts()])),
        Route("/rounds", _listing(lambda: [each.model_dump() for each in Rounds(board).all()])),
    ]
    if site is not None:
        routes.append(Mount("/", StaticFiles(directory=site, html=True)))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Throttle, hourly=hourly)],
        exception_handlers={HTTPException: _error_response, UserError: _unable},
    )


class _Submissions:
    """`/submissions`: list them, or take one more."""

    def __init__(self, store: SubmissionStore, signed: bool) -> None:
        self.store, self.signed = store, signed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        answer = await (self._take(request) if request.method == "POST" else self._list(request))
        await answer(scope, receive, send)

    async def _list(self, request: Request) -> Response:
        task, tier = (request.query_params.get(key) for key in ("task", "tier"))
        number = request.query_params.get("page", "0")
        if not re.fullmatch(r"[0-9]{1,9}", number):
            raise HTTPException(400, "A page is a number from 0 on.")
        found = await run_in_threadpool(self.store.page, task, tier, PAGE * int(number), PAGE)
        return JSONResponse([record(*each) for each in found])

    async def _take(self, request: Request) -> Response:
        handle, name = tempfile.mkstemp(suffix=".zip")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                async with asyncio.timeout(SECONDS):
                    await _save(request, file.write)
            return await run_in_threadpool(self._add, path)
        except TimeoutError:
            return JSONResponse({"error": f"A bundle arrives within {SECONDS:g} s."}, 408)
        except ClientDisconnect:
            return JSONResponse({"error": "The bundle did not arrive whole."}, 400)
        finally:
            path.unlink(missing_ok=True)

    def _add(self, path: Path) -> Response:
        try:
            if self.signed and not open_bundle(path).signed_by:
                raise HTTPException(403, "This board takes signed bundles only: leapbench keygen")
            receipt = self.store.add(path)
        except Refused as error:
            return JSONResponse({"error": str(error), "check": error.check}, 400)
        body = {"id": receipt.id, "attempt": receipt.attempt, "received": receipt.received}
        return JSONResponse(body, 201 if receipt.new else 200)


async def _save(request: Request, write: Callable[[bytes], object]) -> None:
    """Write the body as it comes, up to the size of a bundle."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > FILE_BYTES:
        raise HTTPException(413, f"A bundle has at most {FILE_BYTES} bytes.")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > FILE_BYTES:
            raise HTTPException(413, f"A bundle has at most {FILE_BYTES} bytes.")
        write(chunk)


def _bundle(store: SubmissionStore) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            path = store.bundle(request.path_params["id"])
        except UserError:
            raise HTTPException(404, "There is no such submission.") from None
        return FileResponse(path, media_type="application/zip")

    return answer


def _listing(find: Callable[[], list[Any]]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(find))

    return answer


def record(head: Head, attempts: int, scores: dict[str, float | None]) -> dict[str, Any]:
    """A submission for programs, without its episodes."""
    names = ("id", "task", "tier", "agent", "signed_by", "received")
    own = {name: getattr(head, name) for name in names}
    return own | {"entrant": json.loads(head.entrant), "attempts": attempts, "scores": scores}


async def _unable(request: Request, error: Exception) -> Response:
    """The disk is full, or the database away: that is for whoever hosts, not for strangers."""
    LOG.error("%s", error)
    return JSONResponse({"error": "The board cannot do that now. Send it again later."}, 503)


async def _error_response(request: Request, error: Exception) -> Response:
    """Every error as JSON, like the answers."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": getattr(error, "detail", "")}, status)
