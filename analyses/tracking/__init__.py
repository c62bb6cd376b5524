"""MLflow (mlflow_client.py is its only owner)."""
