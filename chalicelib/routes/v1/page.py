"""The description of the API as a page to read: one file, nothing loaded from anywhere."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

Json = dict[str, Any]
_DEEPEST = 8
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--go:#0a7;--do:#06c;--edit:#a60;--end:#c33}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:auto;padding:1rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:1rem 0}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;border-radius:6px;overflow-x:auto;margin:.5rem 0}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:baseline}
summary code{overflow-wrap:anywhere}
summary b{font:600 12px ui-monospace,monospace;min-width:4rem}
.get{color:var(--go)}.post{color:var(--do)}.patch{color:var(--edit)}.delete{color:var(--end)}
dt{font-family:ui-monospace,monospace;font-size:14px}dd{margin:0 0 .5rem 1rem}
h3{margin:.75rem 0 .25rem;font-size:1rem}
"""


def _schema_name(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _example(schema: Json, schemas: Json, depth: int = 0) -> Any:
    """A value as the schema describes it."""
    following = next((schema[k] for k in ("$ref", "anyOf") if k in schema), None)
    given = [*schema.get("examples", []), *schema.get("enum", [])[:1]]
    given += [schema[k] for k in ("const", "default") if schema.get(k) is not None]
    if given:
        return given[0]
    if isinstance(following, str):
        return _example(schemas[_schema_name(schema)], schemas, depth + 1)
    return _example(following[0], schemas, depth) if following else _plain(schema, schemas, depth + 1)


def _plain(schema: Json, schemas: Json, depth: int) -> Any:
    fields = schema.get("properties", {}) if depth < _DEEPEST else {}
    inner = schema.get("items") if depth < _DEEPEST else None
    text = "2026-11-22T12:00:00Z" if schema.get("format") == "date-time" else "…"
    values: Json = {
        "object": {name: _example(s, schemas, depth) for name, s in fields.items()},
        "array": [_example(inner, schemas, depth)] if inner else [],
        "string": text,
        "integer": schema.get("minimum", 0),
        "number": 0.0,
        "boolean": True,
    }
    return values.get(str(schema.get("type")))


def _block(title: str, schema: Json, schemas: Json) -> str:
    text = json.dumps(_example(schema, schemas), indent=2, ensure_ascii=False)
    about = schemas.get(_schema_name(schema), {}).get("description", "")
    return f"<h3>{escape(title)}</h3><p>{escape(about)}</p><pre>{escape(text)}</pre>"


def _one(method: str, path: str, op: Json, schemas: Json) -> str:
    parts = [f"<p>{escape(op['description'])}</p>"]
    if op["parameters"]:
        rows = "".join(
            f"<dt>{escape(p['name'])} <small>({p['in']})</small></dt><dd>{escape(p.get('description', ''))}</dd>"
            for p in op["parameters"]
        )
        parts.append(f"<h3>Parameters</h3><dl>{rows}</dl>")
    sent = op.get("requestBody", {}).get("content", {})
    parts += [_block("Send", media["schema"], schemas) for media in sent.values()]
    good = {status: r.get("content", {}) for status, r in op["responses"].items() if int(status) < 300}
    parts += [
        _block(f"Answer {status}", media["schema"], schemas) for status, c in good.items() for media in c.values()
    ]
    others = "".join(f"<dt>{status}</dt><dd>{escape(r['description'])}</dd>" for status, r in op["responses"].items())
    parts.append(f"<h3>Statuses</h3><dl>{others}</dl>")
    head = f'<b class="{method}">{method.upper()}</b><code>{escape(path)}</code><span>{escape(op["summary"])}</span>'
    return f'<details id="{escape(op["operationId"])}"><summary>{head}</summary>{"".join(parts)}</details>'


def _code(text: str) -> str:
    """What stands in backticks, as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def render(document: Json) -> str:
    """The page."""
    schemas = document["components"]["schemas"]
    info = document["info"]
    sections = []
    for tag in document["tags"]:
        found = [
            _one(method, path, op, schemas)
            for path, methods in document["paths"].items()
            for method, op in methods.items()
            if tag["name"] in op["tags"]
        ]
        head = f'<h2 id="{tag["name"]}">{tag["name"]}</h2><p>{escape(tag["description"])}</p>'
        sections.append(f"<section>{head}{''.join(found)}</section>")
    links = "".join(f'<a href="#{t["name"]}">{t["name"]}</a>' for t in document["tags"])
    about = "".join(f"<p>{_code(escape(p))}</p>" for p in info["description"].strip().split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])}: {escape(info['summary'])}</h1>{about}"
        "<p>Every call but the open ones needs <code>Authorization: Bearer &lt;token&gt;</code>. "
        '<a href="openapi.json">openapi.json</a> says the same to programs.</p>'
        f"<nav>{links}</nav>{''.join(sections)}</main></body></html>"
    )
