"""Repairs of listings: every event of each, and the texts that hold beside the raw ones.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listing_repair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repair_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before_json", sa.String(), nullable=False),
        sa.Column("after_json", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_listing_repair_repair_id"), "listing_repair", ["repair_id"])
    op.create_index(op.f("ix_listing_repair_shop"), "listing_repair", ["shop"])
    op.create_table(
        "listing_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("raw_json", sa.String(), nullable=False),
        sa.Column("value_json", sa.String(), nullable=False),
        sa.Column("is_repaired", sa.Boolean(), nullable=False),
        sa.Column("repair_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_listing_text_shop"), "listing_text", ["shop"])
    op.create_index(op.f("ix_listing_text_item_id"), "listing_text", ["item_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_listing_text_item_id"), table_name="listing_text")
    op.drop_index(op.f("ix_listing_text_shop"), table_name="listing_text")
    op.drop_table("listing_text")
    op.drop_index(op.f("ix_listing_repair_shop"), table_name="listing_repair")
    op.drop_index(op.f("ix_listing_repair_repair_id"), table_name="listing_repair")
    op.drop_table("listing_repair")
