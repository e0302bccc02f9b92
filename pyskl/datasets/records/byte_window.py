"""Buffered reading of a pickle's bytes from front to back."""

from typing import BinaryIO

STEP = 2**18  # bytes per read
LARGE = 2**12  # bytes; longer reads are first compared with the remaining bytes


class ByteWindow:
    """Buffer for reading ``file`` from its current position; ``data[at:]`` are the next bytes.

    Args:
        file: The file; if it is seekable, :meth:`close` positions it after the last byte used.
        size: Position of its end.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self._size = file, size
        self._start = file.tell()  # position of data
        self.data, self.at = b'', 0

    def tell(self) -> int:
        """Position of the next byte in the file."""
        return self._start + self.at

    def fill(self) -> bool:
        """Read the next bytes; return whether there were any."""
        more = self.file.read(STEP)
        self._start += self.at
        self.data, self.at = self.data[self.at :] + more, 0
        return bool(more)

    def move(self, position: int) -> None:
        """Continue reading at ``position`` of the file."""
        self.file.seek(position)
        self._start, self.data, self.at = position, b'', 0

    def close(self) -> None:
        """Unread the bytes that were not used."""
        if self.at < len(self.data) and self.file.seekable():
            self.move(self.tell())

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises:
            EOFError: If there are fewer.
        """
        at = self.at
        data = self.data[at : at + count]
        if len(data) == count:
            self.at = at + count
            return data
        if count > LARGE and count > self._size - self.tell():
            raise EOFError(f'unexpected end of file: {count} bytes were announced')
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
            raise EOFError('unexpected end of file')
        return data

    def readline(self) -> bytes:
        """Return the next line, including its end.

        Raises:
            EOFError: If the file ends within the line.
        """
        searched = self.at
        while (found := self.data.find(b'\n', searched)) < 0:
            searched = len(self.data) - self.at
            if not self.fill():
                raise EOFError('unexpected end of file within a line')
        return self.read(found + 1 - self.at)
