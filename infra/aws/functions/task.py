"""The first program of a task, in AWS's own image of Lambda's Python: the finisher's function without its limits.

It fetches the code, the layers and the environment that the function has at this moment, so that both are always of
one deployment and no image has to be built, and becomes `chalicelib.entries.finish`.
"""

import io
import os
import sys
import urllib.request
import zipfile
from pathlib import Path

sys.path.append("/var/runtime")  # where the image has AWS's SDK
import boto3

PLACE = Path(os.environ.get("TASK_FOLDER", "/tmp/task"))  # noqa: S108 -- the task is alone in its container


def unpack(url: str) -> None:
    """Fetch an archive by AWS's own link, and lay out what is in it with its modes."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    archive.extractall(PLACE)
    for info in archive.infolist():
        if mode := info.external_attr >> 16:
            (PLACE / info.filename).chmod(mode)


client = boto3.client("lambda")
function = client.get_function(FunctionName=os.environ["TASK_FUNCTION"])
unpack(function["Code"]["Location"])
for layer in function["Configuration"].get("Layers", []):
    name, version = layer["Arn"].split(":")[-2:]
    unpack(client.get_layer_version(LayerName=name, VersionNumber=int(version))["Content"]["Location"])
environment = {**function["Configuration"]["Environment"]["Variables"], **os.environ}
environment.pop("SLUICE_TASK_SUBNETS", None)  # it hands nothing on
environment["PYTHONPATH"] = f"{PLACE}:{PLACE}/python"
os.chdir(PLACE)
os.execve(sys.executable, [sys.executable, "-m", "chalicelib.entries.finish"], environment)  # noqa: S606
