"""The workers' rule packs as what the server finds errors in logs with: one set of rules."""

from grange.services.reads.log_errors import ErrorRule, LogErrors, RendererErrors
from grange.worker.logrules.pack import GENERIC, Pack, bundled_packs


def bundled_errors() -> LogErrors:
    """Return the errors of every rule pack, those all programs share last."""
    packs = sorted(bundled_packs(), key=lambda pack: (pack.name == GENERIC, not pack.renderer))
    return LogErrors(_errors_of(pack) for pack in packs)


def _errors_of(pack: Pack) -> RendererErrors:
    return RendererErrors(
        commands=pack.commands,
        outputs=pack.outputs,
        rules=tuple(
            ErrorRule(
                rule=f"{pack.name}/{pack.version}:{rule.rule_id}",
                error_class=rule.error_class,
                pattern=rule.pattern,
            )
            for rule in pack.rules
            if rule.kind == "fatal"
        ),
        always=pack.name == GENERIC,
    )
