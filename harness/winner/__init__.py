"""What a sweep has found, in use: its best model asked about new data, or written for elsewhere.

fitted         the model of `DIR/TASK` or `DIR/TASK/SPACE`, with all that is needed to ask it
inputs         raw input from files, tables, folders and standard input
predictions    what the model says of it, as rows of plain values
export         the model in other formats, checked against itself
"""
