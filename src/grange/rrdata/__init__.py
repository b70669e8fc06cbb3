"""An exported folder in the shape that Royal Render's statistics scripts know.

The classes and members are those Royal Render documents, with their manners: they return False and
say why in getError() where others raise, and give an empty record where there is nothing. See
docs/rrdata.md.
"""

from grange.rrdata.codes import rrJob
from grange.rrdata.contacts import _IP, _Client_Info_save, _Client_WOLInfo, _server_clientInfo
from grange.rrdata.daily import (
    _clientStat,
    _clientStatDay,
    _dailyStats_data,
    _dailyStats_timeline,
    _jobStat,
    _jobStatDay,
)
from grange.rrdata.frames import _frameStat, _frameStat_part, _frameStatJob
from grange.rrdata.groups import _ClientGroup, _ClientGroupList
from grange.rrdata.history import _historyProjectLoader
from grange.rrdata.jobs import (
    _90_RenderAppBasic_history,
    _History_Error,
    _History_Log,
    _jHistoryClient,
    _jobsHistoryDB_Runtime,
    _RenderAppBasic_history,
)
from grange.rrdata.layer_times import (
    _StatsRenderTime,
    _StatsRenderTime_layer,
    _StatsRenderTime_project,
)
from grange.rrdata.licenses import _AppLicenses_v8, _AppLicenses_v8_licItem
from grange.rrdata.rings import _rrGlobalStats_item, _rrGlobalStatsLS
from grange.rrdata.workers import (
    _clientStats_all,
    _clientStats_data,
    _clientStats_day,
    _clientStats_day_data_30s,
    _clientStats_day_data_hourly,
    _clientStats_day_data_hourly_jobthread,
    _clientStats_day_data_jobthread,
)

__all__ = [
    "_IP",
    "_90_RenderAppBasic_history",
    "_AppLicenses_v8",
    "_AppLicenses_v8_licItem",
    "_ClientGroup",
    "_ClientGroupList",
    "_Client_Info_save",
    "_Client_WOLInfo",
    "_History_Error",
    "_History_Log",
    "_RenderAppBasic_history",
    "_StatsRenderTime",
    "_StatsRenderTime_layer",
    "_StatsRenderTime_project",
    "_clientStat",
    "_clientStatDay",
    "_clientStats_all",
    "_clientStats_data",
    "_clientStats_day",
    "_clientStats_day_data_30s",
    "_clientStats_day_data_hourly",
    "_clientStats_day_data_hourly_jobthread",
    "_clientStats_day_data_jobthread",
    "_dailyStats_data",
    "_dailyStats_timeline",
    "_frameStat",
    "_frameStatJob",
    "_frameStat_part",
    "_historyProjectLoader",
    "_jHistoryClient",
    "_jobStat",
    "_jobStatDay",
    "_jobsHistoryDB_Runtime",
    "_rrGlobalStatsLS",
    "_rrGlobalStats_item",
    "_server_clientInfo",
    "rrJob",
]
