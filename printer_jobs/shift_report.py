"""The shift on paper: what was made, what was rejected and why, what stood still, and whether every number is there.

One page for a normal shift, in the operator's language. The account is the journal's; the rest is the shift log's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from codegen.document import BLACK, GREY, MARGIN, PALE, WIDTH, Colour, Document
from printer_jobs.advice import advice
from printer_jobs.serials import Balance
from printer_jobs.shift_log import ShiftLog, Trouble, mean_grade

Language = Literal["zh", "en"]
GOOD: Colour = (0.04, 0.43, 0.33)
BAD: Colour = (0.7, 0.15, 0.12)
MOST_ROWS = 14
WORDS: dict[str, tuple[str, str]] = {
    "title": ("班次报告", "Shift report"),
    "station": ("产线", "Line"),
    "from-to": ("时间", "From, to"),
    "passed": ("合格", "Passed"),
    "rejected": ("剔除", "Rejected"),
    "cases": ("装箱", "Cases"),
    "availability": ("时间利用", "Availability"),
    "performance": ("速度", "Performance"),
    "quality": ("合格率", "Quality"),
    "by-hour": ("每小时", "Hour by hour"),
    "why": ("剔除原因", "Why labels were rejected"),
    "grades": ("打印等级", "Print grades"),
    "relative": ("相对等级，相机未经标定时不是 ISO 等级", "relative, no ISO grades, unless the camera was measured"),
    "stood": ("停机与故障", "Faults and stops"),
    "none": ("无", "none"),
    "more": ("另有 {n} 条", "{n} more"),
    "bin": ("剔除箱核对", "Reject bin"),
    "bin-line": ("{at}：实数 {counted}，应为 {expected}", "{at}: {counted} counted, {expected} expected"),
    "account": ("码的去向", "Where every code went"),
    "leased": ("领取", "Leased"),
    "commissioned": ("激活", "Activated"),
    "sampled": ("抽样", "Sampled"),
    "scrapped": ("报废", "Scrapped"),
    "void": ("作废", "Void"),
    "returned": ("退回", "Returned"),
    "open": ("未了结", "Open"),
    "holds": ("账平：领取数等于其余各项之和", "It balances: leased = the sum of the others"),
    "still-open": ("尚有 {n} 个码未了结", "{n} codes are still open"),
    "signed": ("操作员签名", "Operator"),
    "until-now": ("至今", "until now"),
}  # fmt: skip
VERDICTS: dict[str, tuple[str, str]] = {
    "NOREAD": ("读不出", "not readable"),
    "MISREAD": ("误读", "misread"),
    "SEVERAL": ("读到多个码", "several codes at once"),
    "LATE": ("作废后才出现", "came after it was given up"),
    "DUPLICATE": ("重复的码", "a code seen before"),
    "NEVER_SENT": ("未发送的码", "a code never sent"),
    "FOREIGN": ("别的任务的码", "a code of another job"),
    "LOW_GRADE": ("印得太差", "printed too poorly"),
    "NO_CAP": ("没有读到瓶盖码", "no cap was read"),
}
KINDS: dict[str, tuple[str, str]] = {
    "fault": ("打印机", "Printer"),
    "link-lost": ("打印机断线", "Printer link lost"),
    "equipment-away": ("相机或剔除器", "Camera or gate"),
    "platform-away": ("平台断线", "Platform away"),
    "no-block": ("没有新码", "No more codes"),
    "stopped": ("停线", "Line stopped"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """Of one job. proof: what the record says of itself, such as how many lines of it are signed."""

    job: int
    product: str
    balance: Balance
    proof: str


def report(
    log: ShiftLog, accounts: Sequence[Account], *, station: str, language: Language, now: datetime, zone: object
) -> bytes:
    """PDF. now: the end of the shift, or this moment."""
    return _Page(log, station, 0 if language == "zh" else 1, now, zone).drawn(accounts)


class _Page:
    def __init__(self, log: ShiftLog, station: str, language: int, now: datetime, zone: object) -> None:
        self.log, self.station, self.language, self.now, self.zone = log, station, language, now, zone
        self.paper, self.y = Document(), MARGIN + 6

    def drawn(self, accounts: Sequence[Account]) -> bytes:
        self._head()
        self._figures()
        self._hours()
        self._reasons()
        self._troubles()
        self._bins()
        for account in accounts:
            self._account(account)
        self._room(22)
        self.y += 12
        self.paper.bar(MARGIN, self.y, 70, 0.3, colour=GREY)
        self.paper.text(MARGIN, self.y + 5, self._t("signed"), size=3, colour=GREY)
        return self.paper.bytes()

    def _t(self, word: str, **values: object) -> str:
        return WORDS[word][self.language].format(**values)

    def _at(self, at: datetime, form: str = "%H:%M") -> str:
        return at.astimezone(self.zone).strftime(form)  # type: ignore[arg-type]

    def _room(self, height: float) -> None:
        if self.y + height > 297 - MARGIN:
            self.paper.new_page()
            self.y = MARGIN + 6

    def _head(self) -> None:
        self.paper.text(MARGIN, self.y, self._t("title"), size=7)
        self.paper.right(WIDTH - MARGIN, self.y, self.station, size=5)
        span = f"{self._at(self.log.began, '%Y-%m-%d %H:%M')} – {self._at(self.now, '%Y-%m-%d %H:%M')}"
        self.paper.text(MARGIN, self.y + 7, span, colour=GREY)
        self.y += 13
        self.paper.rule(self.y)
        self.y += 10

    def _figures(self) -> None:
        oee = self.log.oee(now=self.now)
        shares = [(name, getattr(oee, name)) for name in ("availability", "performance", "quality")]
        figures = [("passed", f"{self.log.passed:,}"), ("rejected", f"{self.log.rejected.total():,}")]
        figures += [("cases", f"{self.log.cases:,}")]
        figures += [(name, "–" if share is None else f"{share:.1%}") for name, share in shares]
        step = (WIDTH - 2 * MARGIN) / len(figures)
        for nth, (name, said) in enumerate(figures):
            self.paper.text(MARGIN + nth * step, self.y, said, size=6)
            self.paper.text(MARGIN + nth * step, self.y + 5.5, self._t(name), size=3, colour=GREY)
        self.y += 16

    def _title(self, word: str, height: float = 20) -> None:
        self._room(height)
        self.paper.text(MARGIN, self.y, self._t(word), size=4.2)
        self.y += 7

    def _hours(self) -> None:
        hours = self.log.hours()[-12:]
        if not hours:
            return
        self._title("by-hour", 30)
        most = max(passed + rejected for _, passed, rejected, _ in hours)
        room = WIDTH - 2 * MARGIN - 70
        for at, passed, rejected, grade in hours:
            self._room(8)
            self.paper.text(MARGIN, self.y, self._at(at), size=3.2, colour=GREY)
            wide, more = room * passed / most, room * rejected / most
            self.paper.bar(MARGIN + 16, self.y - 3, wide, 3.6, colour=GOOD)
            self.paper.bar(MARGIN + 16 + wide, self.y - 3, more, 3.6, colour=BAD)
            said = f"{passed:,} / {rejected:,}" + (f" · {grade:.1f}" if grade is not None else "")
            self.paper.right(WIDTH - MARGIN, self.y, said, size=3.2)
            self.y += 5.5
        self.y += 5

    def _reasons(self) -> None:
        self._title("why")
        self._rows(
            [(VERDICTS.get(name, (name, name))[self.language], count) for name, count in _most(self.log.rejected)]
        )
        grades = self.log.grades
        if grades:
            self._title("grades")
            mean = mean_grade(grades)
            said = "   ".join(f"{letter} {grades[letter]:,}" for letter in "ABCDF")
            self.paper.text(MARGIN, self.y, f"{said}      Ø {mean:.2f}", size=3.4)
            self.paper.text(MARGIN, self.y + 5, self._t("relative"), size=2.8, colour=GREY)
            self.y += 13

    def _rows(self, rows: Sequence[tuple[str, int]]) -> None:
        if not rows:
            self.paper.text(MARGIN, self.y, self._t("none"), size=3.4, colour=GREY)
            self.y += 5.5
        for name, count in rows:
            self._room(6)
            self.paper.text(MARGIN, self.y, name, size=3.4)
            self.paper.right(MARGIN + 80, self.y, f"{count:,}", size=3.4)
            self.y += 5.5
        self.y += 4

    def _troubles(self) -> None:
        self._title("stood")
        rows = self.log.troubles[-MOST_ROWS:]
        if not rows:
            self._rows([])
        for one in rows:
            self._room(6)
            self.paper.text(MARGIN, self.y, self._span(one), size=3.2, colour=GREY)
            what = f"{KINDS[one.kind][self.language]} · {advice(one.kind, one.what)[self.language].what}"
            self.paper.text(MARGIN + 40, self.y, what, size=3.4)
            self.y += 5.5
        if (left := len(self.log.troubles) - len(rows)) > 0:
            self.paper.text(MARGIN, self.y, self._t("more", n=left), size=3.2, colour=GREY)
            self.y += 5.5
        self.y += 4

    def _span(self, one: Trouble) -> str:
        return f"{self._at(one.since)} – {self._at(one.until) if one.until else self._t('until-now')}"

    def _bins(self) -> None:
        if not self.log.bins:
            return
        self._title("bin")
        for check in self.log.bins[-6:]:
            self._room(6)
            said = self._t("bin-line", at=self._at(check.at), counted=check.counted, expected=check.expected)
            self.paper.text(MARGIN, self.y, said, size=3.4, colour=BLACK if check.counted == check.expected else BAD)
            self.y += 5.5
        self.y += 4

    def _account(self, account: Account) -> None:
        self._title("account", 34)
        balance = account.balance
        self.paper.text(MARGIN, self.y, f"#{account.job} {account.product}", size=3.4)
        self.y += 6
        names = ("leased", "commissioned", "sampled", "scrapped", "void", "returned", "open")
        step = (WIDTH - 2 * MARGIN) / len(names)
        self.paper.bar(MARGIN, self.y - 4.5, WIDTH - 2 * MARGIN, 12, colour=PALE)
        for nth, name in enumerate(names):
            self.paper.text(MARGIN + 2 + nth * step, self.y, f"{getattr(balance, name):,}", size=4)
            self.paper.text(MARGIN + 2 + nth * step, self.y + 5, self._t(name), size=2.8, colour=GREY)
        self.y += 13
        settled = balance.open == 0
        said = self._t("holds") if settled else self._t("still-open", n=f"{balance.open:,}")
        self.paper.text(MARGIN, self.y, said, size=3.2, colour=GOOD if settled else BAD)
        self.paper.right(WIDTH - MARGIN, self.y, account.proof, size=2.6, colour=GREY)
        self.y += 9


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return counts.most_common(MOST_ROWS)
