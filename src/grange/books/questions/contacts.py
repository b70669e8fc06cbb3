"""Questions behind what is known of the contact with workers (ledger S0-35 to S0-37)."""

from grange.books.questions.model import Need, Question


def contact_events() -> Question:
    """Ask for every event about being up, addresses, versions, wake-ups and speed of workers."""
    return Question(
        sql="""
            SELECT worker_id, "at", event_id, name, old, new, number, actor, detail FROM events
            WHERE farm_id = $farm_id AND worker_id IS NOT NULL AND subject = 'worker'
              AND name IN ('worker_status', 'worker_addresses', 'worker_version', 'worker_wake',
                'worker_speed')
            ORDER BY worker_id, "at", event_id
        """,
        needs=(Need(table="events"),),
    )


def last_samples() -> Question:
    """Ask when each worker was last watched."""
    return Question(
        sql="""
            SELECT worker_id, max("at") AS last_at FROM worker_samples
            WHERE farm_id = $farm_id GROUP BY worker_id
        """,
        needs=(Need(table="worker_samples"),),
    )


def group_events() -> Question:
    """Ask for who joined and left which group, by time."""
    return Question(
        sql="""
            SELECT "at", event_id, subject_id AS "group", name, worker_id, actor FROM events
            WHERE farm_id = $farm_id AND subject = 'group'
              AND name IN ('group_joined', 'group_left')
            ORDER BY "at", event_id
        """,
        needs=(Need(table="events"),),
    )
