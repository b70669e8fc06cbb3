"""Which level each operation needs: one table over the wire and the REST API.

An operation that is absent is the server owner's alone, so that a new one is closed until somebody
says who may use it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grange.domain.people import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a member needs for an operation."""

    level: Level
    """On what the request names: the job, else the queue, else the farm."""
    own: Level | None = None
    """Enough on a job, or whatever else, of one's own."""
    partial: bool = False
    """A membership in any queue or job of the farm is enough: the handler checks, or leaves out,
    each thing for itself."""
    anywhere: bool = False
    """The request names no farm: this level in any farm is enough; the handler does the rest."""


READ = Rule(level=Level.VIEWER)
_PARTS = Rule(level=Level.VIEWER, partial=True)
_ANYWHERE = Rule(level=Level.VIEWER, anywhere=True, partial=True)
_SUBMIT = Rule(level=Level.CONTRIBUTOR)
_ACT = Rule(level=Level.MANAGER, own=Level.CONTRIBUTOR)
_MANAGE = Rule(level=Level.MANAGER)
_OWN = Rule(level=Level.OWNER)
_OWN_OR_MINE = Rule(level=Level.OWNER, own=Level.VIEWER)
_OWN_ANYWHERE = Rule(level=Level.OWNER, anywhere=True)


def _rules(rule: Rule, prefix: str, names: str) -> Iterable[tuple[str, Rule]]:
    return ((prefix + name, rule) for name in names.split())


RULES: Mapping[str, Rule] = dict(
    [
        # The wire
        *_rules(_ANYWHERE, "", "ListFarms"),
        *_rules(
            _ANYWHERE,
            "",
            "BatchGetJob BatchGetStep BatchGetTask BatchGetSession BatchGetSessionAction"
            " BatchGetWorker",
        ),
        *_rules(_PARTS, "", "GetFarm ListQueues SearchJobs SearchSteps"),
        *_rules(
            READ,
            "",
            "GetQueue GetFleet ListFleets GetQueueFleetAssociation ListQueueFleetAssociations"
            " GetQueueEnvironment ListQueueEnvironments ListStorageProfilesForQueue"
            " GetStorageProfile ListStorageProfiles GetStorageProfileForQueue"
            " ListJobParameterDefinitions GetJob ListJobs GetStep ListSteps ListStepDependencies"
            " ListStepConsumers GetTask ListTasks GetSession ListSessions GetSessionAction"
            " ListSessionActions GetWorker ListWorkers SearchWorkers ListSessionsForWorker"
            " AssumeQueueRoleForRead StartSessionsStatisticsAggregation"
            " GetSessionsStatisticsAggregation",
        ),
        *_rules(_SUBMIT, "", "CreateJob AssumeQueueRoleForUser"),
        *_rules(_ACT, "", "UpdateJob UpdateStep UpdateTask"),
        *_rules(_MANAGE, "", "CreateWorker UpdateWorker DeleteWorker AssumeFleetRoleForWorker"),
        *_rules(
            _OWN,
            "",
            "UpdateFarm CreateQueue UpdateQueue DeleteQueue CreateFleet UpdateFleet DeleteFleet"
            " CreateQueueFleetAssociation UpdateQueueFleetAssociation DeleteQueueFleetAssociation"
            " CreateQueueEnvironment UpdateQueueEnvironment DeleteQueueEnvironment"
            " CreateStorageProfile UpdateStorageProfile DeleteStorageProfile",
        ),
        ("logs:GetLogEvents", READ),
        ("sts:GetCallerIdentity", _ANYWHERE),
        # The REST API
        *_rules(_ANYWHERE, "grange:", "GetMe ChangeMe ListFarms AddLoginLink"),
        *_rules(_OWN_ANYWHERE, "grange:", "AddUser ListUsers DisableUser SetPassword SignOutUser"),
        *_rules(_OWN_ANYWHERE, "grange:", "AddKey RevokeKey"),
        *_rules(_PARTS, "grange:", "ActOnJobs"),
        *_rules(_ACT, "grange:", "PutJobAfter ActOnFrames"),
        *_rules(_OWN_OR_MINE, "grange:", "PutMessagePlan DeleteMessagePlan"),
        *_rules(
            READ,
            "grange:",
            "GetOverview GetJob GetJobReport GetFrames GetPreview GetLog GetEvents GetReceipt"
            " GetAccounts GetUsage GetPower"
            " GetSlots GetWorkerSamples GetTimeline GetGraph ListBookFiles GetCosts"
            " GetLicenceMinutes ListMonths GetStatement ListBudgets ListRateCards ListGroups"
            " ListLicences ListHistoryProjects ListHistory GetHistory ListHistoryErrors"
            " ListHistoryLog ListLayerTimes ListFrameRecords ListContacts ListForeignHistory"
            " ListHistoryPages ListFrameRecordsOfJobs GetDayOfWorkers ListExchangeRates"
            " ListReports GetReport GetReportFile GetForecast"
            " GetForecastFile TestAttribution GetWhy GetEta ListShares ListReportSchedules"
            " GetBooksSize GetBooksProgress GetRetention GetBooksAbout GetDay GetRing"
            " ListBookWorkers GetWorkerDays GetWorkerDay GetWorkerReport GetStreamGraph"
            " GetSeriesGraph ListStreamNames ListStreamPages GetStreamPage ListPublications"
            " ListSeries GetSeries ListRings GetRingRows GetSeriesRrd ListStreamValues"
            " ListStreamSources ListStreams GetStreamSlots ListStreamHours GetStreamHour"
            " ListStreamContacts GetStreamWatch GetScheduling GetInbox GetJobsSnapshot"
            " GetWorkerPage GetWorkersSnapshot FindJobs GetJobNumbers FindWorkers ListViews PutView"
            " DeleteView",
        ),
        *_rules(
            _MANAGE,
            "grange:",
            "OrderWorkers UpdateWorker WakeUpWorker HailWorker PutGroup PutGroups DeleteGroup"
            " VerifyBooks DrawStreamPages RunReportSchedule ForgetStreamContact ActOnInbox",
        ),
        *_rules(
            _OWN,
            "grange:",
            "ListMemberships PutMembership ListAudit FreezeMonth MoveCost CreditCost PutBudget"
            " DeleteBudget PutRateCard PutExchangeRate PutLicences PutAllLicences DeleteLicences"
            " PutShare DeleteShare PutReportSchedule DeleteReportSchedule SetRetention"
            " RebuildBooks PutForeignHistory PutPublication RevokePublication PutSeries"
            " DeleteSeries FeedRings ImportSeriesRrd PutStreamValues PutLogLines ReplaceLogLines"
            " PruneLogLines PutStreamContact PutScheduling ListHooks PutHook DeleteHook"
            " PutPowerPolicy DeletePowerPolicy"
            " GetHookSecret RenewHookSecret TestHook ListHookDeliveries ReplayHook",
        ),
    ]
)
"""Operation → what a member needs. What is absent is the server owner's: users of role owner,
backups, farms, and whatever workers say about themselves."""
