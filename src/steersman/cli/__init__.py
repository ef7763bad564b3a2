"""The command line: parse, ask the layers below, render. Data on stdout, talk on stderr.

Start at ``main.py`` (the table of commands) and ``render/terminal.py``. One file per command; a
command module is imported when its command runs, so that ``--help`` stays fast.
"""
