"""The platform over HTTP, as a station in a plant reaches it: /v1/line with the station's own key.

A question is tried a few times and then the platform is away: the line works on inside its leases and asks again later.
What comes back is a lease, a number or a refusal in the platform's words, or it is not believed: a captive portal that
answers every address with its own page is away too.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx

from printer_jobs.platform import JSON, CaseNumber, Lease, PlatformAway, PlatformRefuses, Seen

TRIES, PAUSE_S = 3, 0.25  # The pause doubles.
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")


class HttpPlatform:
    """address: https://host of the platform. key: the station's API key."""

    def __init__(
        self, address: str, key: str, *, timeout_s: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._address = address
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(timeout_s, connect=min(3.0, timeout_s)),
            transport=transport,
        )

    def lease(self, job: int, block: int = 0, count: int = 0) -> Lease:
        path = f"/v1/line/jobs/{job}/blocks/{block}"
        return self._ask("PUT" if count else "GET", path, {"count": count} if count else None, Lease.from_json)

    def case_numbers(self, job: int, first: int, count: int) -> list[CaseNumber]:
        def numbers(answer: JSON) -> list[CaseNumber]:
            return [CaseNumber.from_json(number) for number in answer["numbers"]]

        return self._ask("PUT", f"/v1/line/jobs/{job}/cases", {"first": first, "count": count}, numbers)

    def report(self, job: int, report: JSON) -> JSON:
        def heard(answer: JSON) -> JSON:
            return {"sequence": int(answer["sequence"]), "state": answer["state"], "discrepancy": answer["discrepancy"]}

        return self._ask("PUT", f"/v1/line/jobs/{job}/report", report, heard)

    def pair(self, job: int, seen: Sequence[Seen]) -> None:
        body = {"seen": [{"item": item, "cap": cap} for item, cap in seen]}
        self._ask("PUT", f"/v1/line/jobs/{job}/pairs", body, lambda _: None)

    def heartbeat(self, job: int, state: JSON) -> None:
        self._ask("PUT", f"/v1/line/jobs/{job}/heartbeat", state, lambda _: None)

    def jobs(self) -> list[JSON]:
        """This station's jobs that are not closed, oldest first."""
        return self._ask("GET", "/v1/line/jobs", None, list)

    def register(self, public_key: bytes) -> str:
        """Tell the platform which key this station signs with; the station's name comes back."""
        return self._ask("PUT", "/v1/line/key", {"public_key": public_key.hex()}, lambda answer: str(answer["station"]))

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: JSON | None, read: Callable[[Any], T]) -> T:
        answer = self._answer(method, path, body)
        if answer.status_code >= 400:
            raise PlatformRefuses(self._refusal(answer))
        try:
            return read(answer.json())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PlatformAway(f"{self._address} answers, but not as the platform does; check its address.") from error

    def _answer(self, method: str, path: str, body: JSON | None) -> httpx.Response:
        excuse = "did not answer"
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_S * 2**attempt)
            try:
                answer = self._http.request(method, path, json=body)
            except httpx.HTTPError as error:
                excuse = f"cannot be reached ({type(error).__name__})"
                continue
            if answer.status_code not in BUSY:
                return answer
            excuse = f"is busy (status {answer.status_code})"
        raise PlatformAway(f"The platform {self._address} {excuse}.")

    def _refusal(self, answer: httpx.Response) -> str:
        if answer.status_code in (301, 302, 307, 308, 404, 405) and "problem" not in answer.headers.get(
            "content-type", ""
        ):
            return f"{self._address} is not the platform; check the address in the station's file."
        try:
            said = str(answer.json()["detail"])
        except (ValueError, TypeError, KeyError):
            said = f"status {answer.status_code}"
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return f"{said} Enrol the station anew at the office."
        return said
