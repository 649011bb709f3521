# SPDX-License-Identifier: Apache-2.0
"""Just enough of the QEMU Machine Protocol: a command and its answer, and physical memory through it."""

import json
import os
import socket
import struct
import time


class Qmp:
    def __init__(self, path: str, seconds: float = 60):
        deadline = time.monotonic() + seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            try:
                self._socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._file.readline()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self._file)
        self._file.write("\n")
        self._file.flush()
        while True:
            line = self._file.readline()
            if not line:
                raise ConnectionError("QEMU closed its monitor")
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line: str, cpu: int) -> str:
        """What QEMU's own monitor answers, asked of one CPU."""
        return self.execute("human-monitor-command", **{"command-line": line, "cpu-index": cpu})

    def memory(self, address: int, size: int, scratch: str) -> bytes:
        """Host-physical memory of the machine; `scratch` is a file it may overwrite."""
        self.execute("pmemsave", val=address, size=size, filename=scratch)
        with open(scratch, "rb") as file:
            data = file.read()
        os.unlink(scratch)
        return data

    def words(self, address: int, count: int, scratch: str) -> list[int]:
        return list(struct.unpack(f"<{count}Q", self.memory(address, 8 * count, scratch)))

    def close(self) -> None:
        self._file.close()
        self._socket.close()
