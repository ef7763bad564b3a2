"""Fleet repositories: writing one of our own, and reading which clusters one describes.

Pure: files come in and go out as mappings from path to bytes. Start at
:func:`steersman.fleet.content.render_fleet` and :func:`steersman.fleet.clusters.read_clusters`.
"""
