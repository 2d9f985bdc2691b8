"""The tables of observed states and findings. What a host said lies in them sealed only.

In clear: host names, ids of scans and runs, roles, times and counts. A digest is keyed.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

key_check = sa.Table(
    "releve_key_check",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # there is one row
    sa.Column("digest", sa.LargeBinary, nullable=False),  # tells a wrong key from a broken chunk
)

chunks = sa.Table(
    "releve_chunk",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),  # keyed digest of the plain content
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

scans = sa.Table(
    "releve_scan",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("scan_id", sa.Text, nullable=False, unique=True),
    sa.Column("host", sa.Text, nullable=False, index=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("taken_at", sa.Text, nullable=False),  # ISO 8601 UTC, as all times here
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # the record, and which chunks it has
)

scan_chunks = sa.Table(
    "releve_scan_chunk",
    metadata,
    sa.Column("scan_id", sa.Text, sa.ForeignKey("releve_scan.scan_id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "chunk_id", sa.LargeBinary, sa.ForeignKey("releve_chunk.id"), nullable=False, index=True
    ),
)

contents = sa.Table(
    "releve_content",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),  # keyed digest of host and digest
    sa.Column("host", sa.Text, nullable=False),
    sa.Column(
        "chunk_id", sa.LargeBinary, sa.ForeignKey("releve_chunk.id"), nullable=False, index=True
    ),
)

findings = sa.Table(
    "releve_finding",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),  # keyed digest of host and fingerprint
    sa.Column("host", sa.Text, nullable=False, index=True),
    sa.Column("first_seen", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Text, nullable=False),  # when it came, or came back
    sa.Column("last_seen", sa.Text, nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

decisions = sa.Table(
    "releve_decision",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # a repeated write is one decision
    sa.Column(
        "finding_id",
        sa.LargeBinary,
        sa.ForeignKey("releve_finding.id"),
        nullable=False,
        index=True,
    ),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

noise = sa.Table(
    "releve_noise",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),  # keyed digest of place and mark
    # keyed digest of host and base image
    sa.Column("place", sa.LargeBinary, nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
