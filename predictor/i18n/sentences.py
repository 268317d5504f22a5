"""Finds in Python code the sentences and phrases for people that are not marked, as patterns.

`f"The column {quoted(name)} has {n:,} row{'s' if n > 1 else ''}."` is the pattern
“The column {name} has {n} row{s}.”: constant text, and placeholders named after what stands there. `{s}` is the ending
of an English plural, which other languages leave out. Where an expression chooses between texts, each is a pattern.
"""

from __future__ import annotations

import ast
import itertools
import re
import string
from collections.abc import Collection, Iterator
from pathlib import Path

# Text, or the expression of a placeholder.
Part = str | ast.expr
Parts = tuple[Part, ...]

# Names of operators, metrics for programs and words of other languages; the schema of the API is for programs.
SKIPPED = re.compile(
    r"predictor/(ml/onnx_export/.*|ml/persistence/.*audit.*|api/schema|api/metrics|services/operations/prometheus"
    r"|services/prediction_log/summar.*|models/idempotent_request|models/prediction_hour)\.py"
)
SINGLE_WORDS_THAT_ARE_NAMES = frozenset({
    "Accept", "Authorization", "Softmax", "Sub", "Reshape", "Mul", "Add", "Clip", "Sigmoid", "Max", "Exp", "Concat",
    "Div", "Floor", "Gather", "Sqrt", "Unsqueeze", "Relu", "Tanh", "Min", "Log", "Cast", "Neg", "Identity",
    "False", "True", "Content-Type", "Bearer", "Basic", "Host", "Connection", "Origin", "Parquet",
})  # fmt: skip
MOST_VARIANTS = 12
MOST_CHARACTERS = 900
# Calls whose arguments no person reads.
NOT_FOR_PEOPLE = re.compile(
    r"""logger\..*|logging\..*|warnings\..*|re\..*|ast\..*|.*\.execute|.*\.executemany|.*\.sql|.*\.startswith
    |.*\.endswith|.*\.split|.*\.rsplit|.*\.partition|.*\.rpartition|.*\.strip|.*\.encode|.*\.decode|.*\.replace
    |.*\.filter|.*\.exclude|.*\.annotate|.*\.only|.*\.defer|.*\.values|.*\.values_list|.*\.select_related|.*\.order_by
    |getattr|setattr|hasattr|isinstance|TypeVar|NewType|ParamSpec|open|.*\.open|path|re_path|include|Q|F|Func
    |RuntimeError|AssertionError|NotImplementedError|TypeError|KeyError|AttributeError|LookupError|StopIteration|warn
    |.*\.sub|.*\.removeprefix|.*\.removesuffix|.*\.mogrify|RawSQL|namedtuple|field_named|OpenApiExample|Index
    |.*Constraint|deque|literal|identifier|CASE|.*\.strftime|.*\.strptime|gettext|gettext_lazy|_|ngettext|ngettext_lazy
    |pgettext|pgettext_lazy|npgettext|npgettext_lazy|import_module|environ\..*|os\..*|.*\.getenv|TemplateResponse|render
    |ForeignKey|.*\.aggregate|.*\.raw|.*\.extra|reverse|resolve_url|redirect|extend_schema.*|inline_serializer|Trim
    |OpenApiResponse|OpenApiParameter|json\.loads|dumps|loads|.*\.find|.*\.index|.*\.count|.*\.isoformat|fromisoformat
    |Histogram|Counter|Gauge|_metric|.*\.add_argument_group_name|ContextVar|Thread|.*\.getLogger|gettext_noop""",
    re.VERBOSE,
)
FIELDS_NOT_FOR_PEOPLE = frozenset({
    "name", "id", "code", "kind", "key", "slug", "field_name", "source", "template_name", "action", "dest", "type",
    "content_type", "media_type", "pattern", "operation_id", "tags", "url", "path", "related_name", "db_column", "sql",
    "ordering", "indexes", "constraints", "to_field", "regex", "default", "examples", "example", "target", "version",
    "encoding", "delimiter", "unit", "headers", "mode", "dtype", "method", "format", "filename", "description",
    "prog", "metavar", "choices_names", "class", "app_label", "verbose_name_key", "component_name",
})  # fmt: skip
WORD = re.compile(r"[^\W\d_]{2,}")
NOT_A_SENTENCE = re.compile(
    r"""^(SELECT|CREATE|INSERT|UPDATE|DELETE|PRAGMA|WITH|FROM|WHERE|COPY|ALTER|DROP|BEGIN|ATTACH|SET|ORDER|GROUP)\b
    |\bSELECT\b|\bCASE\ WHEN\b|\bFROM\b|\bAS\ VARCHAR\b|\bIS\ (NOT\ )?NULL\b|\bOVER\ \(|\bLIKE\b|\bWHERE\b|COALESCE
    |\\[dswb(]|\(\?[:P!=<]|^[\w-]+/[\w.+*-]+(;.*)?$|^[a-z0-9_./:#?=&%-]+$|^\s*[<{\[]|^(def|class|import|from)\s
    |^urn:|^https?://\S+$|^-{1,2}\w|application/|^\#|\b(AND|OR)\b|=\ ?\$|::
    |\b(CAST|TRY_CAST|DOUBLE|VARCHAR|BIGINT|TIMESTAMP|THEN|ELSE)\b
    |read_parquet|(coalesce|contains|lower|trim|regexp_\w+|max|sum)\(|redis\.|filename=|^log\.
    |error="|file_row|use\ strict|realm=|☠
    |^[a-zäéûíñ\ +]+\ [a-zäéûíñ\ +]{45,}$""",
    re.VERBOSE,
)
# Helpers that put a number before a noun: which argument is the noun.
COUNTING = {"counted": 1, "_plural": 0, "plural": 0}
PASSED_THROUGH = frozenset({
    "quoted", "quoted_list", "str", "repr", "abs", "round", "sorted", "min", "max", "list", "set", "int", "float",
    "tuple", "format", "map", "join", "lower", "upper", "title", "capitalize", "strip", "sum", "number", "escape",
    "shown",
    "mark_safe", "enumerate", "cell_text", "value_text", "label_text", "get", "canonical_text", "json_text",
})  # fmt: skip


def patterns_of(path: Path) -> Iterator[str]:
    """The patterns of a file, in their order; some may come twice."""
    if SKIPPED.search(path.as_posix()):
        return
    is_schema = "/api/" in path.as_posix()
    yield from Finder({"help_text"} if is_schema else ()).found_in(ast.parse(path.read_text("utf-8")))


class Finder:
    def __init__(self, skipped: Collection[str] = ()) -> None:
        self._patterns: list[str] = []
        self._skipped = FIELDS_NOT_FOR_PEOPLE.union(skipped)

    def found_in(self, tree: ast.AST) -> list[str]:
        self._visit(tree, False)
        return self._patterns

    def _visit(self, node: ast.AST, is_choice: bool) -> None:  # noqa: PLR0912 - one case for each kind of node
        """`is_choice`: the node is what an expression of a sentence chooses: a single word is a phrase, too."""
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                if self._take(node, is_choice) or not isinstance(node, ast.BinOp):
                    return
            case (
                ast.Expr(value=ast.Constant())
                | ast.Compare()
                | ast.Assert()
                | ast.Import()
                | ast.ImportFrom()
            ):
                return
            case ast.Call():
                self._call(node)
                return
            case ast.Subscript():
                self._visit(node.value, False)
                if isinstance(node.slice, ast.IfExp | ast.Call):
                    self._visit(node.slice, False)
                return
            case ast.Dict():
                for value in node.values:
                    self._visit(value, False)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for child in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
                    self._visit(child, False)
                return
            case ast.AnnAssign():
                if node.value is not None:
                    self._visit(node.value, False)
                return
            case ast.ClassDef():
                for child in (*node.keywords, *node.decorator_list, *node.body):
                    self._visit(child, False)
                return
            case ast.MatchValue():
                return
        for child in ast.iter_child_nodes(node):
            self._visit(child, False)

    def _call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if name in COUNTING and not isinstance(node.func, ast.Attribute):
            self._take(node, True)
            return
        if isinstance(node.func, ast.Attribute):
            self._visit(node.func.value, False)
        if NOT_FOR_PEOPLE.fullmatch(name.rpartition("self.")[2]):
            return
        for argument in node.args:
            self._visit(argument, False)
        for keyword in node.keywords:
            if keyword.arg not in self._skipped:
                self._visit(keyword.value, False)

    def _take(self, node: ast.expr, is_choice: bool) -> bool:
        """Add the patterns of one expression; whether it was a text."""
        variants = list(itertools.islice(_variants(node), MOST_VARIANTS))
        if not any(isinstance(part, str) for parts in variants for part in parts):
            return False
        is_plain = isinstance(node, ast.Constant)
        is_any = False
        for parts in variants:
            pattern = _pattern(parts, is_plain)
            if is_sentence(pattern, is_choice):
                self._patterns.append(pattern)
                is_any = True
        for expression in _expressions(node):
            self._visit(expression, is_any)
        return True


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    """What stands in the placeholders: phrases may be chosen or made there."""
    match node:
        case ast.JoinedStr():
            for value in node.values:
                if isinstance(value, ast.FormattedValue):
                    yield from _expressions(value.value)
        case ast.BinOp(op=ast.Add()):
            yield from _expressions(node.left)
            yield from _expressions(node.right)
        case ast.IfExp():
            yield from _expressions(node.body)
            yield from _expressions(node.orelse)
        case ast.Constant():
            return
        case ast.Call() if ast.unparse(node.func) in COUNTING:
            return
        case _:
            yield node


def _variants(node: ast.expr) -> Iterator[Parts]:
    """What the expression can be, as texts and placeholders."""
    match node:
        case ast.Constant(value=str() as text):
            yield (text,)
        case ast.JoinedStr():
            choices = [list(_variants(value)) for value in node.values]
            for chosen in itertools.product(*choices):
                yield tuple(part for parts in chosen for part in parts)
        case ast.FormattedValue():
            yield from _variants(node.value)
        case ast.BinOp(left=left, right=right) if _is_number(left) or _is_number(right):
            yield (node,)
        case ast.BinOp(op=ast.Add()):
            for left, right in itertools.product(list(_variants(node.left)), list(_variants(node.right))):
                yield (*left, *right)
        case ast.IfExp() if _is_ending(node):
            yield (ast.Name("s"),)
        case ast.IfExp() if _is_text(node.body) or _is_text(node.orelse):
            yield from _variants(node.body)
            yield from _variants(node.orelse)
        case ast.Call() if ast.unparse(node.func) in COUNTING:
            position = COUNTING[ast.unparse(node.func)]
            noun = node.args[position]
            words = list(_variants(noun))
            for each in words:
                number: Parts = (node.args[0], " ") if position else ()
                yield (*number, *each, ast.Name("s"))
        case _:
            yield (node,)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _is_ending(node: ast.IfExp) -> bool:
    """`"s" if n > 1 else ""`."""
    ends = {each.value for each in (node.body, node.orelse) if isinstance(each, ast.Constant)}
    return ends in ({"s", ""}, {"es", ""})


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.IfExp():
            return _is_text(node.body) or _is_text(node.orelse)
    return False


def _pattern(parts: Parts, is_plain: bool) -> str:
    written = ""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, str):
            is_template = is_plain and _is_template(part)
            written += _with_names(part) if is_template else part.replace("{", "{{").replace("}", "}}")
            continue
        base = name = name_of(part)
        number = itertools.count(2)
        while name in names:
            name = f"{base}_{next(number)}"
        names.add(name)
        written += f"{{{name}}}"
    return written.strip()


def _is_template(text: str) -> bool:
    """Whether a plain text has the named placeholders of `str.format`."""
    try:
        fields = [each for _, each, _, _ in string.Formatter().parse(text) if each is not None]
    except ValueError:
        return False
    return bool(fields) and all(each.isidentifier() or each == "" for each in fields)


def _with_names(text: str) -> str:
    """The pattern of a text for `str.format`: without specifications, and each placeholder has a name."""
    written, numbers = "", itertools.count(1)
    for literal, name, _, _ in string.Formatter().parse(text):
        written += literal.replace("{", "{{").replace("}", "}}")
        if name is not None:
            written += f"{{{name or f'value_{next(numbers)}'}}}"
    return written


def name_of(node: ast.expr) -> str:
    """The name of a placeholder: what the expression is about."""
    name = _name_of(node).strip("_").lower()
    return name if name.isidentifier() and not name.startswith("{") else "value"


def _name_of(node: ast.expr) -> str:  # noqa: PLR0912 - one case for each kind of node
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Call(func=function, args=arguments):
            called = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
            if called == "len" and arguments:
                return f"n_{_name_of(arguments[0]).strip('_')}"
            if called in PASSED_THROUGH and arguments:
                return _name_of(arguments[-1 if called == "map" else 0])
            if called in PASSED_THROUGH and isinstance(function, ast.Attribute):
                return _name_of(function.value)
            return called
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            return key if key.isidentifier() else "value"
        case ast.Subscript(value=value):
            return _name_of(value)
        case ast.IfExp(body=body, orelse=other):
            return _name_of(other if isinstance(body, ast.Constant) else body)
        case ast.BinOp(left=left, right=right):
            return _name_of(right if isinstance(left, ast.Constant) else left)
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            return _name_of(element)
        case ast.JoinedStr(values=values):
            return next(
                (_name_of(each.value) for each in values if isinstance(each, ast.FormattedValue)), "value"
            )
        case ast.BoolOp(values=[first, *_]) | ast.UnaryOp(operand=first) | ast.Starred(value=first):
            return _name_of(first)
        case ast.NamedExpr(target=target):
            return target.id
        case ast.Await(value=value):
            return _name_of(value)
    return "value"


def literals_of(pattern: str) -> list[str]:
    """The constant texts of a pattern, one more than it has placeholders."""
    literals, rest = [], ""
    for literal, name, _, _ in string.Formatter().parse(pattern):
        rest += literal
        if name is not None:
            literals.append(rest)
            rest = ""
    return [*literals, rest]


def names_of(pattern: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]


def is_sentence(pattern: str, is_choice: bool = False) -> bool:
    """Whether a text is for people: words with spaces between, and no code, SQL, path or type of content."""
    if not pattern or len(pattern) > MOST_CHARACTERS:
        return False
    try:
        literals = literals_of(pattern)
    except ValueError:
        return False
    words = [word for literal in literals for word in WORD.findall(literal)]
    if not words or NOT_A_SENTENCE.search("…".join(literals)):
        return False
    has_space = any(" " in literal for literal in literals)
    if not has_space:
        if pattern in SINGLE_WORDS_THAT_ARE_NAMES:
            return False
        return is_choice or bool(len(literals) == 1 and re.fullmatch(r"[A-Z][a-z]{2,}\.?", pattern))
    return any(word.islower() for word in words) or pattern[0].isupper()
