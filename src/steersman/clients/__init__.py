"""All outgoing I/O; every foreign error is translated here into ours."""
