"""Running DAGs by ``dag.test()``, and what the database says of them afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from conftest import HOME

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def dag_of(name: str, dag_id: str) -> Any:
    """Return a DAG of a file in the DAGs' folder, as it is now."""
    bag = DagBag(str(HOME / "dags" / f"{name}.py"))
    assert not bag.import_errors
    if hasattr(bag, "sync_to_db"):
        # Airflow 2 has no events for datasets that it has not heard of.
        bag.sync_to_db()
    return bag.dags[dag_id]


def run(dag: Any, at: datetime = NOON) -> Any:
    """Run a DAG for a time; the same time again clears its tasks and runs them anew."""
    try:
        return dag.test(logical_date=at)
    except TypeError:
        return dag.test(execution_date=at)


def instance(dag_run: Any, task_id: str, map_index: int = -1) -> Any:
    """Return a task of a run."""
    from airflow.utils.session import create_session

    with create_session() as session:
        found = dag_run.get_task_instance(task_id, map_index=map_index, session=session)
        session.expunge_all()
    return found


def xcom(dag_run: Any, task_id: str, map_index: int = -1) -> Any:
    """Return what a task returned."""
    try:
        from airflow.models.xcom import XComModel as XCom
    except ImportError:
        from airflow.models.xcom import XCom
    from airflow.utils.session import create_session

    with create_session() as session:
        row = (
            session.query(XCom)
            .filter_by(dag_id=dag_run.dag_id, run_id=dag_run.run_id, task_id=task_id)
            .filter_by(key="return_value", map_index=map_index)
            .one()
        )
        value = row.value
    return json.loads(value) if isinstance(value, bytes) else value


def asset_extras(dag_run: Any) -> list[dict[str, Any]]:
    """Return what the events of assets of a run carry."""
    from airflow.utils.session import create_session

    try:
        from airflow.models.asset import AssetEvent
    except ImportError:
        from airflow.models.dataset import DatasetEvent as AssetEvent
    with create_session() as session:
        found = session.query(AssetEvent).filter_by(source_run_id=dag_run.run_id).all()
        return [event.extra for event in found]
