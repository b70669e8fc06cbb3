"""Which jobs of the history a script wants to see (S0-42, S0-43)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grange.rrdata.jobs import ALL, _jobsHistoryDB_Runtime
from grange.rrdata.place import UNSET

Job = _jobsHistoryDB_Runtime

NONE, SENT, FINISHED, BOTH, CHANGED = range(5)
"""Modes of the range of time."""

_FIELDS: dict[str, Callable[[Job], str]] = {
    "user": lambda job: job.userName,
    "username": lambda job: job.userName,
    "project": lambda job: job.companyProjectName,
    "companyprojectname": lambda job: job.companyProjectName,
    "app": lambda job: job.soft.name,
    "renderer": lambda job: job.soft.rendererName,
    "layer": lambda job: job.layer,
    "camera": lambda job: job.camera,
    "channel": lambda job: job.AOVchannel,
    "shot": lambda job: job.customSHotName,
    "customshotname": lambda job: job.customSHotName,
    "sequence": lambda job: job.customSeQName,
    "customseqname": lambda job: job.customSeQName,
    "version": lambda job: job.customVersionName,
    "customversionname": lambda job: job.customVersionName,
    "scene": lambda job: job.customSceneName,
    "customscenename": lambda job: job.customSceneName,
    "jobtype": lambda job: job.customJobType,
    "customjobtype": lambda job: job.customJobType,
    "submitmachine": lambda job: job.submitMachine,
    "scenestate": lambda job: job.sceneState,
    "take": lambda job: job.sceneTake,
    "imagedir": lambda job: job.imageDir,
    "imagefilename": lambda job: job.imageFileName,
    "id": lambda job: job.short_id,
}
_SCENE_FILE = "scenefile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for; empty text, 0 hours and the full mask ask for everything."""

    user: str = ""
    project: str = ""
    app: str = ""
    render_type: int = -1
    renderer: str = ""
    age_hours: int = 0
    words: str = ""
    invert: bool = False
    mask: int = ALL
    mode: int = NONE
    start: datetime | None = None
    end: datetime | None = None

    def matches(self, job: Job, now: datetime) -> bool:
        """Return whether a job is asked for."""
        return (
            _same(self.user, job.userName)
            and _same(self.project, job.companyProjectName)
            and _same(self.app, job.soft.name)
            and _same(self.renderer, job.soft.rendererName)
            and self.render_type in {-1, job.soft.renderType}
            and bool(job.state & self.mask)
            and (self.age_hours <= 0 or _last(job) >= now - timedelta(hours=self.age_hours))
            and words_match(self.words, job) != (self.invert and bool(self.words.strip()))
            and self._in_range(job)
        )

    def _in_range(self, job: Job) -> bool:
        if self.mode == SENT:
            return self._within(job.infoDateSubmitted)
        if self.mode == FINISHED:
            return self._finished_within(job)
        if self.mode == BOTH:
            return self._within(job.infoDateSubmitted) and self._finished_within(job)
        if self.mode == CHANGED:
            return self._within(_last(job))
        return True

    def _finished_within(self, job: Job) -> bool:
        return job.infoDateFinished != UNSET and self._within(job.infoDateFinished)

    def _within(self, when: datetime) -> bool:
        return (self.start is None or self.start <= when) and (self.end is None or when < self.end)


def words_match(words: str, job: Job) -> bool:
    """Return whether a job has the words of the `includes` text.

    All words must be found; `-word` must not be; a leading `or` asks for any one of them;
    `Field=value` compares one field exactly (SceneFile: how the name ends).
    """
    parts = words.split()
    any_of = len(parts) > 1 and parts[0].lower() == "or"
    found = [_word(part, job) for part in (parts[1:] if any_of else parts)]
    return any(found) if any_of else all(found)


def _word(word: str, job: Job) -> bool:
    if len(word) > 1 and word[0] == "-":
        return not _word(word[1:], job)
    name, equals, value = word.partition("=")
    if equals and name.lower() == _SCENE_FILE:
        return job.sceneName.lower().endswith(value.lower())
    if equals and name.lower() in _FIELDS:
        return _FIELDS[name.lower()](job).lower() == value.lower()
    return any(word.lower() in text.lower() for text in _texts(job))


def _texts(job: Job) -> Sequence[str]:
    return [*(read(job) for read in _FIELDS.values()), job.sceneName]


def _same(asked: str, found: str) -> bool:
    return not asked or asked == "*" or asked.lower() == found.lower()


def _last(job: Job) -> datetime:
    return job.changed if job.changed != UNSET else job.infoDateSubmitted
