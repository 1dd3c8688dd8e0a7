"""So many submissions an hour from one address."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOUR = 3600.0
MOST_ADDRESSES = 10_000


class Throttle:
    """Middleware that answers 429 to an address that posts too often.

    Behind a proxy every request has the proxy's address, unless the server is
    told to trust its headers.

    Args:
        app: what is behind it.
        hourly: posts that one address may make in an hour.
    """

    def __init__(self, app: ASGIApp, hourly: int) -> None:
        self.app, self.hourly = app, hourly
        self._posts: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or not."""
        if scope["type"] == "http" and scope["method"] == "POST" and self._full(scope):
            answer = JSONResponse({"error": f"{self.hourly} submissions an hour are enough."}, 429)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _full(self, scope: Any) -> bool:
        """Count one more post; whether it is one too many."""
        now = time.monotonic()
        posts = self._posts.setdefault((scope.get("client") or ("", 0))[0], deque())
        while posts and now - posts[0] > HOUR:
            posts.popleft()
        if len(self._posts) > MOST_ADDRESSES:
            self._posts = {who: times for who, times in self._posts.items() if times}
        posts.append(now)
        return len(posts) > self.hourly
