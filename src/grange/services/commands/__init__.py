"""Every wish to change the farm, as a value the owner loop decides on: one module for each subject.

Farms, queues, fleets, their environments and rates are together in `farm_objects`. Heartbeats and
results of workers are in `services.reports`.
"""
