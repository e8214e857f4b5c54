"""Data of one's own, described by a table of a sweep file: no code is written for it.

`[data.NAME]` in a sweep file says of which kind a task is, in which files its examples lie, in
which columns, and how they are split; what it does not say is guessed from the files. The task that
comes of it is made by the constructor of its kind in `harness.kinds`, as everybody's is.

    description    what a table says, checked
    guess          what it does not say
    places         the files
    tables, lines, images, series    what they hold, read by pandas and Pillow
    splits         which examples are for training, for validation, for the test
    duplicates     texts that are on both sides
    task           all of it as a task
"""
