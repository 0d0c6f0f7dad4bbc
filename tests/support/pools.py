"""Prize pools as a test wants them: announced yesterday, on now."""

from datetime import datetime, timedelta

from foundation import clock
from foundation.database import transaction
from loyalty import prizes
from loyalty.draws import Prize
from loyalty.prizes import Content, Pool
from scan_api.codebook import Codebook
from tests.support.world import World

# The first is all but surely drawn.
TABLE = (
    Prize(1, "points", "积分", "Points", 5, 0, 10**9, 1000),
    Prize(2, "nothing", "谢谢", "Nothing", 0, 0, 1, None),
)


def announce(world: World, *, ends_at: datetime, table: tuple[Prize, ...] = TABLE) -> Pool:
    """A pool of the world's brand, from which every scan that takes its item draws."""
    before = clock.now() - timedelta(days=1)
    with transaction(world.house.engine) as tx:
        made = prizes.draft(
            tx,
            Content(
                brand_id=world.factory.brand.id,
                name_zh="开盖有奖",
                name_en="Open and win",
                prizes=table,
                disclosure=dict.fromkeys(prizes.DISCLOSED, "如公告"),
                starts_at=before + timedelta(hours=1),
                ends_at=ends_at,
                minute_fen=100,
                hour_fen=100,
                out_of=10**9 + 1,
            ),
            by="Zhao",
            now=before,
        )
        return prizes.publish(tx, made.id, seeds=Codebook(world.house.keys).pool_seed, by="Qian", now=before)
