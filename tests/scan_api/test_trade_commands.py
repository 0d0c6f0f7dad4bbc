"""`onecode trade` at a shell: enrolled by one and let in by another; terms and withheld rebates by two people each."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from antifraud import alerts, case_actions, cases
from antifraud.findings import Alert, Reason, Severity
from codegen import brands, shipments
from foundation import clock, ids
from foundation.database import reading, transaction
from foundation.errors import Problem
from loyalty import trade
from scan_api.cli import app

CHENGDU, URUMQI = 510100, 650100
OWNER = "138 0013 8000"


@pytest.fixture
def shell(database, database_url, monkeypatch, tmp_path):
    """A brand with one dealer; Zhao is logged in."""
    monkeypatch.setenv("ONECODE_DATABASE_URL", database_url)
    monkeypatch.setenv("ONECODE_MASTER_KEY", "00" * 32)
    monkeypatch.setenv("ONECODE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "Zhao")
    return Shell(database)


class Shell:
    def __init__(self, engine):
        self.engine = engine
        with transaction(engine) as tx:
            brand = brands.add_brand(tx, name="山泉", host="id.brand.cn", now=clock.now())
            dealer = shipments.add_dealer(tx, brand_id=brand.id, name="成都茶行", regions=[CHENGDU], now=clock.now())
        self.brand, self.dealer = brand.id, dealer.id

    def does(self, *words):
        done = CliRunner().invoke(app, ["trade", *map(str, words), "--json"])
        assert done.exit_code == 0, done.exception
        return json.loads(done.stdout)

    def refuses(self, *words):
        done = CliRunner().invoke(app, ["trade", *map(str, words)])
        assert isinstance(done.exception, Problem), done.output
        return done.exception.detail

    def enrol(self, *, code="CD-001", phone=OWNER, region=CHENGDU, kind="store"):
        return ("enrol", "--kind", kind, "--dealer", self.dealer, "--code", code, "--name", "锦里烟酒",
                "--region", region, "--phone", phone)  # fmt: skip


def test_one_enrols_and_another_lets_in(shell):
    [made] = shell.does(*shell.enrol())
    assert (made["state"], made["enrolled_by"], made["region"]) == ("pending", "Zhao", "Chengdu")
    assert shell.does(*shell.enrol()) == [made], "the same again changes nothing"
    assert "does not sell in region" in shell.refuses(*shell.enrol(code="UR-1", region=URUMQI))
    assert "not a phone number" in shell.refuses(*shell.enrol(code="CD-002", phone="12"))
    assert "one store or dealer at a time" in shell.refuses(*shell.enrol(code="CD-002"))
    assert shell.refuses("approve", made["id"]) == "Another person has to approve: whoever enrolled it cannot."
    [approved] = shell.does("approve", made["id"], "--by", "Qian")
    assert approved["state"] == "approved"
    [listed] = shell.does("list", "--state", "approved")
    assert (listed["code"], listed["points"]) == ("CD-001", 0)
    assert "no state of a partner" in shell.refuses("list", "--state", "open")
    with reading(shell.engine) as tx:
        [owner] = trade.people(tx, made["id"])
    assert (owner.role, owner.state) == ("owner", "bound")
    assert shell.does("close", made["id"], "--reason", "关店")[0]["state"] == "closed"
    [again] = shell.does(*shell.enrol(code="DL-1", kind="dealer"))
    assert shell.does("refuse", again["id"], "--reason", "twice")[0]["reason"] == "twice"


def test_terms_are_drafted_by_one_and_published_by_another(shell):
    draft = ("terms", "draft", "--brand", shell.brand, "--budget-points", 1000, "--budget-fen", 500)
    assert "Promise something" in shell.refuses(*draft)
    assert "assistant_percent" in shell.refuses(*draft, "--case-points", 5, "--assistant-percent", 101)
    [made] = shell.does(*draft, "--case-points", 50, "--sale-points", 10, "--assistant-percent", 30,
                        "--sale-rebate-fen", 25)  # fmt: skip
    assert (made["state"], made["case_points"], made["sale_rebate_fen"]) == ("draft", 50, 25)
    assert "Another person" in shell.refuses("terms", "publish", made["id"])
    [live] = shell.does("terms", "publish", made["id"], "--by", "Qian")
    assert (live["state"], live["approved_by"]) == ("published", "Qian")
    assert shell.does("terms", "list") == [live]


def test_rebates_are_held_and_released_by_two_people_each(shell):
    assert shell.does("rebates", "list", "--dealer", shell.dealer) == []
    assert "no dealer 999" in shell.refuses("rebates", "list", "--dealer", 999)
    case = confirmed(shell)
    assert "no case 999" in shell.refuses("rebates", "hold", "--case", 999, "--reason", "乌鲁木齐开箱").lower()
    hold = ("rebates", "hold", "--case", case, "--reason", "乌鲁木齐开箱")
    assert "was not heard" in shell.refuses(*hold)
    heard(shell, case)
    [made] = shell.does(*hold, "--days", 20)
    assert (made["state"], made["dealer"], made["region"]) == ("proposed", shell.dealer, URUMQI)
    assert "Another person" in shell.refuses("rebates", "agree", made["id"])
    assert shell.does("rebates", "agree", made["id"], "--by", "Qian")[0]["state"] == "held"
    ask = ("rebates", "ask-release", made["id"], "--reason", "单据齐全")
    assert shell.does(*ask)[0]["state"] == "releasing"
    assert "Another person" in shell.refuses("rebates", "release", made["id"])
    assert shell.does("rebates", "release", made["id"], "--by", "Qian")[0]["state"] == "released"
    [dropped] = shell.does("rebates", "drop", shell.does(*hold)[0]["id"], "--reason", "twice")
    assert [one["state"] for one in shell.does("rebates", "held", "--dealer", shell.dealer)] == ["dropped", "released"]
    assert dropped["ended_by"] == "Zhao"


def confirmed(shell):
    """A case about the dealer's goods in Urumqi that a person confirmed."""
    pivot, now = f"dealer:{shell.dealer}:{URUMQI}", clock.now()
    with transaction(shell.engine) as tx:
        alert = Alert(Reason("DIV_STORE_OPENING", {}, 2.0), Severity.MEDIUM, pivot, ids.uuid7(now), None, "1" * 18,
                      shell.dealer, "1")  # fmt: skip
        [case_id] = alerts.raise_alerts(tx, [alert], now=now).values()
        cases.take(tx, case_id, by="Zhao", now=now)
        cases.decide(tx, case_id, outcome="confirmed_risk", by="Zhao", reason="货在乌鲁木齐", now=now)
    return case_id


def heard(shell, case_id):
    """The dealer was told five days ago and let the deadline pass."""
    ago = clock.now() - timedelta(days=5)
    with transaction(shell.engine) as tx:
        case_actions.act(
            tx, case_id, "dealer_notice", cases.case(tx, case_id).pivot, until=ago + timedelta(days=4), by="Zhao",
            reason="请说明", now=ago,
        )  # fmt: skip
