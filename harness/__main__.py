import sys

if not sys.flags.safe_path:
    # The current folder, which `python -m` puts in front: a file `random.py` there is the person's.
    del sys.path[0]

from harness.cli.main import main

main(prog_name="harness")
