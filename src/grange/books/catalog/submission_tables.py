"""Facts about what was submitted: one row for each layer, as it was then."""

from grange.books.catalog.model import TableSpec, instant, number, text

SUBMISSIONS = TableSpec(
    name="submissions",
    title="Layers submitted",
    meaning=(
        "One row for each layer, written when its job was submitted. "
        "What it says never changes: attributes are resolved then."
    ),
    produced_by="server",
    lasting=True,
    key=("layer_id",),
    time_column="submitted_at",
    sort=("project", "submitted_at", "layer_id"),
    columns=(
        text("farm_id", "The farm."),
        text("queue_id", "The job's queue."),
        text("job_id", "The job."),
        text("layer_id", "The layer; this is the key.", ledger="S0-50"),
        number("layer_index", "", "Place of the layer in its job, from 0."),
        text("job_name", "The job's name."),
        text("layer_name", "The layer's name.", ledger="S0-44"),
        instant("submitted_at", "When it was submitted. The row lies in this hour."),
        text("user_name", "Who submitted it.", ledger="S0-44"),
        text("submit_machine", "The machine it was submitted from.", ledger="S0-44"),
        text("project", "The project.", ledger="S0-44"),
        text("app", "The application that renders.", ledger="S0-55"),
        text("app_version", "Its version.", ledger="S0-55"),
        text("renderer", "The renderer within the application.", ledger="S0-55"),
        text("render_type", "The render type.", ledger="S0-55"),
        text("shot", "The shot.", ledger="S0-44"),
        text("sequence", "The sequence.", ledger="S0-44"),
        text("version", "The version of the work.", ledger="S0-44"),
        number("priority", "", "Priority then, 0 to 100.", ledger="S0-44", minimum=None),
        number("task_count", "tasks", "How many tasks it has."),
        number("frame_count", "frames", "How many frames.", nullable=True, ledger="S0-46"),
        text("frames", "The frames as a range expression.", nullable=True, ledger="S0-46"),
        text(
            "detail", "Every other attribute, as a JSON object; empty if there is none.",
            ledger="S0-45",
        ),
    ),
)  # fmt: skip
