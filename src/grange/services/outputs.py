"""Which of a job's parameters say where its output goes, and may be contained by workers."""

import json
import re
from functools import lru_cache
from typing import Any

from grange.domain.work import Job
from grange.services.templates import job_document


def contained_outputs(job: Job) -> list[dict[str, str]]:
    """Return the parameters of a job whose files a worker may write to itself first.

    They are paths of dataFlow OUT that one step alone uses: where several steps use one, a later
    one may read what an earlier one wrote.
    """
    return [dict(one) for one in _contained(job.template, job.template_type)]


@lru_cache(maxsize=256)
def _contained(template: str, template_type: str) -> tuple[dict[str, str], ...]:
    document = job_document(template, template_type)
    steps = {str(step["name"]): json.dumps(step) for step in document.get("steps") or ()}
    environments = json.dumps(document.get("jobEnvironments") or ())
    found = []
    for definition in document.get("parameterDefinitions") or ():
        name = str(definition["name"])
        if definition.get("type") != "PATH" or definition.get("dataFlow") != "OUT":
            continue
        mapped = _uses("Param", name)
        raw = _uses("RawParam", name)
        users = [name for name, step in steps.items() if mapped.search(step)]
        elsewhere = any(one.search(environments) for one in (mapped, raw))
        if (
            len(users) == 1
            and not elsewhere
            and not any(raw.search(step) for step in steps.values())
        ):
            found.append({"name": name, "objectType": _kind(definition), "stepName": users[0]})
    return tuple(found)


def _uses(scope: str, name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){scope}\.{re.escape(name)}(?![\w.])")


def _kind(definition: dict[str, Any]) -> str:
    return str(definition.get("objectType") or "DIRECTORY")
