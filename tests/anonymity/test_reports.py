import pytest

from forward_proxy.anonymity.reports import without_reporting
from tests.anonymity.exchanges import exchange


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"default-src 'self'; report-uri /csp", b"default-src 'self'"),
        (b"report-uri /csp; default-src 'self'", b"default-src 'self'"),
        (b"default-src 'self';REPORT-URI https://r.example/x;Report-To g;img-src *", b"default-src 'self';img-src *"),
        (b"script-src 'report-sample' 'nonce-report-to'", b"script-src 'report-sample' 'nonce-report-to'"),
        (
            b"img-src a.example; report-to g, frame-src b.example; report-uri /",
            b"img-src a.example, frame-src b.example",
        ),
        (b"report-uri /csp, frame-ancestors 'none'", b"frame-ancestors 'none'"),
        (b"upgrade-insecure-requests; report-uri", b"upgrade-insecure-requests"),
        (b";;; \xff report-", b";;; \xff report-"),
    ],
)
def test_reporting_goes_and_enforcing_stays(before: bytes, after: bytes) -> None:
    assert without_reporting(exchange(), (before,)) == (after,)


def test_a_policy_that_only_reports_is_no_policy() -> None:
    lines = (b"default-src 'self'", b"report-uri /csp; report-to g", b"object-src 'none'; report-to g")
    assert without_reporting(exchange(), lines) == (b"default-src 'self'", b"object-src 'none'")
    assert without_reporting(exchange(), (b"report-uri /csp",)) == ()
