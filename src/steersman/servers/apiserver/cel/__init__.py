"""The expression language of validation rules, behind one door.

``environment`` compiles and evaluates, ``functions`` adds what Kubernetes adds to the language,
``ast`` reads the syntax tree, ``typecheck`` and ``cost`` judge it against a schema, ``values``
turns JSON into what expressions see.
"""
