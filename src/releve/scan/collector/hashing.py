"""Files are announced when they are met and read a little later: small ones here, large beside."""

import os
import threading
from collections import deque

from releve.scan.collector.digests import SAMPLED_OVER, Task
from releve.scan.collector.machine import announce

_SMALL = 64 << 10
_FIRST_PIECE = 1 << 20  # of a large file; the kernel fetches the next ones by itself
_MOST_SMALL = 64  # open files at a time
_MOST_WAITING = 32


class Hashing:
    def __init__(self, digester, output, threads):
        self._digester = digester
        self._output = output
        self._small: deque[Task] = deque()
        self._queue: deque[Task] = deque()
        self._change = threading.Condition()
        self._waiting = 0
        self._threads = threads  # none: large files are read here as well
        self._started = 0

    def start(self, task):
        """The descriptor is closed here, at some time."""
        size = task.found.st_size
        if size <= SAMPLED_OVER:
            announce(task.descriptor, _FIRST_PIECE)
        if size <= _SMALL or not self._threads:
            self._small.append(task)
            if len(self._small) > _MOST_SMALL:
                self._work_oldest()
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
        while self._small and not task.is_ready:
            self._work_oldest()
        if task.is_ready:
            return
        with self._change:
            while not task.is_ready:
                self._pause()

    def _work_oldest(self):
        self._work(self._small.popleft())
        self._output.stay_awake()

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
