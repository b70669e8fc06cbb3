"""Questions about what was brought from another system."""

from grange.books.questions.model import Need, Question


def foreign_records(
    kind: str, *, project: str | None = None, source: str | None = None, limit: int, skipped: int
) -> Question:
    """Ask for records, each as it was written out last, newest first; `total` counts them all."""
    chosen = "WHERE farm_id = $farm_id AND kind = $kind"
    parameters: dict[str, object] = {"kind": kind, "limit": limit, "skipped": skipped}
    for name, value in (("project", project), ("source", source)):
        if value is not None:
            chosen += f" AND {name} = ${name}"
            parameters[name] = value
    return Question(
        sql=f"""
            WITH latest AS (
              SELECT * FROM foreign_records {chosen}
              QUALIFY brought_at = max(brought_at) OVER (PARTITION BY source, kind, record_id)
            )
            SELECT source, kind, record_id, max(latest.at) AS "at", max(brought_at) AS brought_at,
                   max(brought_by) AS brought_by, max(project) AS project,
                   max(user_name) AS user_name, max(app) AS app, max(layer_name) AS layer_name,
                   string_agg(record, '' ORDER BY part) AS record, count(*) OVER () AS total
            FROM latest GROUP BY source, kind, record_id
            ORDER BY "at" DESC NULLS LAST, source, record_id
            LIMIT $limit OFFSET $skipped
        """,  # noqa: S608 - constant text
        needs=(Need(table="foreign_records"),),
        parameters=parameters,
    )
