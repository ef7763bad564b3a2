"""Post-build variable substitution: ``${NAME}`` in built manifests, as Flux does it.

``expand`` is the grammar on text, ``variables`` checks and merges the values, ``manifests`` runs
it over built objects. Start at :func:`steersman.substitute.manifests.substitute_manifest`.
"""
