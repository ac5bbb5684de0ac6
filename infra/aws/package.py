"""Turns the checkout into a template and a zip, with Chalice.

Chalice is given a copy that holds app.py, chalicelib and the libraries, and nothing else: the agent and this package
can't slip in, and the checkout stays clean.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from edge.web.front.handlers import CONSOLE_POLICY, PAGES_POLICY
from edge.web.front.paths import PAGES_OF_OTHER_NAMES
from infra.aws.compiled import compile_tree, repack
from infra.aws.layer import ensure_layer
from infra.aws.policies import roles
from infra.aws.stream import filter_criteria
from infra.aws.vendor import Target, ensure_vendor
from infra.aws.watch import watch
from infra.errors import InfraError
from infra.paths import ROOT, tool

TEMPLATE = ROOT / "infra" / "aws" / "template.yaml"
ORIGIN = ROOT / "infra" / "aws" / "origin.yaml"
TASKS = ROOT / "infra" / "aws" / "tasks.yaml"
DATA_TEMPLATE = ROOT / "infra" / "aws" / "data.yaml"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms, which JSON hasn't got."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def _read(path: Path) -> dict[str, Any]:
    """A template as JSON would have it. No YAML tag makes an object: what begins with `!` is CloudFormation's."""
    loader = _Loader(path.read_text())
    try:
        content: dict[str, Any] = loader.get_single_data()
    finally:
        loader.dispose()
    return content


def merge_template(target: Target) -> dict[str, Any]:
    """What is laid over Chalice's own template: template.yaml and the generated roles."""
    template = _read(TEMPLATE)
    template["Resources"] |= roles()
    for part in (_origin(), _tasks(target), watch(_functions(template["Resources"]))):
        for section, content in part.items():
            template[section] |= content
    source = template["Resources"]["OnTable"]["Properties"]["Events"]["OnTableDynamodbEventSource"]
    source["Properties"]["FilterCriteria"] = filter_criteria()
    template["Globals"]["Function"] |= {"Runtime": f"python{target.python}", "Architectures": [target.architecture]}
    architecture = {"CompatibleArchitectures": [target.architecture]}
    template["Resources"]["Ffmpeg"]["Properties"] |= architecture
    return template


def _origin() -> dict[str, Any]:
    """The one origin: origin.yaml, with the functions' code and the pages' policies where it names them."""
    origin = _read(ORIGIN)
    for resource in origin["Resources"].values():
        if resource["Type"] == "AWS::CloudFront::Function":
            body = (ORIGIN.parent / resource["Properties"]["FunctionCode"]).read_text()
            resource["Properties"]["FunctionCode"] = body.replace("__OTHER_NAMES__", json.dumps(PAGES_OF_OTHER_NAMES))
    for name, policy in (("ConsoleHeaders", CONSOLE_POLICY), ("PagesHeaders", PAGES_POLICY)):
        headers = origin["Resources"][name]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        headers["ContentSecurityPolicy"]["ContentSecurityPolicy"] = policy
    return origin


def _functions(resources: dict[str, Any]) -> dict[str, str]:
    """The functions' resources, and the last part of each one's name."""
    named = {name: r.get("Properties", {}).get("FunctionName") for name, r in resources.items()}
    return {name: said["Fn::Sub"].removeprefix("sluice-${Stage}-") for name, said in named.items() if said}


def _tasks(target: Target) -> dict[str, Any]:
    """The tasks of Fargate: tasks.yaml, with the program that they start with."""
    tasks = _read(TASKS)
    definition = tasks["Resources"]["FinishTask"]["Properties"]
    definition["RuntimePlatform"]["CpuArchitecture"] = target.architecture.upper()
    (container,) = definition["ContainerDefinitions"]
    container["Command"] = [(TASKS.parent / container["Command"][0]).read_text()]
    container["Image"]["Fn::If"][2] = f"public.ecr.aws/lambda/python:{target.python}-{target.architecture}"
    return tasks


def data_template() -> dict[str, Any]:
    """The stack of what outlives the functions: data.yaml."""
    return _read(DATA_TEMPLATE)


def _ignored(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or name.endswith(".pyc")}


def stage_project(folder: Path, target: Target, source: Path = ROOT) -> None:
    """Lay out in `folder` what Chalice shall package: the application of `source` with its libraries as `vendor`."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".chalice").mkdir(parents=True)
    shutil.copy2(source / "app.py", folder)
    if (source / "chalicelib").is_dir():
        shutil.copytree(source / "chalicelib", folder / "chalicelib", ignore=_ignored)
    compile_tree(folder / "chalicelib")
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    config["lambda_architecture"] = target.architecture
    (folder / ".chalice" / "config.json").write_text(json.dumps(config))
    # An empty list keeps Chalice from asking the index: the libraries come as `vendor`, which it copies as it is.
    (folder / "requirements.txt").write_text("")
    (folder / "vendor").symlink_to(ensure_vendor(target), target_is_directory=True)


def package(stage: str, target: Target, folder: Path, source: Path = ROOT) -> Path:
    """Package into `folder`; returns the SAM template, beside which lies `deployment.zip`."""
    project, out, merge = folder / "project", folder / "out", folder / "merge.json"
    shutil.rmtree(out, ignore_errors=True)
    stage_project(project, target, source)
    merge.write_text(json.dumps(merge_template(target), indent=1))
    argv = [tool("chalice"), "--project-dir", str(project), "package", "--stage", stage]
    argv += ["--template-format", "json", "--merge-template", str(merge), str(out)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise InfraError(f"Chalice could not package the application:\n{(done.stdout + done.stderr).strip()[-4000:]}")
    repack(out / "deployment.zip")
    (out / "ffmpeg.zip").symlink_to(ensure_layer(target))
    return out / "sam.json"
