"""The gate refuses size and type before KServe reads, and lets no stack trace out."""

import asyncio
import json

import pytest

from serving.gate import Gate

JSON = (b"content-type", b"application/json")
PREDICT = "/v1/models/recommender:predict"


def _ask(app, *, headers=(JSON,), chunks=(b"{}",), path=PREDICT, limit=100):
    """Send one POST through a gate; (status, parsed body)."""
    parts = [{"type": "http.request", "body": c, "more_body": True} for c in chunks]
    parts[-1]["more_body"] = False
    sent = []

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    asyncio.run(Gate(app, max_body_bytes=limit)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


async def _echo(scope, receive, send):
    message = await receive()
    body = json.dumps([message["body"].decode(), dict(scope["headers"])[b"content-type"].decode()])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})


async def _crash(scope, receive, send):
    raise ValueError("password of the database")


def test_a_body_in_chunks_arrives_whole():
    assert _ask(_echo, chunks=(b"{", b"", b"}")) == (200, ["{}", "application/json"])


def test_a_declared_length_over_the_limit_is_refused_before_reading():
    status, body = _ask(_echo, headers=(JSON, (b"content-length", b"101")), chunks=(b"",))
    assert (status, body) == (413, {"error": "body: must be at most 100 bytes"})


def test_a_body_longer_than_it_declares_is_refused():
    assert _ask(_echo, chunks=(b"x" * 60, b"x" * 60))[0] == 413


def test_a_body_at_the_limit_passes():
    assert _ask(_echo, chunks=(b"x" * 100,))[0] == 200


@pytest.mark.parametrize("kind", [b"text/plain", b"application/x-www-form-urlencoded", b""])
def test_another_content_type_is_refused(kind):
    status, body = _ask(_echo, headers=((b"content-type", kind),))
    assert (status, body) == (415, {"error": "content-type: must be application/json"})


def test_json_with_a_charset_is_json():
    headers = ((b"content-type", b"Application/JSON; charset=utf-8"),)
    assert _ask(_echo, headers=headers)[1][1] == "application/json"


def test_a_crash_leaves_as_one_sentence_without_its_cause(caplog):
    status, body = _ask(_crash)
    assert status == 500
    assert body["error"].startswith("internal error, request id ")
    assert "password" not in json.dumps(body)
    assert body["error"].rsplit(" ", 1)[1] in caplog.text
