# SPDX-License-Identifier: Apache-2.0
"""Just enough of the GDB remote protocol to take hold of one CPU and put something else into its registers, and to read and write
the machine's memory and registers in memory, by their physical addresses."""

import socket
import struct
import time

REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip")


class Gdb:
    """Connecting stops every CPU; `resume` lets them run again."""

    def __init__(self, path: str, seconds: float = 60):
        deadline = time.monotonic() + seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(300)
        while True:
            try:
                self._socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self._pending = b""

    def _byte(self) -> bytes:
        if not self._pending:
            self._pending = self._socket.recv(4096)
            if not self._pending:
                raise ConnectionError("QEMU closed the debugger's connection")
        first, self._pending = self._pending[:1], self._pending[1:]
        return first

    def _receive(self) -> str:
        while self._byte() != b"$":
            pass
        text = b""
        while (byte := self._byte()) != b"#":
            text += byte
        self._byte(), self._byte()
        self._socket.sendall(b"+")
        return text.decode("ascii")

    def _send(self, text: str) -> None:
        raw = text.encode("ascii")
        self._socket.sendall(b"$" + raw + b"#%02x" % (sum(raw) & 0xFF))

    def ask(self, text: str) -> str:
        self._send(text)
        return self._receive()

    def choose(self, cpu: int) -> None:
        """The CPU that the following is about, counted from 0 as QEMU does."""
        if self.ask(f"Hg{cpu + 1:x}") != "OK":
            raise RuntimeError(f"QEMU has no CPU {cpu}")

    def register(self, name: str) -> int:
        raw = bytes.fromhex(self.ask(f"p{REGISTERS.index(name):x}"))
        return struct.unpack("<Q", raw)[0]

    def set_register(self, name: str, value: int) -> None:
        if self.ask(f"P{REGISTERS.index(name):x}={struct.pack('<Q', value).hex()}") != "OK":
            raise RuntimeError(f"QEMU does not set {name}")

    def physical(self) -> None:
        """From now on addresses are physical; writes reach devices, too, as a CPU's would."""
        if self.ask("Qqemu.PhyMemMode:1") != "OK":
            raise RuntimeError("QEMU does not take physical addresses")

    def read(self, address: int, size: int) -> int:
        raw = self.ask(f"m{address:x},{size:x}")
        if len(raw) != 2 * size:
            raise RuntimeError(f"QEMU does not read {size} bytes at {address:#x}: {raw}")
        return int.from_bytes(bytes.fromhex(raw), "little")

    def write(self, address: int, value: int, size: int) -> None:
        if self.ask(f"M{address:x},{size:x}:{value.to_bytes(size, 'little').hex()}") != "OK":
            raise RuntimeError(f"QEMU does not write {size} bytes at {address:#x}")

    def stop_at(self, address: int) -> None:
        """Waits until some CPU comes to this instruction; that one is chosen."""
        if self.ask(f"Z1,{address:x},1") != "OK":
            raise RuntimeError("QEMU sets no breakpoint")
        stopped = self.ask("c")
        if not stopped.startswith("T"):
            raise RuntimeError(f"the machine stopped with {stopped}")
        for field in stopped[3:].split(";"):
            if field.startswith("thread:"):
                thread = field.removeprefix("thread:").split(".")[-1]
                self.ask(f"Hg{thread}")
        self.ask(f"z1,{address:x},1")

    def resume(self) -> None:
        """Lets the machine run, and goes."""
        self._send("D")
        self._socket.close()
