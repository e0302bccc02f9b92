"""A camera that speaks RTSP (RFC 2326) over one TCP connection, with H.264 in RTP (RFC 6184), at times of its own."""

import contextlib
import socket
import struct
import threading
import time
from fractions import Fraction

import numpy as np

SIZE = (32, 192)  # (height, width)
FPS = 40
BITS = 12
SDP = (
    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n'
    'a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track\r\n'
)


def number_of(image: np.ndarray) -> int:
    """The number of the frame that an image shows."""
    bars = image.mean((0, 2)).reshape(BITS, -1).mean(1) > 127
    return int(bars @ (1 << np.arange(BITS)))


class RtspCamera:
    """Shows the number of each frame as twelve bars, black or white, the lowest bit first."""

    def __init__(self) -> None:
        self.begin, self.port, self._listening, self._open = time.monotonic(), 0, None, []

    @property
    def address(self) -> str:
        return f'rtsp://user:secret@127.0.0.1:{self.port}/camera'

    def start(self):
        self._listening = socket.create_server(('127.0.0.1', self.port), backlog=4)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()
        return self

    def stop(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open = []

    def _accept(self, listening):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError, ValueError):
            file = connection.makefile('rb')
            while True:
                method = file.readline().split(b' ')[0]
                fields = {}
                while (line := file.readline().strip()) or not method:
                    name, _, value = line.partition(b':')
                    fields[name.lower()] = value.strip().decode()
                answer = {'CSeq': fields[b'cseq'], 'Session': '1'}
                if method == b'OPTIONS':
                    answer['Public'] = 'DESCRIBE, SETUP, PLAY, TEARDOWN'
                elif method == b'SETUP':
                    answer['Transport'] = 'RTP/AVP/TCP;unicast;interleaved=0-1'
                body = SDP if method == b'DESCRIBE' else ''
                if body:
                    answer |= {'Content-Type': 'application/sdp', 'Content-Length': len(body)}
                head = ''.join(f'{name}: {value}\r\n' for name, value in answer.items())
                connection.sendall(f'RTSP/1.0 200 OK\r\n{head}\r\n{body}'.encode())
                if method == b'TEARDOWN':
                    return None
                if method == b'PLAY':
                    return self._play(connection)

    def _play(self, connection):
        import av

        encoder = av.CodecContext.create('libx264', 'w')
        encoder.width, encoder.height, encoder.pix_fmt = SIZE[1], SIZE[0], 'yuv420p'
        encoder.framerate, encoder.time_base = FPS, Fraction(1, FPS)
        encoder.options = {'tune': 'zerolatency', 'preset': 'ultrafast', 'g': '5'}
        sequence = 0
        while True:
            number = int((time.monotonic() - self.begin) * FPS) + 1
            time.sleep(max(self.begin + number / FPS - time.monotonic(), 0))
            bars = (number >> np.arange(BITS) & 1).repeat(SIZE[1] // BITS) * 255
            image = np.broadcast_to(bars[None, :, None], (*SIZE, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            for packet in encoder.encode(frame):
                units = [unit.rstrip(b'\0') for unit in bytes(packet).split(b'\0\0\1') if unit.strip(b'\0')]
                for unit in units:  # Annex B -> one packet each
                    last = 0x80 if unit is units[-1] else 0
                    head = struct.pack('>BBHII', 0x80, last | 96, sequence % 65536, number * 90000 // FPS, 7)
                    connection.sendall(struct.pack('>cBH', b'$', 0, 12 + len(unit)) + head + unit)
                    sequence += 1
