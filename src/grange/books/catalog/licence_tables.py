"""Facts about licences: which session held which product, and for how long."""

from grange.books.catalog.model import Consolidation, TableSpec, instant, number, text

LICENCE_USES = TableSpec(
    name="licence_uses",
    title="Licences in use",
    meaning=(
        "One row for each time a session held a counted licence, written when it gave it back."
    ),
    produced_by="server",
    lasting=True,
    key=("use_id",),
    time_column="ended_at",
    start_column="started_at",
    sort=("product", "ended_at", "use_id"),
    columns=(
        text("farm_id", "The farm."),
        text("use_id", "This use of a licence; this is the key."),
        text("session_id", "The session that held it.", ledger="S2-09"),
        text("fleet_id", "The worker's fleet, when the session began.", ledger="S2-14"),
        text("worker_id", "The worker."),
        text("job_id", "The job."),
        text("product", "What is licensed.", ledger="S2-07"),
        text("region", "Where the worker stands, if it said so.", nullable=True, ledger="S0-38"),
        number("seats", "", "How many seats the session held.", minimum=1),
        instant("started_at", "From when it was held.", ledger="S2-11"),
        instant("ended_at", "When it was given back. The row lies in this hour.", ledger="S2-11"),
        text("card_id", "The rate card in force.", nullable=True, ledger="S2-14"),
        text("rate_line_id", "The line of the card.", nullable=True, ledger="S2-14"),
        number(
            "billionths_per_hour", "10⁻⁹ of the currency per hour",
            "Price of the seats held; none without a price.", nullable=True, ledger="S2-14",
        ),
        number(
            "amount_billionths", "10⁻⁹ of the currency", "What the use cost.",
            Consolidation.SUM, nullable=True, ledger="S2-10",
        ),
    ),
)  # fmt: skip
