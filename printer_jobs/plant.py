"""The minutes of every line as the platform has heard them, for the plant's view."""

from datetime import datetime

from sqlalchemy import text

from foundation.database import ReadTx, Tx
from printer_jobs.minutes import LineMinute
from printer_jobs.platform import JSON


def keep(tx: Tx, station_id: int, told: JSON) -> None:
    """Take over the minutes of a heartbeat; told again they replace what was told of the same run."""
    began = datetime.fromisoformat(told["began"])
    more = {"station": station_id, "began": began}
    rows = [{**one, "at": datetime.fromisoformat(one["at"]), **more} for one in told["minutes"]]
    if rows:
        tx.execute(
            text(
                "INSERT INTO station_minutes (station_id, began_at, at, passed, rejected, graded, grade_sum)"
                " VALUES (:station, :began, :at, :passed, :rejected, :graded, :grade_sum)"
                " ON CONFLICT (station_id, at, began_at) DO UPDATE SET passed = excluded.passed,"
                " rejected = excluded.rejected, graded = excluded.graded, grade_sum = excluded.grade_sum"
            ),
            rows,
        )


def of_station(tx: ReadTx, name: str, *, since: datetime) -> list[LineMinute]:
    """Minutes in which labels were seen, oldest first."""
    rows = tx.execute(
        text(
            "SELECT m.at, sum(m.passed) AS passed, sum(m.rejected) AS rejected,"
            " sum(m.grade_sum) / nullif(sum(m.graded), 0) AS grade"
            " FROM station_minutes m JOIN stations s ON s.id = m.station_id"
            " WHERE s.name = :name AND m.at >= :since GROUP BY m.at ORDER BY m.at"
        ),
        {"name": name, "since": since},
    )
    return [LineMinute(row.at, int(row.passed), int(row.rejected), row.grade) for row in rows]


def forget(tx: Tx, *, before: datetime) -> int:
    return int(tx.execute(text("DELETE FROM station_minutes WHERE at < :before"), {"before": before}).rowcount)
