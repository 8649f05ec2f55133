"""What the page asks the pack: one route a file, each a function from a question to an answer.

    POST /attention_bending/<route>   a JSON object

An answer is a JSON object, or a picture. What the user has to be told stands in ``{"error": …}``, since the page logs
other statuses as faults of its own; a question that no page of ours asks is a 400 with the reason.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aiohttp import web

from ...bending.errors import BendError

LONGEST = 200_000  # characters of a question


class Picture(NamedTuple):
    """An answer that is a picture, and what is told beside it, in headers by name."""

    data: bytes
    mime: str
    told: Mapping[str, str] = {}


class NonsenseError(Exception):
    """A question that no page of ours asks."""


Answer = Callable[[dict], dict | Picture]

_worker = ThreadPoolExecutor(1, thread_name_prefix="attention bending page")
"""Off the server's loop, and one at a time: the sampler has the machine."""


def asked(question: Mapping, name: str, kind: type, longest: int = 20_000):
    """A question's own value. Raises NonsenseError where it is missing, of another kind, or too long."""
    value = question.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise NonsenseError(f"{name} must be of type {kind.__name__}, but is {type(value).__name__}")
    if isinstance(value, str | list | dict) and len(value) > longest:
        raise NonsenseError(f"{name} has {len(value)} entries, and may have {longest}")
    return value


def handler(answer: Answer):
    """What answers requests by a function from a question to an answer, off the server's loop."""

    async def handle(request: web.Request) -> web.Response:
        try:
            text = await request.text()
            if len(text) > LONGEST:
                raise NonsenseError(f"a question of {len(text)} characters; the longest has {LONGEST}")
            answered = await asyncio.get_running_loop().run_in_executor(_worker, answer, _read(text))
        except BendError as error:
            return web.json_response({"error": str(error)})
        except NonsenseError as error:
            return web.json_response({"error": str(error)}, status=400)
        if isinstance(answered, Picture):
            return web.Response(body=answered.data, content_type=answered.mime, headers=dict(answered.told))
        return web.json_response(answered)

    return handle


def _read(text: str) -> dict:
    try:
        question = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NonsenseError(f"no JSON: {error}") from None
    if not isinstance(question, dict):
        raise NonsenseError("a question is a JSON object")
    return question
