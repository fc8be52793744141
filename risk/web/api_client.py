"""Requests to the API, each with a deadline and a limit on the size of its answer."""

import json
import time
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from risk.errors import ServiceDown
from risk.web import security

CONNECT_SECONDS, HEALTH_SECONDS, ANSWER_SECONDS = 2, 5, 60
LONGEST_ANSWER = 64 * 1024 * 1024
FAILURES = (requests.RequestException, HTTPError, ValueError)  # in the body urllib3 raises its own
MAY_BE_ANSWERED_LATER = (408, 409, 425, 429)


class Refused(ServiceDown):
    """The API answers, and will refuse the same question again."""


class Client:
    """The API at one address; the token is not sent before our service is known to be there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def is_serving(self, release: str) -> bool:
        """Whether this service answers there, with this release."""
        try:
            _, health = self._fetched("GET", "/health", None, {}, HEALTH_SECONDS)
        except FAILURES:
            return False
        is_ours = isinstance(health, dict) and health.get("service") == "risk"
        return is_ours and health.get("release") == release

    def answer(self, method: str, route: str, body: object = None) -> dict[str, Any]:
        """The JSON object of one answer; anything else is an error that says what came."""
        token = security.token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            status, value = self._fetched(method, route, body, headers, ANSWER_SECONDS)
        except FAILURES as error:
            raise ServiceDown(f"the API gave no answer to {route}: {error}") from error
        if isinstance(value, dict) and status == requests.codes.ok:
            return value
        message = value.get("message", "") if isinstance(value, dict) else ""
        is_final = 400 <= status < 500 and status not in MAY_BE_ANSWERED_LATER
        kind = Refused if is_final else ServiceDown
        raise kind(f"the API answered {route} with {status}: {message}")

    def _fetched(
        self, method: str, route: str, body: object, headers: dict[str, str], seconds: int
    ) -> tuple[int, Any]:
        """Status and JSON of an answer that is complete before the deadline."""
        deadline, content = time.monotonic() + CONNECT_SECONDS + seconds, bytearray()
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment would see the token
            answer = session.request(
                method,
                f"{self.url}{route}",
                json=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            )
            while piece := answer.raw.read1(64 * 1024):
                content += piece
                if len(content) > LONGEST_ANSWER or time.monotonic() > deadline:
                    raise requests.Timeout("the answer is too long or too slow")
            return answer.status_code, json.loads(content)
