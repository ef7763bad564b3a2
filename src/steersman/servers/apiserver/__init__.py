"""A Kubernetes API in this process: storage, REST, watches, kinds and custom resources."""
