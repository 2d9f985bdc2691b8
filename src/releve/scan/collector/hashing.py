"""Large files are read beside the walk, on the other processors."""

import os
import threading
from collections import deque

from releve.scan.collector.digests import Task

_SMALL = 64 << 10
_MOST_WAITING = 32  # open files at a time


class Hashing:
    def __init__(self, digester, output, threads):
        self._digester = digester
        self._output = output
        self._queue: deque[Task] = deque()
        self._change = threading.Condition()
        self._waiting = 0
        self._threads = threads  # none: every file is ready at once
        self._started = 0

    def start(self, task):
        """A small file is ready at once; the descriptor is closed here."""
        if task.found.st_size <= _SMALL or not self._threads:
            self._work(task)
            self._output.stay_awake()
            return
        with self._change:
            while self._waiting >= _MOST_WAITING:
                self._pause()
            self._waiting += 1
            self._queue.append(task)
            self._change.notify_all()
        if self._started < self._threads:
            self._started += 1
            threading.Thread(target=self._serve, daemon=True).start()

    def wait_for(self, task):
        with self._change:
            while not task.is_ready:
                self._pause()

    def _pause(self):
        self._change.wait(1)
        self._output.stay_awake()

    def _serve(self):
        while True:
            with self._change:
                while not self._queue:
                    self._change.wait()
                task = self._queue.popleft()
            self._work(task)
            with self._change:
                self._waiting -= 1
                self._change.notify_all()

    def _work(self, task):
        try:
            task.digest = self._digester.digest(task)
        except Exception as failure:  # noqa: BLE001 - one bad file must not end the scan
            task.failure = failure
        finally:
            os.close(task.descriptor)
            task.is_ready = True
