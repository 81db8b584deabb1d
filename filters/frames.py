"""Messages between a parent and its child: four bytes of length, then the content."""

import socket
import struct

MAX_FRAME_BYTES = 256 << 20  # far above what an answer can hold

_LENGTH = struct.Struct(">I")


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message."""
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket) -> bytes | None:
    """Return the next message, or None where there is no whole one."""
    head = _receive_bytes(connection, _LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (num_bytes,) = _LENGTH.unpack(head)
    if num_bytes > MAX_FRAME_BYTES:
        return None
    message = _receive_bytes(connection, num_bytes)
    return bytes(message) if len(message) == num_bytes else None


def _receive_bytes(connection: socket.socket, num_bytes: int) -> bytearray:
    """Return so many bytes, or fewer if the other side closes."""
    received = bytearray()
    while len(received) < num_bytes:
        part = connection.recv(min(num_bytes - len(received), 1 << 20))
        if not part:
            break
        received += part
    return received
