"""Since when a number is its line's, by which Twilio account a call came, and which Twilio accounts
no line is in any more."""

import json

from ledger.database import query

COLUMNS = """
    line had_since TIMESTAMPTZ
    call twilio_id TEXT REFERENCES "twilio_account" ("sid") ON DELETE RESTRICT
    twilio_account left_at TIMESTAMPTZ
"""
FILL = (
    "UPDATE call SET twilio_id = (SELECT twilio_id FROM line WHERE line.id = call.line_id)",
    """UPDATE line SET had_since = (
        SELECT MAX(former.released_at) FROM line AS former
        WHERE former.number = line.number AND former.account_id <> line.account_id)
    WHERE released_at IS NULL""",
    """UPDATE line SET had_since = COALESCE((
        SELECT MAX(made_at) FROM setup
        WHERE setup.line_id = line.id AND kind = 'new' AND step = 'done'), had_since)""",
    """UPDATE twilio_account SET left_at = (
        SELECT MAX(released_at) FROM line WHERE line.twilio_id = twilio_account.sid)
    WHERE account_id IS NOT NULL""",
)
MOVES = "SELECT details, done_at FROM setup WHERE step = 'done' AND kind <> 'release'"
LEFT = """
    UPDATE twilio_account SET left_at = %s WHERE sid = %s AND account_id IS NOT NULL"""


def up(migrator, db):
    for line in COLUMNS.strip().splitlines():
        table, column, kind = line.split(maxsplit=2)
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind}')
    for statement in FILL:
        db.execute_sql(statement)
    for details, done_at in query(MOVES).fetchall():
        if left := json.loads(details).get("left"):
            query(LEFT, done_at, left)
