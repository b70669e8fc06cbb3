"""Which GPU a job thread's renderers see: one each where there are several of both."""

from collections.abc import Mapping

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""CUDA numbers GPUs by speed unless it is told to number them as nvidia-smi does."""


def gpu_variables(
    thread: int, threads: int, gpus: int, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that give a job thread its GPU; empty where all threads see all GPUs.

    Args:
        thread: the job thread.
        threads: how many there are.
        gpus: how many NVIDIA GPUs the machine has.
        environment: what jobs inherit; a choice of GPUs made there is what is shared out.
    """
    chosen = [one.strip() for one in environment.get(_VISIBLE, "").split(",") if one.strip()]
    devices = chosen or [str(number) for number in range(gpus)]
    if threads < 2 or len(devices) < 2:
        return {}
    return {**_ORDER, _VISIBLE: devices[thread % len(devices)]}


def gpu_advice(threads: int, gpus: int) -> str:
    """Return what to tell the person who starts a worker whose GPUs and threads do not match."""
    if gpus < 2 or threads in {1, gpus}:
        return ""
    if threads < gpus:
        return (
            f"{gpus} GPUs, but {threads} job threads of one GPU each: give --threads {gpus} to use"
            " them all, or --threads 1 to let one job have them all."
        )
    return f"{gpus} GPUs, but {threads} job threads: some threads share a GPU."
