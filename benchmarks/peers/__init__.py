"""Programs that measure other programs, each run by the Python of `.venvs/peers`.

They import nothing of Grange. For each round they read one line of JSON and answer with one.
"""
