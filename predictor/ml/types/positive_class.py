"""The positive class of two: the one that is looked for. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from .schema import ColumnProfile, Scalar, canonical_text

# Labels that say by themselves what is looked for, in English, German, French, Spanish and Chinese.
TELLING_NAMES = """
yes y true t positive pos + fraud fraudulent churn churned default defaulted attrition spam sick ill diseased disease
malignant death died dead failure failed fail faulty defect defective anomaly abnormal attack
ja wahr positiv betrug krank bösartig ausfall ausgefallen gekündigt kündigung abgewandert defekt gestorben
oui vrai positif positive fraude malade résilié résiliation parti défaut défaillant décédé
sí si verdadero positivo enfermo maligno impago fuga moroso fallo defectuoso fallecido
是 有 真 对 正 阳性 欺诈 流失 违约 患病 恶性 故障 异常 死亡 垃圾邮件
"""
TELLING = frozenset(TELLING_NAMES.split())
# 1 says so only beside these: among 1 and 2, both are codes.
ONE, BESIDE_ONE = "1", frozenset({"0", "-1"})
# A profile cuts longer labels.
MAX_LABEL = 200


def proposed(counts: Mapping[str, int]) -> str:
    """The positive class of two labels with their numbers of rows, given in the order of their codes.

    The one whose name says so; else the rarer one; the second of equals.
    """
    telling = [label for label in counts if _tells(label, counts)]
    if len(telling) == 1:
        return telling[0]
    return min(reversed(list(counts)), key=lambda label: counts[label])


def counts_in(profile: ColumnProfile) -> dict[str, int]:
    """The two labels of a column with their rows, in the order of their codes; {} if its profile lacks one."""
    levels = profile.levels
    if len(levels) != 2 or profile.n_distinct != 2 or max(len(each.value) for each in levels) >= MAX_LABEL:
        return {}
    is_number = all(_is_number(each.value) for each in levels)
    ordered = sorted(levels, key=lambda each: (float(each.value) if is_number else 0.0, each.value))
    return {each.value: each.count for each in ordered}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _tells(label: str, counts: Mapping[str, int]) -> bool:
    name = label.strip().casefold()
    if name == ONE:
        return any(other.strip() in BESIDE_ONE for other in counts)
    return name in TELLING


def label_of(value: Scalar) -> str:
    """The label that a caller gave, as the text of a class; "" for none. Raises InvalidTrainingRequest."""
    if value is not None and not isinstance(value, (str, int, float)):
        raise InvalidTrainingRequest(
            f"The positive class is {quoted(value)}; it has to be one label.", field="positive_class"
        )
    return canonical_text(value) or ""


def found_in(labels: Sequence[str], asked: str) -> int:
    """The place of the label that was asked for; case counts only where labels differ by it alone.

    Raises InvalidTrainingRequest.
    """
    if asked in labels:
        return list(labels).index(asked)
    alike = [place for place, label in enumerate(labels) if label.casefold() == asked.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise InvalidTrainingRequest(
        f"There is no class {quoted(asked)}. The positive class is one of {quoted_list(labels)}.",
        field="positive_class",
    )
