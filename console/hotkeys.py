"""Keys for a person who does this all day: the browser moves along the rows by itself, the rest it tells the screen.

A row under the cursor is the row whose link has the focus, so Enter, a screen reader and a new tab work as everywhere.
Nothing is a key while somebody types or a question stands open.
"""

from collections.abc import Awaitable, Callable, Mapping

from nicegui import ui

from console.desk import t

Doing = Callable[[int | None], Awaitable[None] | None]
"""Gets the number of the case under the cursor, or None."""
ROW_KEYS = (("j", "key-down"), ("k", "key-up"), ("Enter", "key-open"), ("x", "key-mark"))
_SCRIPT = """
(() => {
  if (window.roomKeys) document.removeEventListener('keydown', window.roomKeys);
  const told = TOLD;
  const rows = () => [...document.querySelectorAll('.queue tbody tr, .queue .q-table__grid-item')];
  const at = () => rows().findIndex((row) => row.contains(document.activeElement));
  const go = (to) => {
    const all = rows();
    if (!all.length) return;
    const row = all[Math.max(0, Math.min(to, all.length - 1))];
    row.querySelector('a').focus();
    row.scrollIntoView({block: 'nearest'});
  };
  window.roomKeys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, [contenteditable], [role=listbox]')) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (document.querySelector('.q-dialog')) return;
    const here = at(), key = event.key;
    if (rows().length) {
      if (key === 'j' || key === 'ArrowDown') { event.preventDefault(); return go(here + 1); }
      if (key === 'k' || key === 'ArrowUp') { event.preventDefault(); return go(here < 0 ? 0 : here - 1); }
      if (key === 'x' && here >= 0) return rows()[here].querySelector('.q-checkbox')?.click();
      if (key === 'Enter' && here < 0) return go(0);
    }
    if (key === '/') { event.preventDefault(); return document.querySelector('.search input')?.focus(); }
    if (!told.includes(key)) return;
    event.preventDefault();
    const link = here >= 0 ? rows()[here].querySelector('a').getAttribute('href').split('/').pop() : null;
    const tell = () => window.did_handshake ? emitEvent('room-key', {key, id: link}) : setTimeout(tell, 50);
    tell();  // A key pressed while the page still connects is not lost.
  };
  document.addEventListener('keydown', window.roomKeys);
})();
"""


def listen(doing: Mapping[str, tuple[str, Doing]], *, rows: bool = False) -> None:
    """key -> (its word, what it does), for this screen; `?` shows them all. rows: the screen has a queue of rows."""
    shown = [*(ROW_KEYS if rows else ()), *((key, word) for key, (word, _) in doing.items())]
    overlay = _overlay([*shown, *((("/", "key-search"),) if rows else ()), ("?", "key-help")])

    async def told(event: dict[str, str]) -> None:
        key, which = event["key"], event.get("id")
        if key == "?":
            overlay.open()
        elif key in doing and (done := doing[key][1](int(which) if which else None)) is not None:
            await done

    ui.on("room-key", lambda event: told(event.args))
    keys = ", ".join(f"'{key}'" for key in [*doing, "?"])
    ui.add_body_html(f"<script>{_SCRIPT.replace('TOLD', f'[{keys}]')}</script>")
    ui.button("?", on_click=overlay.open).props("flat dense round").classes("gt-xs").props(f'aria-label="{t("keys")}"')


def _overlay(shown: list[tuple[str, str]]) -> ui.dialog:
    with ui.dialog() as overlay, ui.card().style("min-width: min(24rem, 90vw)"):
        ui.label(t("keys")).classes("heading").props('role="heading" aria-level="2"')
        with ui.element("div").style("display: grid; grid-template-columns: auto 1fr; gap: 6px 16px"):
            for key, word in shown:
                ui.html(f"<kbd>{key}</kbd>", sanitize=False)
                ui.label(t(word))
    return overlay
