"""The queue: what waits for a person, earliest due first; narrowed, searched and worked by keyboard.

What is sought stands in the address, so it survives a reload and can be sent to a colleague. Rows change under the
reader's cursor only when the queue did: one reading for everybody says whether.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import ui

from antifraud import case_queue, cases
from antifraud.case_queue import FAMILIES, NOBODY, PAGE
from antifraud.cases import Case
from antifraud.findings import Severity
from console import acting, bulk, desk, hotkeys, naming, pulse, questions
from console.asked import ME, Asked, Room, Shown
from console.desk import t
from console.layout import TONES, local, screen, sheet, table
from foundation import clock

COLUMNS = ("severity", "what", "about", "alert-count", "last-seen", "due", "state", "assignee")
BADGE = """<q-td :props="props"><q-badge rounded :color="props.row.tone">{{ props.value }}</q-badge></q-td>"""
DUE = """<q-td :props="props"><span :class="props.row.late ? 'text-negative text-weight-medium' : ''">{{ props.value }}
</span></q-td>"""
LOOK_S = 3.0


@ui.page("/")
async def queue_page(
    severity: str = "", family: str = "", kind: str = "", who: str = "", overdue: str = "", snoozed: str = "",
    q: str = "",
) -> None:  # fmt: skip
    async with screen("alerts") as roles:
        if not roles:
            return
        room = Room(Asked(severity, family, kind, who, overdue, snoozed, q[:200]), desk.user_name())
        await room.look()
        _Queue(room).draw()


class _Queue:
    """The screen over a `Room`: what is drawn once and what changes in it."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def draw(self) -> None:
        self._figures()
        with sheet():
            self._filters()
            self.nothing = ui.label(t("none")).classes("quiet q-mt-md")
            self.table = table(COLUMNS, [], opens="/case/", link="what").classes("queue").props("dense")
            self.table.set_selection("multiple").on_select(lambda: self._marked.refresh())
            self.table.add_slot("body-cell-severity", BADGE)
            self.table.add_slot("body-cell-due", DUE)
            self._foot()
        self._rows()
        with self.foot:
            self._listen()
        ui.timer(LOOK_S, self._look_again)

    def _listen(self) -> None:
        hotkeys.listen(
            {
                "t": ("key-next", lambda _: self.take_next()), "s": ("key-snooze", self.snooze),
                "a": ("key-take", self.take), "n": ("key-page-next", lambda _: self.turn(1)),
                "p": ("key-page-back", lambda _: self.turn(-1)), "c": ("key-clear", lambda _: self.clear()),
                "m": ("bulk-open", lambda _: bulk.ask(self.room)),
            },
            rows=True,
        )  # fmt: skip

    @ui.refreshable_method
    def _figures(self) -> None:
        shown = self._now()
        with ui.row().classes("w-full items-stretch gap-3"):
            self._figure("open", sum(many for many, _ in shown.counts.values()), {"severity": "", "overdue": ""})
            self._figure("overdue", sum(late for _, late in shown.counts.values()), {"overdue": "1"})
            for severity in sorted(Severity, reverse=True):
                many, _ = shown.counts.get(severity, (0, 0))
                if many or severity > Severity.INFO:
                    self._figure(f"severity-{int(severity)}", many, {"severity": str(int(severity))}, TONES[severity])
            ui.space()
            ui.button(t("take-next"), on_click=self.take_next).props("no-caps unelevated").classes("self-end")

    def _figure(self, word: str, number: int, asks: Mapping[str, str], tone: str = "") -> None:
        """A count that is also a filter; pressed again it lets go."""
        chosen = bool(any(asks.values())) and all(getattr(self.room.asked, one) == value for one, value in asks.items())
        wanted = dict.fromkeys(asks, "") if chosen else asks
        drawn = ui.element("button").classes("sheet counter").style("width: 8.2rem; text-align: left; cursor: pointer")
        drawn.props(f"type=button aria-pressed={'true' if chosen else 'false'}")
        drawn.on("click", lambda: self.ask(**wanted))
        with drawn:
            ui.label(f"{number:,}").classes("figure")
            with ui.row().classes("items-center gap-1"):
                if tone:
                    ui.icon("circle", color=tone, size="0.6rem")
                ui.label(t(word)).classes("quiet")

    def _filters(self) -> None:
        asked = self.room.asked
        people = {"": t("anybody"), ME: t("mine"), NOBODY: t("nobody")}
        people |= {one: one for one in self._now().people if one != self.room.me}
        with ui.row().classes("w-full items-center gap-2"):
            self._choice("family", {"": t("any-reason"), **{one: t(f"family-{one}") for one in FAMILIES}})
            self._choice("kind", {"": t("any-pivot"), **{one: t(one) for one in naming.KINDS}})
            self._choice("who", people if asked.who in people else people | {asked.who: asked.who})
            for name in ("overdue", "snoozed"):
                box = ui.checkbox(t(f"only-{name}"), value=bool(getattr(asked, name))).props("dense")
                box.on_value_change(lambda event, name=name: self.ask(**{name: "1" if event.value else ""}))
            search = ui.input(placeholder=t("search-cases"), value=asked.q).props("outlined dense clearable")
            search.classes("search").style("flex: 1 1 14rem").props(f'aria-label="{t("search-cases")}"')
            search.on("keydown.enter", lambda: self.ask(q=search.value or ""))
            search.on("clear", lambda: self.ask(q=""))

    def _choice(self, name: str, options: Mapping[str, str]) -> None:
        value = getattr(self.room.asked, name)
        drawn = ui.select(dict(options), value=value if value in options else "").props("outlined dense")
        drawn.style("flex: 0 1 9.5rem").props(f'aria-label="{options[""]}"')
        drawn.on_value_change(lambda event: self.ask(**{name: event.value}))

    def _foot(self) -> None:
        with ui.row().classes("w-full items-center gap-2 q-mt-sm") as self.foot:
            self._marked()
            ui.space()
            self.back = ui.button(t("page-back"), on_click=lambda: self.turn(-1)).props("flat dense no-caps")
            self.forth = ui.button(t("page-next"), on_click=lambda: self.turn(1)).props("flat dense no-caps")

    @ui.refreshable_method
    def _marked(self) -> None:
        if many := len(self.table.selected):
            ui.label(t("marked", many=many)).classes("quiet")
            ui.button(t("snooze"), on_click=lambda: self.snooze(None)).props("flat dense no-caps")
            ui.button(t("take"), on_click=lambda: self.take(None)).props("flat dense no-caps")
        else:
            ui.label(t("keys-hint")).classes("quiet gt-xs")
            ui.button(t("bulk-open"), on_click=lambda: bulk.ask(self.room)).props("flat dense no-caps")

    def _rows(self) -> None:
        shown = self._now()
        now = clock.now()
        rows = [_row(case, shown.dealers) | {"late": case.due_at < now} for case in shown.found[:PAGE]]
        marked = {row["id"] for row in self.table.selected}
        self.table.rows = rows
        self.table.selected = [row for row in rows if row["id"] in marked]
        self.table.set_visibility(bool(rows))
        self.nothing.set_visibility(not rows)
        narrowed = self.room.asked.address() != "/"
        self.nothing.set_text(t("none-sought" if narrowed else "none"))
        self.back.set_visibility(bool(self.room.pages))
        self.forth.set_visibility(len(shown.found) > PAGE)

    def _now(self) -> Shown:
        assert self.room.shown is not None
        return self.room.shown

    async def _look_again(self) -> None:
        if await pulse.mark() != self.room.mark:
            await self._show()

    async def _show(self) -> None:
        await self.room.look()
        self._figures.refresh()
        self._rows()
        self._marked.refresh()

    async def ask(self, **changes: str) -> None:
        """Narrow otherwise: from the first page, and in the address."""
        for name, value in changes.items():
            setattr(self.room.asked, name, value)
        self.room.after, self.room.pages = None, []
        ui.navigate.history.replace(self.room.asked.address())
        await self._show()

    async def clear(self) -> None:
        ui.navigate.to("/")

    async def turn(self, way: int) -> None:
        shown = self._now()
        if way > 0 and len(shown.found) > PAGE:
            last = shown.found[PAGE - 1]
            self.room.pages.append(self.room.after)
            self.room.after = (last.due_at, last.id)
        elif way < 0 and self.room.pages:
            self.room.after = self.room.pages.pop()
        else:
            return
        self.table.selected = []
        await self._show()

    async def take_next(self) -> None:
        me, asked = self.room.me, self.room.asked
        taken = await acting.acted(lambda tx: case_queue.take_next(tx, asked.sought(tx, me), by=me, now=clock.now()))
        if taken is None:
            ui.notify(t("none"))
        else:
            ui.navigate.to(f"/case/{taken.id}")

    def _chosen(self, case_id: int | None) -> list[int]:
        """Those marked, else the one under the cursor."""
        return [int(row["id"]) for row in self.table.selected] or ([case_id] if case_id is not None else [])

    async def take(self, case_id: int | None) -> None:
        me, chosen = self.room.me, self._chosen(case_id)
        done = [await acting.acted(partial(cases.take, case_id=one, by=me, now=clock.now())) for one in chosen]
        self.table.selected = []
        ui.notify(t("took-many", many=sum(one is not None for one in done)))
        await self._show()

    async def snooze(self, case_id: int | None) -> None:
        chosen = self._chosen(case_id)
        if not chosen:
            ui.notify(t("mark-first"))
            return
        answer = await questions.snooze(len(chosen))
        if answer is None:
            return
        until, why = answer
        asleep = partial(cases.snooze, until=until, by=self.room.me, reason=why, now=clock.now())
        done = [await acting.acted(partial(asleep, case_id=one)) for one in chosen]
        self.table.selected = []
        ui.notify(t("snoozed-many", many=sum(one is not None for one in done), until=local(until)))
        await self._show()


def _row(case: Case, dealers: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": case.id,
        "severity": t(f"severity-{int(case.severity)}"),
        "tone": TONES[int(case.severity)],
        "what": "、".join(naming.reason(code) for code in case.codes),
        "about": naming.about(case.pivot, dealers),
        "alert-count": case.alerts,
        "last-seen": local(case.last_seen_at),
        "due": local(case.due_at),
        "state": t(case.state),
        "assignee": case.assignee or "—",
    }
