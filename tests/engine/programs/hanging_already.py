"""`hanging`, and one of them is started as soon as there is an engine."""

import threading

from tests.engine.programs.hanging import hang, hangs, start_it

__all__ = ["hang", "hangs"]

threading.Thread(target=start_it, daemon=True).start()
