"""A file read front to back, some of it at a time: the bytes of a pickle, which the reader looks at one by one."""

from typing import BinaryIO

STEP = 2**18  # bytes that are read at a time
LARGE = 2**12  # reads that are compared with the bytes that are left


class ByteWindow:
    """Reads ``file`` from where it stands; ``data[at:]`` are the next bytes.

    Args:
        file: The file; where it can seek, :meth:`close` leaves it behind the last byte used.
        size: Position of its end.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self._size = file, size
        self._start = file.tell()  # of data
        self.data, self.at = b'', 0

    def tell(self) -> int:
        """Position of the next byte in the file."""
        return self._start + self.at

    def fill(self) -> bool:
        """Read on; whether there was anything."""
        more = self.file.read(STEP)
        self._start += self.at
        self.data, self.at = self.data[self.at :] + more, 0
        return bool(more)

    def move(self, position: int) -> None:
        """Go on reading at ``position`` of the file."""
        self.file.seek(position)
        self._start, self.data, self.at = position, b'', 0

    def close(self) -> None:
        """Give back the bytes that were read and not used."""
        if self.at < len(self.data) and self.file.seekable():
            self.move(self.tell())

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes.

        Raises:
            EOFError: If there are fewer.
        """
        at = self.at
        data = self.data[at : at + count]
        if len(data) == count:
            self.at = at + count
            return data
        if count > LARGE and count > self._size - self.tell():
            raise EOFError(f'it ends before the {count} bytes that it announces')
        if count > STEP:
            data += self.file.read(count - len(data))
            self._start += at + len(data)
            self.data, self.at = b'', 0
        else:
            while len(self.data) - self.at < count and self.fill():
                pass
            data = self.data[self.at : self.at + count]
            self.at += len(data)
        if len(data) != count:
            raise EOFError('it ends before its content does')
        return data

    def readline(self) -> bytes:
        """A line, to its end.

        Raises:
            EOFError: If it has none.
        """
        searched = self.at
        while (found := self.data.find(b'\n', searched)) < 0:
            searched = len(self.data) - self.at
            if not self.fill():
                raise EOFError('a line without an end')
        return self.read(found + 1 - self.at)
