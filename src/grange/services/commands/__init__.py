"""Every wish to change the farm, as a value the owner loop decides on.

`farm_objects` (farms, queues, fleets, associations, environments, rates), `jobs`, `workers`,
`people`. Heartbeats and results of workers are in `services.reports`.
"""
