"""The background: Celery does the tasks, a relay hands it what the outbox holds, sweeps run by the clock.

Any number of workers may run; every part is safe to run twice at once.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress

from celery import Celery
from prometheus_client import start_http_server
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from antifraud import tasks as antifraud_tasks
from codegen import tasks as codegen_tasks
from foundation import background, clock, outbox, telemetry
from foundation.database import transaction
from foundation.observability import configure_logging, log
from loyalty import tasks as loyalty_tasks
from loyalty.members import MemberKeys
from scan_api import judging, paymaster, sparring
from scan_api import tasks as scan_api_tasks
from scan_api.chores import CHORES
from scan_api.house import House
from scan_api.paymaster import PayChannel, Paymaster
from scan_api.postman import Postman
from scan_api.webhooks import Secrets

RELAY_PAUSE_S = 0.5
TASKS = (
    antifraud_tasks,
    codegen_tasks,
    loyalty_tasks,
    scan_api_tasks,
    judging,
)  # Importing them registers their tasks and sweeps.


def run(house: House) -> None:
    """Work until told to stop (SIGTERM or Ctrl-C); the task in hand is finished first."""
    configure_logging(house.settings.log_level)
    telemetry.start(house.settings.otlp_endpoint, service="onecode-worker")
    if house.settings.worker_metrics_port:
        start_http_server(house.settings.worker_metrics_port, house.settings.host)
    broker = background.broker_url(house.url, house.settings.broker_url.reveal())
    app = background.make_app(broker, house.engine)
    stop = threading.Event()
    helpers = [
        threading.Thread(target=_relay, args=(app, house.engine, stop), name="relay"),
        threading.Thread(target=_sweep, args=(house.engine, stop), name="sweeps"),
        threading.Thread(target=_judge, args=(house.engine, stop), name="judge"),
        threading.Thread(target=_spar, args=(house.engine, stop), name="adversaries"),
        threading.Thread(target=_chores, args=(house, stop), name="chores"),
        threading.Thread(target=postman_of(house).run, args=(stop,), name="postman"),
    ]
    if (channel := paymaster.open_channel(house.settings)) is not None:
        helpers.append(threading.Thread(target=paymaster_of(house, channel).run, args=(stop,), name="paymaster"))
    for helper in helpers:
        helper.start()
    try:
        app.worker_main(["worker", "--pool=threads", "--concurrency=2", "--without-gossip", "--without-mingle"])
    finally:
        stop.set()
        telemetry.stop()
        for helper in helpers:
            helper.join()


def postman_of(house: House) -> Postman:
    secrets = Secrets(house.purpose_key("webhook secrets"))
    return Postman(house.engine, secrets, private=house.settings.webhooks_private)


def paymaster_of(house: House, channel: PayChannel) -> Paymaster:
    keys = MemberKeys.derive(house.purpose_key)
    return Paymaster(house.engine, channel, keys, app_id=house.settings.wechat_app_id)


def _relay(app: Celery, engine: Engine, stop: threading.Event) -> None:
    def send(task: str, args: Mapping[str, object]) -> None:
        app.send_task(task, kwargs=dict(args))

    while not stop.is_set():
        sent = 0
        with _survives("relay"), transaction(engine) as tx:
            sent = outbox.relay(tx, send, now=clock.now())
        if not sent:
            stop.wait(RELAY_PAUSE_S)


def _sweep(engine: Engine, stop: threading.Event) -> None:
    due = dict.fromkeys(background.tasks.sweeps, 0.0)
    while not stop.wait(0.2):
        for name, (period_s, work) in background.tasks.sweeps.items():
            if clock.monotonic_s() >= due[name]:
                due[name] = clock.monotonic_s() + period_s
                more = False
                with _survives(name), transaction(engine) as tx:
                    more = work(tx, now=clock.now()) is True
                if more:
                    due[name] = 0.0


def _judge(engine: Engine, stop: threading.Event) -> None:
    """A thread of its own: a long stretch keeps no sweep waiting, and no sweep keeps an alert waiting."""
    while not stop.is_set():
        if not judging.judge_near(engine, now=clock.now()):
            stop.wait(judging.NEAR_S)


def _spar(engine: Engine, stop: threading.Event) -> None:
    """A thread of its own: a run takes a minute, in a program of its own."""
    while not stop.wait(sparring.PAUSE_S):
        with _survives("adversaries"):
            sparring.play_next(engine, stop)


def _chores(house: House, stop: threading.Event) -> None:
    due = {chore.name: 0.0 for chore in CHORES}
    while not stop.wait(1.0):
        for chore in CHORES:
            if clock.monotonic_s() >= due[chore.name]:
                due[chore.name] = clock.monotonic_s() + chore.every_s
                with _survives(chore.name):
                    chore.work(house, clock.now())


class _survives(suppress):  # noqa: N801
    """A database or a disk that went away stops neither the relay nor a sweep: log, wait, try again."""

    def __init__(self, what: str) -> None:
        super().__init__(SQLAlchemyError, OSError)
        self._what = what

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, SQLAlchemyError | OSError):
            log(__name__).warning("background work failed and will be tried again", what=self._what, error=repr(error))
        return super().__exit__(kind, error, trace)  # type: ignore[arg-type]
