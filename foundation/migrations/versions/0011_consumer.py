"""The consumer's page: a brand's own words for the verdicts, what the story of a pack may name, and appeals."""

from alembic import op

revision = "0011"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = """
-- What a brand says instead of the words that come with the program; brand 0 is the house, for all without their own.
CREATE TABLE verdict_texts (
    brand_id   bigint NOT NULL,
    verdict    text NOT NULL,
    language   text NOT NULL CONSTRAINT a_text_is_chinese_or_english CHECK (language IN ('zh', 'en')),
    title      text NOT NULL CONSTRAINT a_title_fits_a_phone CHECK (char_length(title) BETWEEN 1 AND 40),
    body       text NOT NULL CONSTRAINT a_text_fits_a_phone CHECK (char_length(body) BETWEEN 1 AND 400),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    PRIMARY KEY (brand_id, verdict, language)
);

-- Whether the story of a pack names its dealer; without a row it does not.
CREATE TABLE story_settings (
    brand_id      bigint PRIMARY KEY,
    names_dealers boolean NOT NULL,
    changed_at    timestamptz NOT NULL,
    changed_by    text NOT NULL
);

-- One a scan; photos lie sealed in the folder named, until the person is erased.
CREATE TABLE appeals (
    scan_id    uuid PRIMARY KEY,
    member_id  uuid,
    item       bigint NOT NULL,
    verdict    text NOT NULL,
    state      text NOT NULL CONSTRAINT an_appeal_is_open_or_decided CHECK (state IN ('open', 'accepted', 'declined')),
    folder     text CONSTRAINT a_folder_is_one_name CHECK (folder ~ '^[0-9a-f]{32}$'),
    raised_at  timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    points     bigint NOT NULL DEFAULT 0 CONSTRAINT an_appeal_never_takes_points CHECK (points >= 0),
    CONSTRAINT a_decided_appeal_says_who_and_when CHECK (
        (state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decided_by IS NULL)
    ),
    CONSTRAINT an_open_appeal_has_a_person CHECK (state <> 'open' OR member_id IS NOT NULL)
);

CREATE INDEX appeals_member_idx ON appeals (member_id);
COMMENT ON INDEX appeals_member_idx IS 'a member looks at their appeals, or is erased';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    op.execute("DROP TABLE appeals, story_settings, verdict_texts")
