"""What Alembic runs: it joins the transaction of the connection it is handed."""

from alembic import context

from grange.adapters.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
