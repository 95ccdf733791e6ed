"""Counters of requests, for Prometheus: endpoints and statuses, never an address that somebody asked for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest


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
        return generate_latest(self.registry)
