"""The tables of incidents. What was seen of a host lies in them sealed only.

In clear: host names, ids, states, kinds and times of events, and what a person said.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

incidents = sa.Table(
    "releve_incident",
    metadata,
    sa.Column("incident_id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Text, nullable=False, index=True),  # ISO 8601 UTC, as all times here
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

incident_events = sa.Table(
    "releve_incident_event",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.LargeBinary, nullable=False, unique=True),  # keyed digest of the event
    sa.Column("incident_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

approvals = sa.Table(
    "releve_approval",
    metadata,
    sa.Column("incident_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),  # a repeated write does not renew a used one
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("used_by", sa.Text, nullable=False),  # key of the one call that used it, or empty
)

pauses = sa.Table(
    "releve_pause",
    metadata,
    sa.Column("host", sa.Text, primary_key=True),  # empty: every host
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("until", sa.Text),
)
