"""A rule's life: versions are written once, and moved from state to state by guarded statements.

    draft ── start_shadow ──> shadow ── its end comes, or stop_shadow ──> draft
      └────────────┬────────────┘
             ask ─ refuse
                publish, by another          live ── a newer one is published ──> retired
                   └────> live               live ── roll_back ──> rolled_back, and what it replaced is live again
                                             live ── trip ──> shadow, and what it replaced is live again

A slug names a rule in every environment; `params` is the slug of the thresholds. Every move is audited under
`lab:<slug>`, and what changes the judgement is told as a fact.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, Update, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from antifraud.findings import Severity
from antifraud.lab import probation, thresholds
from antifraud.lab.fused import SCORES, Effect, Rule, Ruleset
from antifraud.lab.tables import lab_rules, lab_versions
from antifraud.lab.vocabulary import CATALOGUE
from antifraud.params import Params
from foundation import audit, facts
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound
from foundation.facts import Fact
from foundation.observability import log, rule_failures_total
from foundation.rules import sentence as sentences
from foundation.rules.check import RuleNotUnderstood
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse

PARAMS = "params"
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MOST_NAME, MOST_SLUG, MOST_WEIGHT = 60, 40, 7.0  # A contribution beyond 7 nats is clipped by the scores.
MOST_SHADOW = timedelta(days=90)
AFTER_A_TRIP = timedelta(days=14)  # How long a rule that was taken back runs beside live.
OPEN = ("draft", "shadow")
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class LabMoved(Conflict):
    """The version is not in the state this needs, or another person is needed."""

    type = "lab-moved"


class BadRule(BadRequest):
    """A rule's name, effect or text cannot be used as written."""

    type = "bad-rule"


class BadName(BadRule):
    """A rule is called by lower-case words, and by a name in both languages."""

    type = "bad-name"


class NoWhy(BadRule):
    """A step that others read about later says why it was made."""

    type = "no-why"


class BadShadowEnd(BadRule):
    """A shadow run has an end that comes soon enough."""

    type = "bad-shadow-end"


@dataclass(frozen=True, slots=True)
class Version:
    """body: of a rule, its text, tree, names and effect; of thresholds, the changes to what the program says."""

    slug: str
    kind: str
    version: int
    body: Mapping[str, Any]
    why: str
    drafted_by: str
    drafted_at: datetime
    state: str
    shadow_from: datetime | None
    shadow_until: datetime | None
    live_from: datetime | None
    published_by: str | None
    replaces: int | None
    muted_until: datetime | None
    ended_at: datetime | None
    ended_why: str | None
    asked_by: str | None
    asked_at: datetime | None
    refused_by: str | None
    refused_why: str | None

    @property
    def waits(self) -> bool:
        """Whether somebody asked for its publication and nobody has answered."""
        return self.state in OPEN and self.asked_by is not None

    def rule(self, now: datetime | None = None) -> Rule:
        """The rule this version says; muted if it is at `now`. Only of kind rule."""
        muted = bool(now and self.muted_until and self.muted_until > now)
        return rule_of(self.slug, self.version, self.body, muted=muted)

    def params(self, base: Params | None = None) -> Params:
        return thresholds.params(self.body["changes"], base)

    def sentence(self, lang: sentences.Language) -> str:
        """What it means, for those who approve it."""
        if self.kind == PARAMS:
            said = thresholds.diff({}, self.body["changes"])
            return "；".join(f"{name}: {old} → {new}" for name, old, new in said)
        return sentences.sentence(from_json(self.body["tree"], CATALOGUE), CATALOGUE, lang)


def rule_of(slug: str, version: int, body: Mapping[str, Any], *, muted: bool = False) -> Rule:
    severity = Severity(body["severity"]) if body["severity"] is not None else None
    effect = Effect(body["score"], body["weight"], severity, body["hold"], body["budget"])
    return Rule(slug, version, from_json(body["tree"], CATALOGUE), effect, body["name_zh"], body["name_en"], muted)


def draft_rule(
    tx: Tx, slug: str, *, text: str, name_zh: str, name_en: str, score: str, weight: float,
    severity: Severity | None = None, hold: bool = False, budget: int = 0, why: str, by: str, now: datetime,
) -> Version:  # fmt: skip
    """A new version of a rule, or a new rule. Raises BadRule, RuleNotUnderstood, and BadRule for one that is slow."""
    if len(slug) > MOST_SLUG or not SLUG.fullmatch(slug) or slug == PARAMS:
        raise BadName(f"Name the rule by lower-case words with dashes, such as night-claims, at most {MOST_SLUG} long.")
    names = name_zh.strip(), name_en.strip()
    if not all(0 < len(name) <= MOST_NAME for name in names):
        raise BadName(f"Give the rule a name of 1 to {MOST_NAME} characters in Chinese and in English.")
    if score not in SCORES:
        raise BadRule(f"A rule counts to one of {', '.join(SCORES)}.")
    if not 0 <= weight <= MOST_WEIGHT:
        raise BadRule(f"Give a weight from 0 to {MOST_WEIGHT:g} nats; a score takes no more from one reason.")
    if severity is not None and severity is Severity.INFO:
        raise BadRule("An alert is medium, high or critical; leave it out for a rule that alerts nobody.")
    if budget < 0:
        raise BadRule("Give a daily budget of 0 (without end) or more.")
    tree = parse(text, CATALOGUE)
    if (slow := probation.slowest_us(tree)) > probation.MOST_US:
        raise BadRule(f"The rule takes {slow:.0f} µs a scan; {probation.MOST_US} are allowed. Split or shorten it.")
    body = {
        "text": text, "tree": to_json(tree), "name_zh": names[0], "name_en": names[1], "score": score,
        "weight": float(weight), "severity": int(severity) if severity is not None else None, "hold": hold,
        "budget": budget,
    }  # fmt: skip
    return _draft(tx, slug, "rule", body, why, by, now)


def draft_params(tx: Tx, changes: Mapping[str, Any], *, why: str, by: str, now: datetime) -> Version:
    """Other thresholds; what is left out is as the program says. Raises BadThreshold."""
    return _draft(tx, PARAMS, PARAMS, {"changes": thresholds.checked(changes)}, why, by, now)


def _draft(tx: Tx, slug: str, kind: str, body: Mapping[str, Any], why: str, by: str, now: datetime) -> Version:
    if not why.strip():
        raise NoWhy("Write a sentence that says why; whoever publishes reads it.")
    new = upsert(lab_rules).values(slug=slug, kind=kind, created_by=by, created_at=now)
    tx.execute(new.on_conflict_do_nothing())
    # The row of the rule is the queue for its numbers: two who draft at once get two versions.
    tx.execute(select(lab_rules.c.slug).where(lab_rules.c.slug == slug).with_for_update())
    last = tx.execute(select(func.max(lab_versions.c.version)).where(lab_versions.c.slug == slug)).scalar_one() or 0
    row = {"slug": slug, "version": last + 1, "body": dict(body), "why": why.strip(), "state": "draft"}
    tx.execute(insert(lab_versions).values(row | {"drafted_by": by, "drafted_at": now}))
    _audit(tx, slug, "draft", by, now, version=last + 1, body=dict(body), why=why.strip())
    return get(tx, slug, last + 1)


def start_shadow(tx: Tx, slug: str, version: int, *, until: datetime, by: str, now: datetime) -> Version:
    """Run it beside live until then, without effect; another version in shadow goes back to draft."""
    if not now < until <= now + MOST_SHADOW:
        raise BadShadowEnd(f"A shadow run ends: choose a time within the next {MOST_SHADOW.days} days.")
    get(tx, slug, version)
    beside = update(lab_versions).where(lab_versions.c.slug == slug, lab_versions.c.state == "shadow")
    tx.execute(beside.where(lab_versions.c.version != version).values(state="draft"))
    move = _these(slug, version, *OPEN).values(state="shadow", shadow_from=now, shadow_until=until)
    return _moved(tx, move, slug, version, "shadow", by, now, until=until.isoformat())


def stop_shadow(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> Version:
    """End a shadow run before its time; what was seen is kept."""
    move = _these(slug, version, "shadow").values(state="draft")
    return _moved(tx, move, slug, version, "shadow-stopped", by, now)


def end_shadows(tx: Tx, *, now: datetime) -> int:
    """Shadow runs whose end came are drafts again, with what was seen kept; how many."""
    over = update(lab_versions).where(lab_versions.c.state == "shadow", lab_versions.c.shadow_until <= now)
    ended = tx.execute(over.values(state="draft").returning(lab_versions.c.slug, lab_versions.c.version)).all()
    for row in ended:
        _audit(tx, row.slug, "shadow-ended", "lab", now, version=row.version)
    return len(ended)


def ask(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> Version:
    """The step of `gate.ask` that counts: from now it waits for another person."""
    asked = {"asked_by": by, "asked_at": now, "refused_by": None, "refused_why": None}
    move = _these(slug, version, *OPEN).where(lab_versions.c.asked_by.is_(None)).values(asked)
    return _moved(tx, move, slug, version, "ask", by, now)


def refuse(tx: Tx, slug: str, version: int, *, why: str, by: str, now: datetime) -> Version:
    """Answer an ask with no, for a reason; whoever asked may take it back the same way."""
    if not why.strip():
        raise NoWhy("Write a sentence that says why it is not published.")
    refused = {"asked_by": None, "asked_at": None, "refused_by": by, "refused_why": why.strip()}
    move = _these(slug, version, *OPEN).where(lab_versions.c.asked_by.is_not(None)).values(refused)
    return _moved(tx, move, slug, version, "refuse", by, now, why=why.strip())


def make_live(tx: Tx, slug: str, version: int, *, by: str, now: datetime) -> Version:
    """The step of `gate.publish` that counts: atomically, what was live retires. Raises LabMoved."""
    one = get(tx, slug, version)
    if one.drafted_by == by:
        raise LabMoved("Another person has to publish: whoever drafted it cannot.")
    if one.asked_by == by:
        raise LabMoved("Another person has to publish: whoever asked for it cannot.")
    ended = {"state": "retired", "ended_at": now, "ended_why": f"version {version} was published"}
    others = (lab_versions.c.slug == slug, lab_versions.c.state == "live", lab_versions.c.version != version)
    try:
        with tx.begin_nested():  # Of two who publish at once the index lets one through.
            before = update(lab_versions).where(*others).values(ended).returning(lab_versions.c.version)
            replaced = tx.execute(before).scalar()
            live = {"state": "live", "live_from": now, "published_by": by, "replaces": replaced, "muted_until": None}
            return _moved(tx, _these(slug, version, *OPEN).values(live), slug, version, "publish", by, now, told=True)
    except IntegrityError:
        raise LabMoved(f"Somebody published another version of {slug} just now; load it again.") from None


def roll_back(tx: Tx, slug: str, version: int, *, why: str, by: str, now: datetime) -> Version:
    """Take the live version back; the one it replaced counts again. One person may: it is the safe direction."""
    if not why.strip():
        raise NoWhy("Write a sentence that says why it is taken back.")
    ended = {"state": "rolled_back", "ended_at": now, "ended_why": why.strip()}
    move = _these(slug, version, "live").values(ended)
    one = _moved(tx, move, slug, version, "roll-back", by, now, told=True, why=why.strip())
    _live_again(tx, one, by, now)
    return one


def _live_again(tx: Tx, one: Version, by: str, now: datetime) -> None:
    """What this version replaced counts again: nothing is left unwatched because a newer one failed."""
    if one.replaces is not None:
        again = {"state": "live", "live_from": now, "ended_at": None, "ended_why": None}
        back = _these(one.slug, one.replaces, "retired").values(again)
        _moved(tx, back, one.slug, one.replaces, "live-again", by, now, told=True)


def retire(tx: Tx, slug: str, version: int, *, why: str, by: str, now: datetime) -> Version:
    """An end without a way back: of a rule nobody needs, or a draft that came to nothing."""
    if not why.strip():
        raise NoWhy("Write a sentence that says why it ends.")
    ended = {"state": "retired", "ended_at": now, "ended_why": why.strip()}
    move = _these(slug, version, *OPEN, "live").values(ended)
    return _moved(tx, move, slug, version, "retire", by, now, told=True, why=why.strip())


def trip(tx: Tx, slug: str, version: int, *, why: str, now: datetime) -> Version | None:
    """The breaker takes a live rule back into shadow; the one it replaced counts again. None: somebody else did."""
    shadow = {"state": "shadow", "shadow_from": now, "shadow_until": now + AFTER_A_TRIP}
    shadow |= {"asked_by": None, "asked_at": None}  # Before it counts again, somebody has to ask again.
    beside = update(lab_versions).where(lab_versions.c.slug == slug, lab_versions.c.state == "shadow")
    move = _these(slug, version, "live")
    if get(tx, slug, version).state != "live":
        return None
    tx.execute(beside.values(state="draft"))
    one = _moved(tx, move.values(shadow), slug, version, "trip", "lab", now, told=True, why=why)
    _live_again(tx, one, "lab", now)
    return one


def mute(tx: Tx, slug: str, version: int, *, until: datetime, now: datetime) -> Version:
    """Its budget of the day is spent: until then it weighs and acts no more."""
    move = _these(slug, version, "live").values(muted_until=until)
    return _moved(tx, move, slug, version, "mute", "lab", now, told=True, until=until.isoformat())


def get(tx: ReadTx, slug: str, version: int | None = None) -> Version:
    """This version, or the newest. Raises NotFound."""
    query = _select().where(lab_versions.c.slug == slug).order_by(lab_versions.c.version.desc())
    if version is not None:
        query = query.where(lab_versions.c.version == version)
    row = tx.execute(query.limit(1)).first()
    if row is None:
        raise NotFound(
            f"There is no version {version} of a rule {slug!r}." if version else f"There is no rule {slug!r}."
        )
    return _version(row)


def of_rule(tx: ReadTx, slug: str) -> list[Version]:
    """Newest first."""
    rows = tx.execute(_select().where(lab_versions.c.slug == slug).order_by(lab_versions.c.version.desc()))
    return [_version(row) for row in rows]


def everything(tx: ReadTx) -> list[Version]:
    """Of every rule, what is live, in shadow, and the newest."""
    highest = select(func.max(lab_versions.c.version)).where(lab_versions.c.slug == lab_rules.c.slug)
    newest = highest.correlate(lab_rules).scalar_subquery()
    wanted = lab_versions.c.state.in_(["live", "shadow"]) | (lab_versions.c.version == newest)
    return [
        _version(row)
        for row in tx.execute(_select().where(wanted).order_by(lab_versions.c.slug, lab_versions.c.version))
    ]


def standing(tx: ReadTx, state: str) -> list[Version]:
    """All versions in this state, by slug."""
    return [
        _version(row)
        for row in tx.execute(_select().where(lab_versions.c.state == state).order_by(lab_versions.c.slug))
    ]


def live_changed_at(tx: ReadTx) -> datetime | None:
    """When something last became live, or stopped being it."""
    moments = func.greatest(lab_versions.c.live_from, lab_versions.c.ended_at, lab_versions.c.shadow_from)
    return tx.execute(select(func.max(moments)).where(lab_versions.c.published_by.is_not(None))).scalar()


def in_force(tx: ReadTx, *, now: datetime) -> Params:
    """What judges scans: the live thresholds, and the live rules as one set."""
    live = standing(tx, "live")
    rules = Ruleset(tuple(readable(live, now)))
    params = Params()
    for one in live:
        if one.kind == PARAMS:
            params = _thresholds(one)
    return replace(params, rules=rules)


def _thresholds(one: Version) -> Params:
    """What the program says, with the changes; those it does not know any more are left out, the others count."""
    for name in one.body["changes"].keys() - thresholds.KNOWN.keys():
        _complain(one.slug, one.version, f"there is no threshold {name!r}")
    return one.params(Params(name=f"params-{one.version}"))


def readable(some: Iterable[Version], now: datetime | None = None) -> list[Rule]:
    """The rules among them that this program can read; one written for other words contributes nothing."""
    found = []
    for one in some:
        try:
            found += [one.rule(now)] if one.kind == "rule" else []
        except RuleNotUnderstood as problem:
            _complain(one.slug, one.version, problem.detail)
    return found


@cache
def _complain(slug: str, version: int, why: str) -> None:
    """Once a process: the tables are read every few seconds."""
    rule_failures_total.labels("unreadable").inc()
    log(__name__).error("a rule cannot be read and is left out", rule=slug, version=version, error=why)


def _select() -> Any:
    return select(lab_versions, lab_rules.c.kind).join(lab_rules, lab_rules.c.slug == lab_versions.c.slug)


def _these(slug: str, version: int, *states: str) -> Update:
    this = (lab_versions.c.slug == slug, lab_versions.c.version == version, lab_versions.c.state.in_(states))
    return update(lab_versions).where(*this)


def _moved(
    tx: Tx, move: Update, slug: str, version: int, action: str, by: str, now: datetime, *, told: bool = False,
    **after: object,
) -> Version:  # fmt: skip
    """The guarded step; whoever comes second is told how it stands."""
    if not tx.execute(move).rowcount:
        raise LabMoved(f"Version {version} of {slug} is {_standing(get(tx, slug, version))}; load it again.")
    _audit(tx, slug, action, by, now, version=version, **after)
    if told:
        body = {"slug": slug, "version": version, "action": action, "by": by}
        facts.announce(tx, [Fact("rule.changed", f"rule:{slug}", body)], now=now)
    return get(tx, slug, version)


def _standing(one: Version) -> str:
    return f"{one.state} and waits for another person" if one.waits else one.state


def _audit(tx: Tx, slug: str, action: str, by: str, now: datetime, **after: object) -> None:
    audit.record(tx, actor=by, action=f"lab.{action}", subject=f"lab:{slug}", after=after, now=now)


def _version(row: Row[Any]) -> Version:
    return Version(*(getattr(row, one.name) for one in fields(Version)))
