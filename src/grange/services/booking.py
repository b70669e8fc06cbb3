"""From state to facts: what the books are told when something has ended."""

import msgspec

from grange.domain.facts import SessionActionFact, SessionFact, SubmissionFact
from grange.domain.rates import amount_after
from grange.domain.statuses import ActionKind
from grange.domain.submission import described
from grange.domain.work import UNASSIGNED, Job, Layer, Session, SessionAction, Worker
from grange.services.templates import frame_count_of, frames_of

CORES = "grange:amount.worker.cores"
GHZ = "grange:amount.worker.ghz"
WATTS = "grange:amount.worker.watts"
PS = "grange:amount.worker.ps"
JOB_THREADS = "grange:amount.worker.jobthreads"
INSTANCE_TYPE = "attr.worker.instanceType"
REGION = "grange:attr.worker.region"


def region_of(worker: Worker) -> str | None:
    """Return the region a worker says it is in, e.g. workstation, farm or cloud."""
    named = worker.attributes.get(REGION)
    return named[0] if named else None


def action_fact(
    job: Job, layer: Layer | None, session: Session, action: SessionAction, worker: Worker
) -> SessionActionFact:
    """Return the fact of an action that has ended."""
    frames = (
        frames_of(action.parameters, layer.frame_parameter)
        if layer is not None and action.kind is ActionKind.TASK_RUN
        else None
    )
    attributes = layer.attributes if layer is not None else job.attributes
    usage = action.usage
    cores, ghz = worker.amounts.get(CORES), worker.amounts.get(GHZ)
    watts = worker.amounts.get(WATTS)
    ended = action.ended_at
    if ended is None:
        raise AssertionError(f"{action.action_id} has not ended")
    return SessionActionFact(
        farm_id=session.farm_id,
        queue_id=session.queue_id,
        fleet_id=session.fleet_id,
        worker_id=session.worker_id,
        thread=session.thread,
        job_id=session.job_id,
        job_name=job.name,
        layer_id=layer.layer_id if layer else None,
        layer_name=layer.name if layer else None,
        task_index=action.task_index,
        session_id=session.session_id,
        action_id=action.action_id,
        action_index=action.index,
        kind=action.kind,
        status=action.status,
        attempt=action.attempt,
        frames=frames,
        frame_count=frame_count_of(frames),
        assigned_at=action.assigned_at,
        started_at=action.started_at,
        ended_at=ended,
        worker_started_at=action.worker_started_at,
        worker_ended_at=action.worker_ended_at,
        session_started_at=session.started_at,
        exit_code=action.exit_code,
        cause=action.cause,
        error_class=usage.get("errorClass"),
        error_rule=usage.get("errorRule"),
        error_text=usage.get("errorText"),
        cpu_ms=usage.get("cpuMilliseconds"),
        peak_memory_bytes=usage.get("peakMemoryBytes"),
        output_bytes=usage.get("outputBytes"),
        copy_ms=usage.get("copyMilliseconds"),
        user_name=session.user_name,
        project=attributes.get("project", UNASSIGNED),
        app=attributes.get("app", UNASSIGNED),
        render_type=attributes.get("render_type", UNASSIGNED),
        shot=attributes.get("shot", UNASSIGNED),
        threads=session.threads,
        ps_milli=session.ps_milli,
        ghz_milli=None if cores is None or ghz is None else round(cores * ghz * 1000),
        watts_milli=None if watts is None else round(watts * 1000),
        billionths_per_hour=session.billionths_per_hour,
        sequence=attributes.get("sequence"),
        version=attributes.get("version"),
    )


def session_fact(job: Job, session: Session, worker: Worker) -> SessionFact:
    """Return the fact of a session that has ended; its amount is A(end)."""
    ended = session.ended_at
    if ended is None:
        raise AssertionError(f"{session.session_id} has not ended")
    rate = session.billionths_per_hour
    instance = worker.attributes.get(INSTANCE_TYPE)
    return SessionFact(
        farm_id=session.farm_id,
        queue_id=session.queue_id,
        fleet_id=session.fleet_id,
        worker_id=session.worker_id,
        thread=session.thread,
        job_id=session.job_id,
        job_name=job.name,
        session_id=session.session_id,
        user_name=session.user_name,
        project=job.attributes.get("project", UNASSIGNED),
        started_at=session.started_at,
        ended_at=ended,
        threads=session.threads,
        ps_milli=session.ps_milli,
        instance_type=instance[0] if instance else None,
        card_id=session.card_id,
        rate_line_id=session.rate_line_id,
        billionths_per_hour=rate,
        amount_billionths=None if rate is None else amount_after(rate, ended - session.started_at),
        region=region_of(worker),
    )


def submission_fact(job: Job, layer: Layer, frames: str | None) -> SubmissionFact:
    """Return the fact of a layer that was submitted: everything about it that never changes.

    Args:
        job: its job.
        layer: the layer.
        frames: its frames as a range expression.
    """
    parameters = {
        name: value
        for name, union in job.parameters.items()
        for value in union.values()
        if isinstance(value, str)
    }
    of = layer.attributes
    detail = described(layer.name, job.tags, parameters) | {
        name: of[name] for name in ("camera", "class") if of.get(name, UNASSIGNED) != UNASSIGNED
    }
    return SubmissionFact(
        farm_id=job.farm_id,
        queue_id=job.queue_id,
        job_id=job.job_id,
        layer_id=layer.layer_id,
        layer_index=layer.index,
        job_name=job.name,
        layer_name=layer.name,
        submitted_at=layer.created_at,
        user_name=job.created_by,
        submit_machine=of.get("submit_machine", UNASSIGNED),
        project=of.get("project", UNASSIGNED),
        app=of.get("app", UNASSIGNED),
        app_version=of.get("app_version", UNASSIGNED),
        renderer=of.get("renderer", UNASSIGNED),
        render_type=of.get("render_type", UNASSIGNED),
        shot=of.get("shot", UNASSIGNED),
        sequence=of.get("sequence", UNASSIGNED),
        version=of.get("version", UNASSIGNED),
        priority=job.priority,
        task_count=layer.task_count,
        frame_count=layer.frame_count,
        frames=frames,
        detail=msgspec.json.encode(detail, order="sorted").decode() if detail else "",
    )
