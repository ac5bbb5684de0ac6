"""DynamoDB's typed values (its documentation, 'Data type descriptors') from and to those of JSON."""

from __future__ import annotations

from typing import Any


def to_dynamo(value: Any) -> dict[str, Any]:
    """A JSON value with its type.

    Raises:
        TypeError: it is none.
        ValueError: it is a number that is not one, or infinite.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": _number(value)}
    if isinstance(value, dict):
        return {"M": {str(k): to_dynamo(v) for k, v in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_dynamo(v) for v in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _number(value: float) -> str:
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        raise ValueError("a number must be finite")
    return text


def from_dynamo(typed: dict[str, Any]) -> Any:
    """What `to_dynamo` was given. A number that is whole comes back as an integer, as DynamoDB keeps no difference.

    Raises:
        ValueError: it has a type that this product does not write.
    """
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "NULL":
            return None
        case "N":
            return _from_number(str(value))
        case "M":
            return {k: from_dynamo(v) for k, v in value.items()}
        case "L":
            return [from_dynamo(v) for v in value]
        case _:
            raise ValueError(f"values of type {kind} are not ours")


def _from_number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number
