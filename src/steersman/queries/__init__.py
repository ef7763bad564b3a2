"""Read-only answers as structs: the command line, the web pages and the API show the same ones.

A query takes clients by cluster name and returns a struct; nothing is written. Start at
``status.py``.
"""
