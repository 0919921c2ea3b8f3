"""A lane knows whose hands take its head, so that no peer can keep all hands of a worker."""

# As bot/carriers.py has it.
FILL = """
    UPDATE lane SET crew = COALESCE((
        SELECT CASE WHEN kind IN ('slack.media', 'slack.peek', 'slack.files') THEN 'files'
                    WHEN substr(kind, 1, 7) = 'twilio.' THEN 'twilio'
                    WHEN substr(kind, 1, 5) = 'mail.' THEN 'mail'
                    ELSE 'slack' END
        FROM delivery
        WHERE delivery.lane = lane.name AND state IN ('queued', 'sending', 'unknown')
        ORDER BY id LIMIT 1), 'slack')
    WHERE due_at IS NOT NULL"""


def up(migrator, db):
    db.execute_sql("ALTER TABLE lane ADD COLUMN crew TEXT NOT NULL DEFAULT 'slack'")
    db.execute_sql(FILL)
    db.execute_sql("DROP INDEX lane_due")
    db.execute_sql("CREATE INDEX lane_due ON lane (crew, due_at) WHERE (due_at IS NOT NULL)")
