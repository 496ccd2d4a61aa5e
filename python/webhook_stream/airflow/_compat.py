"""Where Airflow 2 and 3 keep what is used here."""

from __future__ import annotations

try:
    from airflow.sdk import BaseHook, BaseOperator
    from airflow.sdk.bases.decorator import (
        DecoratedOperator,
        determine_kwargs,
        task_decorator_factory,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.definitions.context import context_merge
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
    from airflow.sdk.log import mask_secret
except ImportError:
    from airflow.configuration import conf
    from airflow.decorators.base import DecoratedOperator, task_decorator_factory
    from airflow.exceptions import AirflowException, AirflowFailException
    from airflow.hooks.base import BaseHook
    from airflow.models.baseoperator import BaseOperator
    from airflow.utils.context import context_merge
    from airflow.utils.log.secrets_masker import mask_secret
    from airflow.utils.operator_helpers import determine_kwargs

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "BaseHook",
    "BaseOperator",
    "DecoratedOperator",
    "conf",
    "context_merge",
    "determine_kwargs",
    "mask_secret",
    "task_decorator_factory",
]
