"""How far new facts reach: which hours have to be rolled up again."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.questions.model import Need, Question


def earlier_successes(tasks: Sequence[tuple[str, int]]) -> Question:
    """Ask for the times of all successes of some tasks: only the latest of each still counts."""
    return Question(
        sql="""
            SELECT a.assigned_at AS start_at, a.ended_at AS end_at
            FROM session_actions a JOIN again g
              ON a.layer_id = g.layer_id AND a.task_index = g.task_index
            WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.status = 'SUCCEEDED'
        """,
        needs=(Need(table="session_actions"),),
        given={
            "again": pa.table(
                {
                    "layer_id": pa.array([layer_id for layer_id, _ in tasks], pa.string()),
                    "task_index": pa.array([index for _, index in tasks], pa.int64()),
                }
            )
        },
    )


def actions_named(action_ids: Sequence[str]) -> Question:
    """Ask for the times of some actions."""
    return Question(
        sql="""
            SELECT a.assigned_at AS start_at, a.ended_at AS end_at
            FROM session_actions a JOIN named n USING (action_id) WHERE a.farm_id = $farm_id
        """,
        needs=(Need(table="session_actions"),),
        given={"named": pa.table({"action_id": pa.array(action_ids, pa.string())})},
    )
