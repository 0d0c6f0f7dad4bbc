"""Code packages (码包): who asked, who let them through, who has them now, and what looks wrong."""

from collections.abc import Callable
from typing import Any

from nicegui import run, ui

from codegen import package_log, packages, receivers, runs
from codegen.packages import Package
from codegen.receivers import Receiver
from codegen.runs import Listed
from console import desk, refusals, steps
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx, Tx
from foundation.errors import Problem
from scan_api import packaging

ROLE = "producer"
COLUMNS = ("package", "receiver", "product", "codes", "state", "downloads", "expires")
TONES = {"requested": "amber-9", "handed_over": "blue-8", "acknowledged": "green-8"}


@ui.page("/packages")
async def packages_page() -> None:
    async with screen("packages") as roles:
        if not roles:
            return
        found, warned, plants, listed = await desk.read(_room)
        if warned:
            with sheet(t("package-warnings")):
                for one in warned:
                    _warning(one)
        with sheet(t("packages")):
            if found:
                products = {one.run.id: one.run for one in listed}
                table(COLUMNS, [_row(one, products[one.run_id]) for one in found], opens="/package/", page=20)
            else:
                ui.label(t("no-packages")).classes("quiet")
        with sheet(t("package-request")):
            _request(listed, plants)
        with sheet(t("receivers")):
            _register(listed, plants)


@ui.page("/package/{package_id}")
async def package_page(package_id: int) -> None:
    async with screen("packages") as roles:
        if not roles:
            return
        by = desk.user_name()
        found = await desk.write(lambda tx: _opened(tx, package_id, by))
        first, seen, warned = await desk.read(lambda tx: _file(tx, found))
        with sheet(f"{t('package')} {found.id} · {found.receiver}"):
            _facts(found, first)
            ui.separator().classes("q-my-md")
            _steps(found)
        if warned:
            with sheet(t("package-warnings")):
                for one in warned:
                    _warning(one)
        with sheet(t("access-log")):
            rows = [
                {"id": at, "time": local(one.at), "who": one.who, "what": t(f"access-{one.action}"),
                 "address": one.address, "why": t(f"denied-{one.detail}") if one.detail else ""}
                for at, one in enumerate(seen)
            ]  # fmt: skip
            table(("time", "who", "what", "address", "why"), rows, page=20)


def _room(tx: ReadTx) -> tuple[list[Package], list[package_log.Warned], list[Receiver], list[Listed]]:
    return packages.list_packages(tx), package_log.warnings(tx), receivers.list_receivers(tx), runs.list_runs(tx)


def _opened(tx: Tx, package_id: int, by: str) -> Package:
    """Looking is an access like any other."""
    found = packages.get(tx, package_id)
    package_log.note(tx, package_id, "view", who=by, address="console", now=clock.now())
    return found


def _file(tx: ReadTx, found: Package) -> tuple[int, list[package_log.Access], list[package_log.Warned]]:
    run = runs.load_index(tx).get(found.run_id)
    assert run is not None, "a package refers to its run"
    return run.first, package_log.accesses(tx, found.id), package_log.warnings(tx, package_id=found.id)


def _row(one: Package, of: runs.Run) -> dict[str, Any]:
    return {
        "id": one.id,
        "package": one.id,
        "receiver": one.receiver,
        "product": of.product_zh if desk.language() == "zh" else of.product_en,
        "codes": f"{one.count:,}",
        "state": t(f"package-{one.state}"),
        "downloads": f"{one.downloads} / {one.download_limit}" if one.download_limit else "—",
        "expires": local(one.expires_at),
    }


def _facts(found: Package, first: int) -> None:
    with ui.row().classes("w-full items-center gap-6"):
        ui.badge(t(f"package-{found.state}"), color=TONES.get(found.state, "grey-7")).props("rounded")
        for label, value in (
            ("run_id", f"{found.run_id}"),
            ("range", f"{found.first - first + 1:,} – {found.end - first:,}"),
            ("codes", f"{found.count:,}"),
            ("asked-by", found.requested_by),
            ("approved-by", found.approved_by or "—"),
            ("handed-to", found.handed_to or "—"),
            ("downloads", f"{found.downloads} / {found.download_limit}" if found.download_limit else "—"),
            ("expires", local(found.expires_at)),
        ):
            with ui.column().classes("gap-0"):
                ui.label(t(label)).classes("quiet")
                ui.label(value)
    if found.ended_reason:
        ui.label(f"{found.ended_by}: {found.ended_reason}").classes("quiet q-mt-sm")


def _warning(one: package_log.Warned) -> None:
    async def settle() -> None:
        by = desk.user_name()
        await desk.write(lambda tx: package_log.settle(tx, one.id, by=by, now=clock.now()))
        ui.navigate.reload()

    with ui.row().classes("w-full items-center no-wrap"):
        ui.icon("warning", color="amber-9")
        ui.label(f"{t('package')} {one.package_id}: {t(f'warn-{one.kind}', about=one.about)}").classes("col")
        ui.label(local(one.raised_at)).classes("quiet gt-xs")
        ui.button(t("settle"), on_click=settle).props("flat dense no-caps no-wrap")


def _steps(found: Package) -> None:
    """The buttons that lead on from here; none when the package ended."""
    by, one = desk.user_name(), found.id
    says = refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        match found.state:
            case "requested" if found.requested_by == by:
                ui.label(t("needs-another")).classes("quiet")
            case "requested":
                steps.button("step-approve", says, ROLE, lambda tx: packages.approve(tx, one, by=by, now=clock.now()))
                steps.with_reason(
                    "step-refuse",
                    says,
                    ROLE,
                    lambda tx, why: packages.refuse(tx, one, by=by, reason=why, now=clock.now()),
                )
            case "approved":
                _generate(one, says)
            case "generated":
                _hand_over(one, says)
            case "handed_over":
                _acknowledge(one, says)
            case "acknowledged":
                steps.button("step-close", says, ROLE, lambda tx: packages.close(tx, one, by=by, now=clock.now()))
        if found.state in ("approved", "generated", "handed_over", "acknowledged"):
            steps.with_reason(
                "step-revoke", says, ROLE, lambda tx, why: packages.revoke(tx, one, by=by, reason=why, now=clock.now())
            )


def _generate(package_id: int, says: ui.label) -> None:
    by = desk.user_name()

    async def press() -> None:
        button.props("loading")
        try:
            await run.io_bound(lambda: packaging.generate(desk.house(), package_id, by=by))
        except Problem as problem:
            refusals.show(says, problem)
            button.props(remove="loading")
        else:
            ui.navigate.reload()

    button = ui.button(t("step-generate"), on_click=press).props("no-caps unelevated")


def _hand_over(package_id: int, says: ui.label) -> None:
    by = desk.user_name()
    to = ui.input(t("handed-to")).props("outlined dense")

    async def press() -> None:
        made: list[str] = []
        work: Callable[[Tx], object] = lambda tx: made.append(  # noqa: E731
            packages.hand_over(tx, package_id, to=to.value or "", by=by, now=clock.now())
        )
        if await refusals.tried(says, ROLE, work):
            _tell_once(t("token-once"), made[0])

    ui.button(t("step-hand-over"), on_click=press).props("no-caps unelevated")


def _acknowledge(package_id: int, says: ui.label) -> None:
    by = desk.user_name()

    async def press() -> None:
        lines: list[int] = []
        work: Callable[[Tx], object] = lambda tx: lines.extend(  # noqa: E731
            packages.acknowledge(tx, package_id, by=by, now=clock.now())
        )
        if await refusals.tried(says, ROLE, work):
            _tell_once(t("not-to-print"), ", ".join(str(line) for line in lines))

    ui.button(t("step-acknowledge"), on_click=press).props("no-caps unelevated")


def _tell_once(words: str, text: str) -> None:
    """Something the person has to take along before going on."""
    with ui.dialog(value=True).props("persistent"), ui.card():
        ui.label(words)
        ui.label(text).style("font-family: monospace; overflow-wrap: anywhere; user-select: all")
        ui.button(t("token-noted"), on_click=ui.navigate.reload).props("no-caps unelevated")


def _request(listed: list[Listed], plants: list[Receiver]) -> None:
    if not listed or not plants:
        ui.label(t("no-receivers" if listed else "no-runs")).classes("quiet")
        return
    by, chinese = desk.user_name(), desk.language() == "zh"
    names = {
        one.run.id: f"{one.run.id} · {one.run.product_zh if chinese else one.run.product_en} · {one.order_id}"
        for one in listed
    }
    by_id = {one.run.id: one.run for one in listed}
    says = refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        which = ui.select(names, label=t("run_id"), value=listed[0].run.id)
        which.props("outlined dense").style("max-width: 100%")
        plant = ui.select({one.id: one.name for one in plants}, label=t("receiver"), value=plants[0].id)
        plant.props("outlined dense")
        first = ui.number(t("first-place"), value=1, min=1, format="%d").props("outlined dense")
        last = ui.number(t("last-place"), min=1, format="%d").props("outlined dense")

        async def press() -> None:
            receiver = next(one for one in plants if one.id == plant.value)
            work: Callable[[Tx], object] = lambda tx: packages.request(  # noqa: E731
                tx, run=by_id[which.value], receiver=receiver, by=by, first=int(first.value or 0),
                last=int(last.value) if last.value else None, now=clock.now(),
            )  # fmt: skip
            if await refusals.tried(says, ROLE, work):
                ui.navigate.reload()

        ui.button(t("step-request"), on_click=press).props("no-caps unelevated")


def _register(listed: list[Listed], plants: list[Receiver]) -> None:
    for one in plants:
        keys = "、".join(f"{key.method} {key.fingerprint[:12]}" for key in one.keys) or "—"
        ui.label(f"{one.name}: {keys}").classes("quiet")
    if not listed:
        return
    by = desk.user_name()
    says = refusals.notice()
    name = ui.input(t("receiver-name")).props("outlined dense").classes("w-full q-mt-sm")
    key = ui.textarea(t("receiver-key")).props("outlined dense rows=3").classes("w-full q-mt-sm")

    async def press() -> None:
        def work(tx: Tx) -> object:
            read, brand = receivers.read_key(key.value or "", now=clock.now()), listed[0].run.brand_id
            return receivers.register(tx, brand_id=brand, name=name.value or "", key=read, by=by, now=clock.now())

        if await refusals.tried(says, ROLE, work):
            ui.navigate.reload()

    ui.button(t("step-register"), on_click=press).props("no-caps unelevated").classes("q-mt-sm")
