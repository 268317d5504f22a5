"""Models: tables, their constraints, named queries (QuerySet methods), and transitions of one row."""

from .api_token import ApiToken, Scope
from .batch_prediction import BatchFormat, BatchPrediction
from .comment import Comment
from .completion import Completion
from .dataset import Dataset
from .documents import documents_of, without_documents
from .forms import FormSettings, PublishedForm, Shows
from .idempotent_request import IdempotentRequest
from .job import Job, JobStatus
from .model_version import CHAMPION, AliasChange, ModelAlias, ModelVersion
from .monitoring import Actual, ActualSource
from .notice import Notice, NoticeKind
from .personal_settings import PersonalSettings
from .prediction_hour import LateLogRow, LogSummaryState, PredictionHour, PredictionTotal
from .prediction_log import PredictionLog, PredictionSource, uuid7
from .reading_change import ReadingChange
from .registered_model import RegisteredModel
from .training_run import TrainingRun
from .user import User
from .workspace import ROLE_RANK, Membership, Workspace, WorkspaceRole

__all__ = [
    "CHAMPION",
    "ROLE_RANK",
    "Actual",
    "ActualSource",
    "AliasChange",
    "ApiToken",
    "BatchFormat",
    "BatchPrediction",
    "Comment",
    "Completion",
    "Dataset",
    "FormSettings",
    "IdempotentRequest",
    "Job",
    "JobStatus",
    "LateLogRow",
    "LogSummaryState",
    "Membership",
    "ModelAlias",
    "ModelVersion",
    "Notice",
    "NoticeKind",
    "PersonalSettings",
    "PredictionHour",
    "PredictionLog",
    "PredictionSource",
    "PredictionTotal",
    "PublishedForm",
    "ReadingChange",
    "RegisteredModel",
    "Scope",
    "Shows",
    "TrainingRun",
    "User",
    "Workspace",
    "WorkspaceRole",
    "documents_of",
    "uuid7",
    "without_documents",
]
