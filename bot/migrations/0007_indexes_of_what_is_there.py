"""Indexes hold what somebody looks for: no row without a value, and none that nobody reads by."""


def up(migrator, db):
    db.execute_sql("DROP INDEX entry_period_id")
    db.execute_sql("DROP INDEX entry_charge_id")
    db.execute_sql(
        "CREATE INDEX entry_charge_id ON entry (charge_id) WHERE (charge_id IS NOT NULL)"
    )
    for table, column in (
        ("message", "message_sid"),
        ("message", "draft"),
        ("part", "message_sid"),
    ):
        db.execute_sql(f"DROP INDEX {table}_{column}")
        db.execute_sql(
            f"CREATE UNIQUE INDEX {table}_{column} ON {table} ({column})"
            f" WHERE ({column} IS NOT NULL)"
        )
