"""The harness in a script or a notebook: `harness.compare`, `harness.run` and `harness.load`.

question    a sweep from arrays, lists, a DataFrame, a file or a folder, and its run
progress    how far it has come
bars        what shows that
values      such data as files that a `[data.NAME]` table names
answer      what the folder of a sweep holds, as tables, verdicts and models
"""
