"""The parts of which our models are made, and what each must hold before compiled code reads it.

Trees and encoders are asked by code that trusts every number in them: an index that leads outside
ends the process, or reads what is none of its business. So nothing of them is taken on trust.
"""

from typing import Any

import numpy as np

from risk.models import transformers, trees
from risk.models.part_state import demand

CLASSES = {
    ("sklearn.pipeline", "Pipeline"),
    ("sklearn.impute._base", "SimpleImputer"),
    ("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
    ("sklearn.preprocessing._data", "StandardScaler"),
    ("sklearn.linear_model._logistic", "LogisticRegression"),
    ("sklearn.compose._column_transformer", "ColumnTransformer"),
    ("sklearn.preprocessing._encoders", "OneHotEncoder"),
    ("sklearn.preprocessing._encoders", "OrdinalEncoder"),
    (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
        "HistGradientBoostingClassifier",
    ),
    ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
    ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
    ("sklearn._loss.loss", "HalfBinomialLoss"),
    ("sklearn._loss.link", "LogitLink"),
}
NAMED: dict[tuple[str, str], Any] = {  # what a model names and nothing may call while it is read
    ("numpy", "log1p"): np.log1p,
    ("numpy", "clip"): np.clip,
    ("numpy", "dot"): np.dot,
    ("numpy", "array"): np.array,
    ("numpy", "float64"): np.float64,
}
RULES = transformers.RULES | trees.RULES


def check(part: Any) -> None:
    """Refuse a part whose state could lead code of others astray."""
    of_class = type(part)
    for name in vars(part):
        known = getattr(of_class, name, None)
        demand(not (callable(known) or isinstance(known, property)), part, name)
    if rule := RULES.get(of_class.__name__):
        rule(part)
