"""Every template is a campaign that can be drafted as it stands, and what is typed says the award it is."""

import pytest

from console.campaign_builder import award_of
from console.campaign_templates import TEMPLATES
from loyalty import campaigns


@pytest.mark.parametrize("one", TEMPLATES, ids=lambda it: it.en)
def test_a_template_can_be_drafted_as_it_stands(tx, now, one):
    assert award_of(one.kind, one.gives, "") == one.award
    made = campaigns.draft_terms(tx, one.terms(now), budget_points=1_000, by="Li", now=now)
    assert (made.name_zh, made.trigger, made.stacking) == (one.zh, one.trigger, one.stacking)
