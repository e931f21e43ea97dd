"""A proxy between a store and its server, which cuts the line at a chosen moment."""

import contextlib
import socket
import threading


class Proxy:
    """Listens at `port`. Every cut is one cut; whoever connects again is served again."""

    def __init__(self, host, port):
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lines = set()
        self._mute = set()
        self._cut = None
        self._shut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_before(self, words):
        """When the client next says these words: the server does not hear them."""
        self._cut = (words, False)

    def cut_after(self, words):
        """When the client next says these words: the server hears them, and the client not the answer."""
        self._cut = (words, True)

    @property
    def waits_for(self):
        """The words that were not said."""
        return self._cut and self._cut[0]

    def shut(self):
        """Cut all lines, and every one that is opened until `reopen`."""
        self._shut = True
        for line in [*self._lines]:
            _end(*line)

    def reopen(self):
        self._shut = False

    def close(self):
        self.shut()
        _end(self._listener)

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                if self._shut:
                    _end(client)
                    continue
                line = (client, socket.create_connection(self._server))
                self._lines.add(line)
                for run in (self._listen, self._answer):
                    threading.Thread(target=run, args=line, daemon=True).start()

    def _listen(self, client, server):
        with contextlib.suppress(OSError):
            while said := client.recv(65536):
                if self._cut is None or self._cut[0] not in said:
                    server.sendall(said)
                    continue
                (_, heard), self._cut = self._cut, None
                if heard:
                    self._mute.add(client)
                    server.sendall(said)
                break
            server.shutdown(socket.SHUT_WR)  # it closes its side when it has done what it has heard

    def _answer(self, client, server):
        with contextlib.suppress(OSError):
            while answer := server.recv(65536):
                if client not in self._mute:
                    client.sendall(answer)
        self._lines.discard((client, server))
        _end(client, server)


def _end(*sockets):
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
