"""An embedded Kubernetes API server: REST, watch, apply, CRDs, RBAC and built-in controllers."""
