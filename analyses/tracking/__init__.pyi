from .mlflow_client import log_run as log_run
from .mlflow_client import serve_ui as serve_ui
