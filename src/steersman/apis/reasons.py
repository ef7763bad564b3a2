"""The words Flux's controllers write as ``reason``, by the condition that carries them.

Values are part of the API: tools match on them. Every word is explained in
``docs/reference/reasons.md``; a test keeps the two equal.
"""

from __future__ import annotations

from typing import Final

# Any kind, any condition.
SUCCEEDED: Final = "Succeeded"
FAILED: Final = "Failed"
PROGRESSING: Final = "Progressing"
PROGRESSING_WITH_RETRY: Final = "ProgressingWithRetry"
SUSPENDED: Final = "Suspended"
DEPENDENCY_NOT_READY: Final = "DependencyNotReady"
ACCESS_DENIED: Final = "AccessDenied"
FEATURE_GATE_DISABLED: Final = "FeatureGateDisabled"
INVALID_CEL_EXPRESSION: Final = "InvalidCELExpression"
INVALID_PROVIDER_CONFIGURATION: Final = "InvalidProviderConfiguration"
INSECURE_CONNECTIONS_DISALLOWED: Final = "InsecureConnectionsDisallowed"
INVALID_PATH: Final = "InvalidPath"
INVALID_URL: Final = "InvalidURL"

# Kustomization.
ARTIFACT_FAILED: Final = "ArtifactFailed"
BUILD_FAILED: Final = "BuildFailed"
PRUNE_FAILED: Final = "PruneFailed"
HEALTH_CHECK_FAILED: Final = "HealthCheckFailed"
HEALTH_CHECK_CANCELED: Final = "HealthCheckCanceled"
RECONCILIATION_SUCCEEDED: Final = "ReconciliationSucceeded"
RECONCILIATION_FAILED: Final = "ReconciliationFailed"

# Sources: FetchFailed.
AUTHENTICATION_FAILED: Final = "AuthenticationFailed"
GIT_OPERATION_FAILED: Final = "GitOperationFailed"
URL_INVALID: Final = "URLInvalid"
EMPTY_GIT_REPOSITORY: Final = "EmptyGitRepository"

# Sources: IncludeUnavailable.
NOT_FOUND: Final = "NotFound"
NO_ARTIFACT: Final = "NoArtifact"

# Sources: StorageOperationFailed.
DIRECTORY_CREATION_FAILED: Final = "DirectoryCreationFailed"
STAT_OPERATION_FAILED: Final = "StatOperationFailed"
ACQUIRE_LOCK_FAILED: Final = "AcquireLockFailed"
ARCHIVE_OPERATION_FAILED: Final = "ArchiveOperationFailed"
SYMLINK_UPDATE_FAILED: Final = "SymlinkUpdateFailed"
COPY_OPERATION_FAILED: Final = "CopyOperationFailed"
REMOVE_OPERATION_FAILED: Final = "RemoveOperationFailed"

# Sources: ArtifactOutdated.
NEW_REVISION: Final = "NewRevision"
INCLUDE_CHANGE: Final = "IncludeChange"

# Sources: SourceVerified.
VERIFICATION_ERROR: Final = "VerificationError"
INVALID_COMMIT_SIGNATURE: Final = "InvalidCommitSignature"
INVALID_TAG_SIGNATURE: Final = "InvalidTagSignature"
INVALID_GIT_OBJECT: Final = "InvalidGitObject"
INVALID_VERIFICATION_MODE: Final = "InvalidVerificationMode"

# Events that are no condition's reason.
NEW_ARTIFACT: Final = "NewArtifact"
GIT_OPERATION_SUCCEEDED: Final = "GitOperationSucceeded"
ARTIFACT_UP_TO_DATE: Final = "ArtifactUpToDate"
GARBAGE_COLLECTION_SUCCEEDED: Final = "GarbageCollectionSucceeded"
GARBAGE_COLLECTION_FAILED: Final = "GarbageCollectionFailed"
