"""The farm in Python, for scripts and notebooks.

    import grange.sdk

    farm = grange.sdk.open()
    job_id = farm.submit(template, queue_id=…, tags={"grange:project": "film"})
    farm.wait(job_id)
    print(farm.receipt(job_id)["cost"])

It needs nothing beside the base install.
"""

from grange.sdk.farm import Farm, open  # noqa: A004 - reads as grange.sdk.open()

__all__ = ["Farm", "open"]
