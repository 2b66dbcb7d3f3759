"""Check features: every feature table against the contract that its own declaration makes."""

import ibis

from flows.stages import Progress, StepResult
from flows.steps.check_raw import facts_of, record_check
from governance.contract_check import check, refuse_above
from governance.contracts import feature_contract
from governance.declarations import read_feature_models
from governance.errors import ContractFailed
from governance.files import write_json
from governance.settings import Settings

_ALLOWED_BAD_RATE = 0.0  # features are ours: one bad row is a fault of a model, not of the world


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Check all feature tables; one bad row anywhere stops the flow."""
    backend = ibis.duckdb.connect(
        threads=settings.threads, memory_limit=settings.duckdb_memory_limit
    )
    facts: dict[str, object] = {}
    checks = rows = 0
    for model in read_feature_models(settings.dbt_dir):
        progress(model.name)
        contract = feature_contract(model)
        path = settings.features_dir / f"{model.name}.parquet"
        table = backend.read_parquet(str(path), file_row_number=True)
        quarantine_path = settings.quarantine_dir / "features" / f"{model.name}.parquet"
        result = check(contract, table, quarantine_path=quarantine_path)
        try:
            refuse_above(result, contract, limit_rate=_ALLOWED_BAD_RATE)
        except ContractFailed:
            record_check(result, settings, stage="features", is_passed=False)
            raise
        record_check(result, settings, stage="features", is_passed=True)
        facts[model.name] = facts_of(result)
        checks, rows = checks + result.checks, rows + result.rows_in
    summary_path = settings.quarantine_dir / "features" / "summary.json"
    write_json(summary_path, facts)
    return StepResult(
        f"{checks} checks on {rows:,} rows passed -> {summary_path}",
        (summary_path,),
        {"tables": facts},
    )
