"""When a thread's root is to show what was said in one go."""


def up(migrator, db):
    db.execute_sql('ALTER TABLE "conversation" ADD COLUMN "show_at" TIMESTAMPTZ')
    db.execute_sql(
        "CREATE INDEX conversation_to_show ON conversation (show_at) WHERE (show_at IS NOT NULL)"
    )
