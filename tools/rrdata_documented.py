"""The classes and members of Royal Render's statistics module that its documentation names."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Members(NamedTuple):
    """The names of a class."""

    properties: Sequence[str]
    functions: Sequence[str]


def _of(properties: str, functions: str) -> Members:
    return Members(tuple(properties.split()), tuple(functions.split()))


DOCUMENTED: Mapping[str, Members] = {
    "_AppLicenses_v8": _of(
        "",
        "getCount getError getLicense loadFromFile saveToFile setLicense",
    ),
    "_AppLicenses_v8_licItem": _of(
        "",
        "SetRenderAppName getCost getIsTypeSet getIsUnlimited getLicCount getPluginName "
        "getRenderAppName getVersion setCost setIsTypeSet setIsUnlimited setLicCount "
        "setPluginName setVersion",
    ),
    "_Client_Info_save": _of(
        "WOLTryCount lastConnect lastWOLTry saveNameCopy saveVersionCopy",
        "lastIPDate lastIPs lastWOLs maxIPCount maxWOLCount",
    ),
    "_Client_WOLInfo": _of(
        "bootTime dateTime success",
        "",
    ),
    "_ClientGroup": _of(
        "",
        "addClient allMemberGlobalIndices clear count getClientName getName "
        "isMember_byGlobalIndex removeClient removeClientbyID setName",
    ),
    "_ClientGroupList": _of(
        "count settingsFileDate",
        "clientGroup clientGroupSet clientGroupsMax getError groupsOfClient loadFromFile "
        "saveToFile",
    ),
    "_clientStat": _of(
        "disabled idle off rendering slotSet",
        "",
    ),
    "_clientStatDay": _of(
        "groupName",
        "getTimeSlot timeSlotCount",
    ),
    "_clientStats_all": _of(
        "",
        "clientCount currentUnixDayLocal findName freeMem getData getDataByName "
        "getDataByName_period_day getDataByName_period_day_hasData getData_error "
        "getData_period_day getData_period_day_hasData getError getName initFileList "
        "memUsageMiB setDelayedLoad_FileAge",
    ),
    "_clientStats_data": _of(
        "StructureID",
        "days daysCount daysMax getDayByIdx getError loadFromFile period_day period_day_hasData",
    ),
    "_clientStats_day": _of(
        "day daySet",
        "data dataHourly dataHourlyMax dataMax dayAsTime",
    ),
    "_clientStats_day_data_30s": _of(
        "cpuTotal gpuTotal memTotal10MB networkInMB networkInSpeedMaxMB networkOutMB userLoggedIn",
        "allThreadsDisabled anyThreadIdle anyThreadRendering cpuRender_allThreads hasData "
        "jobThread jobThreadCount jobThreadMax memRender10MB_allThreads",
    ),
    "_clientStats_day_data_hourly": _of(
        "",
        "jobThread jobThreadCount jobThreadMax",
    ),
    "_clientStats_day_data_hourly_jobthread": _of(
        "framesDone jobAborted jobCrashed jobSuccessful",
        "hasData",
    ),
    "_clientStats_day_data_jobthread": _of(
        "clientStatus cpuRender jobRenderType memRender10MB",
        "memRenderMB threadWasActive threadWasRendering wasActive wasDisabled wasIdle wasRendering",
    ),
    "_dailyStats_data": _of(
        "",
        "fileNameDate getClientGroups getError getJobsByType getJobsByTypeAndName "
        "jobTypeCount loadFromFile singleStats singleStatsCount",
    ),
    "_dailyStats_timeline": _of(
        "",
        "currentUnixDayLocal freeMem getError initFileList memUsageMiB period_day "
        "period_day_hasData",
    ),
    "_frameStat": _of(
        "averageValue client frameNrJob logFileStart logFileStartFrame newKSOChunk "
        "newSceneLoaded renderTime5Sec userLoggedIn",
        "part partMax",
    ),
    "_frameStat_part": _of(
        "jobCPU jobMemoryMB nonJobCPU renderThreads",
        "",
    ),
    "_frameStatJob": _of(
        "",
        "frame frameCount frameMax getError loadFromFile",
    ),
    "_History_Error": _of(
        "what when whichMachine who",
        "errorString",
    ),
    "_History_Log": _of(
        "clRendering fMissing seqStep step what when whichMachine who",
        "logString seqEnd seqStart",
    ),
    "_historyProjectLoader": _of(
        "",
        "errorString getError getInfo jobAt jobCount jobSetFilter jobSetFilter4 loadProject "
        "loadProjectList period_setTimeMode projectCount projectName",
    ),
    "_IP": _of(
        "",
        "asInt32 asString isIP4 isValid",
    ),
    "_jHistoryClient": _of(
        "assigned times_aborted times_crashed times_sended totalTimeRendered",
        "",
    ),
    "_jobsHistoryDB_Runtime": _of(
        "AAsamplesPercentage AOVchannel ID camera color companyProjectName customJobType "
        "customSHotName customSceneName customSeQName customVersionName dateFinished dateSend "
        "errorCount errorCountServer framesTotal framesTotalNonMulti framesTotal_FrameSetOnly "
        "imageDir imageExtension imageFileName imageFileNameVariables imageFramePadding "
        "imageHeight imageIsDataFile imageMulti imageSingleOutputFile imageWidth "
        "infoAverageClientPS infoAverageClients infoAverageFrameTime "
        "infoClients_maxMemoryUsageMB infoCoreUsageMax infoCpuUsageAverageMax "
        "infoCpuUsageAverageMin infoDateFinished infoDateSubmitted infoFrameTrafficInMax "
        "infoFrameTrafficInMin infoRenderTimeSum_Ghz_h infoRenderTimeSum_PS "
        "infoRenderTimeSum_PS_disobeyReset infoRenderTimeSum_WattSec "
        "infoRenderTimeSum_WattSec_disobeyReset infoRenderTimeSum_seconds "
        "infoRenderTimeSum_seconds_disobeyReset infoRenderTime_Cost "
        "infoRenderTime_Cost_Ghz_disobeyReset infoRenderTime_Cost_PS_disobeyReset "
        "infoRenderTime_Cost_disobeyReset infoRenderTime_seconds infoTotalAborted "
        "infoTotalCrashed infoTotalSend infoTotal_FramesReturned_disobeyReset layer logCount "
        "priority rrJobOS sceneDatabaseDir sceneName sceneOS sceneState sceneTake seqEnd "
        "seqFileOffset seqFrameSet seqStart seqStep seqSubFrames shotgunID soft submitMachine "
        "userName",
        "ID2str ID2strFull IDstr fn2F getClient getError getLog",
    ),
    "_jobStat": _of(
        "Cost Ghz_minutes PS_minutes PSneeded Watt_minutes avFrameTime avMemUsageMB avPSUsage "
        "framesLeft framesRendered freeA jobsDisabled jobsDone jobsIdle jobsRendering "
        "jobsWaiting maxFrameTime maxMemUsageMB maxPSUsage renderLicNeeded slotSet "
        "timesFinished timesSended",
        "hasValidData",
    ),
    "_jobStatDay": _of(
        "name type",
        "getTimeSlot statCount stats timeSlotCount",
    ),
    "_RenderAppBasic_history": _of(
        "executeType name renderType rendererName rendererVersion variantName version",
        "versionMinorDisplay",
    ),
    "_rrGlobalStats_item": _of(
        "clients_avTemperature clients_disabled clients_free clients_needed clients_rendering "
        "frameTime frameTime_3D frameTime_Archive frameTime_Comp frameTime_ExecuteFrames "
        "frameTime_FileExport framesLeft framesLeft_3D framesLeft_Archive framesLeft_Comp "
        "framesLeft_ExecuteFrames framesLeft_FileExport framesPerMin framesPerMin_3D "
        "framesPerMin_Archive framesPerMin_Comp framesPerMin_ExecuteFrames "
        "framesPerMin_FileExport freeA jobs_rendering jobs_total jobs_unfinished "
        "serverCoreUsageMachine serverCoreUsageProcess serverMemUsage_JobBuffer "
        "serverMemUsage_Machine serverMemUsage_Process serverMemUsage_TCPData "
        "serverMemUsage_TCPDataCompressed serverMemUsage_TCPSocket serverTemperature "
        "slot_used",
        "",
    ),
    "_rrGlobalStatsLS": _of(
        "lastSaveDay lastSaveMonth lastSaveYear",
        "currentTime_Unix currentTime_Unix_UTC currentTime_datetime currentUnixDayLocal day "
        "dayMax getError lastSaveDay_asDatetime lastSaveDay_asUnixTime "
        "lastSaveMonth_asDatetime lastSaveMonth_asUnixTime lastSaveYear_asDatetime "
        "lastSaveYear_asUnixTime loadFromFile month monthMax period_auto_day "
        "period_auto_daySlotCount period_auto_item period_auto_itemCount period_month_day "
        "period_month_daySlotCount period_month_item period_month_itemCount "
        "period_setTimeRange period_year_day period_year_daySlotCount period_year_item "
        "period_year_itemCount secDiff_Day secDiff_Month secDiff_Year year yearMax",
    ),
    "_server_clientInfo": _of(
        "",
        "count errorStr fileTime info loadFromFile",
    ),
    "_StatsRenderTime": _of(
        "lastSaved prjCount",
        "getError getProject loadFile saveFile",
    ),
    "_StatsRenderTime_layer": _of(
        "jobsAdded name",
        "averageClientPS coreUsageMax count frameTime_kPS frameTime_sec memUsageMaxGB "
        "timeSubmitToFramesDone_minutes",
    ),
    "_StatsRenderTime_project": _of(
        "lastUsed name",
        "containsRenderType getLayer layerCount",
    ),
}
