"""Threads for blocking libraries, and work that a cancellation must not cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

__all__ = ["finish", "only_error", "run_blocking"]

T = TypeVar("T")


async def run_blocking(
    fn: Callable[..., T],
    *args: Any,
    limiter: asyncio.Semaphore | None = None,
    cancel: Callable[[], None] | None = None,
    **kwargs: Any,
) -> T:
    """Runs a blocking function in a thread of the loop's default executor.

    Under virtual time the thread counts as busy, so time stands still for it.

    Args:
        fn: must be thread-safe with whatever else runs.
        args: passed on.
        limiter: how many such calls may run at once; shared by the callers it should bound.
        cancel: asks the function to stop; called when we are cancelled while it runs.
        kwargs: passed on.
    """
    if limiter is not None:
        async with limiter:
            return await run_blocking(fn, *args, cancel=cancel, **kwargs)
    try:
        return await asyncio.get_running_loop().run_in_executor(None, partial(fn, *args, **kwargs))
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        raise


async def finish(work: Awaitable[T], *, seconds: float) -> T:
    """Awaits the last words of a task that was cancelled, for a bounded time.

    To be used in an ``except CancelledError`` block, before raising it again. A cancellation that
    was delivered once does not disturb later awaits; a second one still ends this.

    Raises:
        TimeoutError: the time was not enough.
    """
    async with asyncio.timeout(seconds):
        return await work


def only_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Returns the error inside a group, or the innermost group when it holds several.

    A task group wraps even a single failure, which callers that expect one error would not see.
    """
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner
