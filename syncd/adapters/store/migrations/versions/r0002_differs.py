"""What agreed pairs differ in by right."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision. Of the pairs that are there nothing was recorded: they may differ in anything
    (`core.agreement.ANY`) until they agree anew."""
    op.add_column("pairs", sa.Column("differs", sa.String(), nullable=True))
    op.execute("""UPDATE pairs SET differs = '["*"]' WHERE erpnext_image IS NOT NULL""")
