"""A proxy between a store and its server, which cuts the line at a chosen moment."""

import contextlib
import socket
import threading
from enum import Enum

_LATEST = 0.05
"""Seconds that words are late at most, where nobody else says anything."""


class How(Enum):
    """What becomes of the words at which a line is cut."""

    UNHEARD = "the server does not hear them"
    HEARD = "the server hears them, and when it has done what they say, the client hears that the line is gone"
    LATE = "the client hears that the line is gone, says more on other ones, and then the server hears them"


class Once:
    """A plan of one cut. Any plan has `how` and `answered`, and if it knows `How.LATE`, `lateness`."""

    def __init__(self, words, how):
        self.waits_for = words
        self._how = how

    def how(self, said):
        """How to cut the line at what the client says; None to pass it on."""
        if self.waits_for is None or self.waits_for not in said:
            return None
        self.waits_for = None
        return self._how

    def answered(self, answer):
        """What the server said to words that it heard."""


class Proxy:
    """Listens at `port`. Every cut is one cut; whoever connects again is served again."""

    def __init__(self, host, port):
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lines = set()
        self._mute = set()
        self._plan = None
        self._shut = False
        self._said = 0
        self._somebody_spoke = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_before(self, words):
        """When the client next says these words: the server does not hear them."""
        self.follow(Once(words, How.UNHEARD))

    def cut_after(self, words):
        """When the client next says these words: the server hears them, and the client not the answer."""
        self.follow(Once(words, How.HEARD))

    def follow(self, plan):
        """Cut as it says from here on."""
        self._plan = plan

    @property
    def waits_for(self):
        """The words that were not said."""
        return self._plan and self._plan.waits_for

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
                with self._somebody_spoke:
                    self._said += 1
                    self._somebody_spoke.notify_all()
                how = self._plan and self._plan.how(said)
                if how is None:
                    server.sendall(said)
                    continue
                if how is not How.UNHEARD:
                    self._mute.add(client)
                    if how is How.LATE:
                        _end(client)
                        self._let_others_speak(self._plan.lateness())
                    server.sendall(said)
                break
            server.shutdown(socket.SHUT_WR)  # it closes its side when it has done what it has heard

    def _let_others_speak(self, times):
        with self._somebody_spoke:
            until = self._said + times
            self._somebody_spoke.wait_for(lambda: self._said >= until, _LATEST)

    def _answer(self, client, server):
        with contextlib.suppress(OSError):
            while answer := server.recv(65536):
                if client in self._mute:
                    self._plan.answered(answer)
                else:
                    client.sendall(answer)
        self._lines.discard((client, server))
        self._mute.discard(client)
        _end(client, server)


def _end(*sockets):
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
