"""`harness check`: would this task, this architecture, survive a search?

A cell is tried on a few examples from its data to its saved model, so that what would fail after
hours fails now, and is named with the line of the person's own code. `harness run` does the cheap
part by itself.

    command.py       what is asked about, the workers that try it, the lines and the exit code
    subjects.py      tasks, architectures and files, as cells to try
    samples.py       a small task of each kind, for architectures
    cell.py          one cell, tried in a worker from its build to its exhibit
    rehearsal.py     what of that costs almost nothing
    steps.py         the steps of both
    place.py         where in a person's code something stands
"""
