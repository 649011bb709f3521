#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schemas in an editor: yaml-language-server, as editors run it, finds the schema by the comment in each shipped
file, has nothing against the file, completes and explains keys, and marks one that is misspelt."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 400
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "node"))
import tools  # noqa: E402


class Server:
    """The language server on standard input and output (Language Server Protocol 3.17, base protocol)."""

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number, self.marks = 0, {}
        self.ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {"textDocument": {"publishDiagnostics": {}}}})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": {"yaml": {"schemaStore": {"enable": False}}}})

    def send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method: str, params: dict) -> None:
        self.send({"method": method, "params": params})

    def next(self) -> dict:
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length == 0:
            raise EOFError("the language server ended")
        message = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.marks[message["params"]["uri"]] = [mark["message"] for mark in message["params"]["diagnostics"]]
        elif "method" in message and "id" in message:  # it asks for its settings
            items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            self.send({"id": message["id"], "result": None if items is None else [{} for _ in items]})
        return message

    def ask(self, method: str, params: dict) -> object:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.next()
            if message.get("id") == self.number and "method" not in message:
                return message.get("result")

    def marks_of(self, path: pathlib.Path, text: str) -> list[str]:
        """What it marks in `text`, as if that were in the file. Each text needs a file of its own: answers name the file only."""
        uri = path.as_uri()
        self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
        while uri not in self.marks:
            self.next()
        return self.marks[uri]

    def at(self, method: str, path: pathlib.Path, line: int, column: int) -> object:
        return self.ask(method, {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where npm packages are kept")
    options = parser.parse_args()
    if shutil.which("node") is None:
        tools.skip("there is no node (Debian: `nodejs`)")
    program = tools.modules(options.out.resolve(), "editor") / "yaml-language-server/bin/yaml-language-server"
    failed = []
    with tempfile.TemporaryDirectory(prefix="septum-editor-") as scratch:
        # An installation, whose `init` names the schema in what it writes.
        folder = pathlib.Path(scratch)
        (folder / "bin").mkdir()
        shutil.copy(options.septum.resolve(), folder / "bin/septum")
        shutil.copytree(ROOT / "config/schema", folder / "share/septum/schema")
        shutil.copytree(ROOT / "config/boards", folder / "share/septum/boards")
        for template in ("gateway-vault", "mixed-criticality", "linux"):
            subprocess.run([folder / "bin/septum", "init", folder / template, "--template", template, "--board", "qemu-q35"], check=True,
                           capture_output=True)
        files = sorted([*(ROOT / "config/examples").glob("*.yaml"), *(ROOT / "config/boards").glob("*.yaml"), *folder.glob("*/appliance.yaml")])
        server = Server(["timeout", str(SECONDS), "node", str(program), "--stdio"])
        for path in files:
            text = path.read_text()
            if marks := server.marks_of(path, text):
                failed.append(f"{path.name}: {marks}")
            key = "cpus" if "\npartitions:" in text else "memory"
            wrong = re.sub(rf"(?m)^( *){key}:", rf"\1x{key}:", text, count=1)
            marks = server.marks_of(path.with_name("misspelt-" + path.name), wrong)
            if not any(f"x{key} is not allowed" in mark for mark in marks):
                failed.append(f"{path.name}: `x{key}` is not marked: {marks}")
        gateway = ROOT / "config/examples/gateway.yaml"
        line = next(i for i, text in enumerate(gateway.read_text().splitlines()) if text.startswith("    cpus:"))
        labels = [item["label"] for item in (server.at("textDocument/completion", gateway, line, 4) or {}).get("items", [])]
        if not {"heartbeat", "largest-page", "devices"} <= set(labels):
            failed.append(f"completions of a partition's keys: {labels}")
        hover = json.dumps(server.at("textDocument/hover", gateway, line, 5))
        if "whole CPUs" not in hover:
            failed.append(f"what it says of `cpus`: {hover}")
        server.process.kill()
        server.process.wait()
    print("\n".join(failed) if failed else f"{len(files)} files as an editor sees them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
