"""Which operations of the Deadline Cloud API are served, as a page of the documentation."""

from collections.abc import Collection

from grange.wire.spec import deadline


def operations_table(served: Collection[str]) -> str:
    """Return a Markdown table of all operations with their state.

    Args:
        served: names of the operations the server answers.

    Raises:
        ValueError: if a name is unknown to the model.
    """
    operations = deadline().operations
    unknown = sorted(set(served) - operations.keys())
    if unknown:
        raise ValueError(f"The model has no operation called {', '.join(unknown)}.")
    lines = [
        f"{len(set(served))} of {len(operations)} operations are served.",
        "",
        "| Operation | State | Method | Path |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {'served' if name in served else 'not served yet'} | {operation.method} |"
        f" `{operation.uri}` |"
        for name, operation in operations.items()
    ]
    return "\n".join(lines) + "\n"
