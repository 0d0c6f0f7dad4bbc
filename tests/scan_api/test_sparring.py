"""Adversaries in the background: asked for once, played once, whatever is killed in between."""

import threading
from datetime import timedelta

import pytest

from antifraud.lab import adversaries, backtest, versions
from foundation import clock
from foundation.database import reading, transaction
from scan_api import sparring
from scan_api.sparring import NotPlayed
from tests.antifraud.lab.conftest import RULE

REPORT = {"attacks": {"A1": {"live": 0.1, "draft": 0.2}}, "honest": {"live": 0.0, "draft": 0.0}}
GO = threading.Event()


@pytest.fixture
def waiting(database):
    """A draft whose adversaries wait to be played."""
    with transaction(database) as tx:
        versions.draft_rule(tx, "many", text="people >= 3", by="li", now=clock.now(), **RULE)
        return adversaries.ask(tx, "many", 1, by="li", now=clock.now())


def stands(database, run):
    with reading(database) as tx:
        return backtest.get(tx, run.id)


def test_a_run_is_asked_for_once_and_played_once(database, waiting):
    with transaction(database) as tx:
        assert adversaries.ask(tx, "many", 1, by="wang", now=clock.now()).id == waiting.id
    given = []

    def play(asked, stop):
        given.append(asked)
        assert sparring.play_next(database, GO, play=play) is False  # What is being played is nobody else's.
        return REPORT

    assert sparring.play_next(database, GO, play=play) is True
    assert sparring.play_next(database, GO, play=play) is False
    assert [(one["slug"], one["version"]) for one in given] == [("many", 1)]
    done = stands(database, waiting)
    assert (done.state, done.report) == ("done", REPORT)


def test_a_run_that_fails_says_why_and_one_that_is_stopped_waits_again(database, waiting):
    sparring.play_next(database, GO, play=lambda asked, stop: None)
    assert stands(database, waiting).state == "waiting"

    def broken(asked, stop):
        raise NotPlayed("The adversaries could not be played: no room on the disk")

    sparring.play_next(database, GO, play=broken)
    failed = stands(database, waiting)
    assert (failed.state, failed.failure) == ("failed", "The adversaries could not be played: no room on the disk")
    with transaction(database) as tx:
        assert adversaries.ask(tx, "many", 1, by="li", now=clock.now()).id != waiting.id


def test_a_run_whose_player_is_gone_is_taken_again(database, waiting):
    now = clock.now()
    with transaction(database) as tx:
        assert adversaries.take(tx, now=now) is not None
        assert adversaries.take(tx, now=now + adversaries.LEASE) is None
        late = adversaries.take(tx, now=now + adversaries.LEASE + timedelta(seconds=1))
    assert late is not None
    assert late.id == waiting.id


def test_a_program_that_breaks_is_one_sentence(database):
    with pytest.raises(NotPlayed, match="could not be played: KeyError: 'live'"):
        sparring.play({}, GO)
