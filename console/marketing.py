"""The rooms of marketing and of members: importing this registers their pages."""

from console import (
    budgets,
    by_hand,
    campaigns,
    catalogue,
    coupons,
    liability,
    lineage,
    members,
    orders,
    payouts,
    pools,
    redemptions,
    segments,
    tiers,
)

SCREENS = (
    campaigns, pools, payouts, catalogue, redemptions, coupons, budgets, members, lineage, segments, tiers, by_hand,
    orders, liability,
)  # fmt: skip
