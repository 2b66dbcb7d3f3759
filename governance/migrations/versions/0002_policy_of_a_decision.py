"""A decision keeps what happened after ranking: drops with reasons, the draw, the policy's knobs.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("decision") as decision:
        decision.add_column(
            sa.Column("policy_json", sa.String(), nullable=False, server_default="{}")
        )


def downgrade() -> None:
    with op.batch_alter_table("decision") as decision:
        decision.drop_column("policy_json")
