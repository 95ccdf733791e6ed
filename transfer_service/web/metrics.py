"""Counters of requests, for Prometheus: endpoints and statuses, never an address that somebody asked for.

Each process counts for itself, and names itself in every sample: of several behind one address any may answer, and
without that name their counters would look like one that jumps up and down.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.registry import Collector


class Metrics:
    """The counters of one application; each application has its own, so that tests do not share them."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        """Make every counter at nought."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "transfer_service_requests", "Requests answered.", ["method", "endpoint", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "transfer_service_request_seconds", "Time to answer a request.", ["endpoint"], registry=self.registry
        )
        self.in_hand = Gauge(
            "transfer_service_requests_in_hand", "Requests being answered now.", registry=self.registry
        )
        self.refusals = Counter(
            "transfer_service_refusals", "Requests refused, by kind of refusal.", ["kind"], registry=self.registry
        )

    def render(self) -> bytes:
        """Write all counters in Prometheus's text format."""
        named = CollectorRegistry()
        named.register(_OfThisProcess(self.registry))
        return generate_latest(named)


class _OfThisProcess(Collector):
    """Everything that a registry collects, with the number of this process in each sample."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        process = str(os.getpid())
        for family in self._registry.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, "process": process}) for sample in family.samples
            ]
            yield family
