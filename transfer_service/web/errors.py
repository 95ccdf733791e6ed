"""Every refusal and failure becomes a page that says what to do next, with the request's id and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import structlog
from flask import Flask, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from transfer_service.domain import errors as refusals
from transfer_service.domain.errors import ServiceError
from transfer_service.use_cases.recording import record_damage, record_refusal
from transfer_service.web.addresses import safe_path, see_other
from transfer_service.web.csrf import FormOutOfDate
from transfer_service.web.current import Services, current_services
from transfer_service.web.guard import SAFE_METHODS
from transfer_service.web.retained import RetainedForm, chosen_files, retained_form
from transfer_service.web.sessions import read_session_cookie

OUTAGE_RETRY_SECONDS: Final = 10
log = structlog.stdlib.get_logger(__name__)

# Refusals of signed-in people leave a leaf each; mistakes in a form, outages and acts done before do not.
RECORDED: Final = (
    refusals.PermissionRefused,
    refusals.NotFound,
    refusals.StateForbids,
    refusals.RuleForbids,
    refusals.TooManyAttempts,
    refusals.KeyMissing,
)

# One table: how each refusal is answered. The nearest class in the exception's line of descent counts.
REFUSALS: Final[dict[type[ServiceError], tuple[HTTPStatus, str]]] = {
    refusals.NotFound: (HTTPStatus.NOT_FOUND, "Page not found"),
    refusals.PermissionRefused: (HTTPStatus.FORBIDDEN, "You cannot do this"),
    refusals.StateForbids: (HTTPStatus.CONFLICT, "This can no longer be done"),
    refusals.RuleForbids: (HTTPStatus.CONFLICT, "This cannot be done yet"),
    refusals.Invalid: (HTTPStatus.UNPROCESSABLE_ENTITY, "There is a problem with what was entered"),
    refusals.AlreadyDone: (HTTPStatus.CONFLICT, "This was already done"),
    refusals.Conflict: (HTTPStatus.CONFLICT, "Somebody else changed this"),
    refusals.Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "The service cannot do this just now"),
    refusals.TooManyAttempts: (HTTPStatus.TOO_MANY_REQUESTS, "Too many attempts"),
    refusals.TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The file is too large"),
    refusals.FileRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "This file cannot be used"),
    refusals.SignInRefused: (HTTPStatus.UNAUTHORIZED, "You could not be signed in"),
    refusals.NeedsPassword: (HTTPStatus.FORBIDDEN, "Enter your password again"),
    refusals.NeedsSecondFactor: (HTTPStatus.UNAUTHORIZED, "Finish signing in"),
    refusals.SessionEnded: (HTTPStatus.UNAUTHORIZED, "You have been signed out"),
    refusals.KeyMissing: (HTTPStatus.CONFLICT, "You cannot open files yet"),
    refusals.LogFrozen: (HTTPStatus.SERVICE_UNAVAILABLE, "Nothing can be recorded just now"),
    refusals.CannotOpen: (HTTPStatus.CONFLICT, "This cannot be opened"),
    FormOutOfDate: (HTTPStatus.BAD_REQUEST, "The page was out of date"),
    ServiceError: (HTTPStatus.CONFLICT, "This could not be done"),
}

HTTP_ANSWERS: Final[dict[int, tuple[str, str]]] = {
    400: ("The request could not be read", "Go back, reload the page and try again."),
    401: ("You need to sign in", "Sign in and try again."),
    403: (
        "You cannot do this",
        "Ask a colleague whose role does: at a school the designated safeguarding lead or the head teacher.",
    ),
    404: (
        "Page not found",
        "Check the address. If you followed a link in this service, tell the people who run it which page it was on.",
    ),
    405: ("This page cannot be used that way", "Go back and use the buttons on the page."),
    408: ("The request took too long", "Check your connection and try again."),
    409: ("Somebody else changed this", "Reload the page and try again."),
    413: (
        "What you sent is too large",
        "Make the file smaller or split it, and try again. If you typed it, go back and shorten it there.",
    ),
    414: ("The address is too long", "Go back and use the links on the page."),
    415: ("This kind of content cannot be used", "Go back and use the form on the page."),
    422: ("There is a problem with what was entered", "Go back, correct it and try again."),
    429: ("Too many requests", "Wait a minute and try again."),
    431: ("The request is too large", "Close the browser, open it again and try again."),
    500: (
        "Something went wrong",
        "Try again in a few minutes. If it happens again, tell the people who run this service the reference below.",
    ),
    503: ("The service is busy", "Nothing was changed. Try again in a moment."),
}
LAST_RESORT: Final = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Something went wrong</title></head><body><main>'
    "<h1>Something went wrong</h1><p>Nothing was changed. Try again in a few minutes.</p></main></body></html>"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told about one error; `kept` says that the form waits for its author's next sign-in.

    `files` are the names of those that were chosen, and have to be chosen again.
    """

    status: int
    title: str
    sentence: str
    retry_after: int | None = None
    retained: RetainedForm | None = None
    kept: bool = False
    files: tuple[str, ...] = ()


def register_errors(app: Flask) -> None:
    """Answer our refusals, HTTP errors and everything unforeseen."""
    app.register_error_handler(ServiceError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)


def answer_of(error: ServiceError) -> Answer:
    """What is told about a refusal: the table's status and title, the refusal's own sentence."""
    kind = next(kind for kind in type(error).__mro__ if kind in REFUSALS)
    status, title = REFUSALS[kind]
    return Answer(int(status), title, error.sentence, retry_after=getattr(error, "retry_after", None))


def _refused(error: ServiceError) -> Response:
    answer, services = answer_of(error), current_services()
    services.metrics.refusals.labels(type(error).__name__).inc()
    if isinstance(error, refusals.Unavailable) and error.__cause__ is not None:
        log.warning("part not available", exc_info=error)  # who runs the service has to put that right
    if error.is_for_operator:
        log.error("log needs an operator", exc_info=error)
    _record(error, services)
    if isinstance(error, refusals.NeedsSecondFactor) and not _wants_json():
        return see_other("/sign-in/code")
    if isinstance(error, refusals.NeedsPassword) and not _wants_json():
        return see_other(_password_address())
    if isinstance(error, refusals.SessionEnded):
        return _render(_signed_out(answer))
    if isinstance(error, FormOutOfDate | refusals.Unavailable | refusals.LogFrozen):
        answer = replace(answer, retained=retained_form())
    return _render(answer)


def _record(error: ServiceError, services: Services) -> None:
    """Leave the leaves of a refusal, each by itself; the refusal stands even where they cannot be written."""
    actor, damaged = g.get("actor"), error.damaged_account
    database, at, doing = services.database, services.installation, request.endpoint or "no page"
    leaves: list[Callable[[], None]] = []
    if actor is not None and isinstance(error, RECORDED):
        leaves.append(lambda: record_refusal(database, at, actor, error, doing=doing))
    if damaged is not None:
        leaves.append(lambda: record_damage(database, at, damaged))
    for leave in leaves:
        try:
            leave()
        except Exception:  # whatever keeps it from being written, the person is answered
            log.error("refusal not recorded", exc_info=True)  # noqa: G201 - the type and frames are the line


def _signed_out(answer: Answer) -> Answer:
    """Keep what was typed: sealed to its author where the ended session still says who that is, else on the page."""
    form = retained_form()
    kept = form is not None and _hold(form)
    return replace(
        answer, retained=None if kept else form, kept=kept, files=() if form or _wants_json() else chosen_files()
    )


def _hold(form: RetainedForm) -> bool:
    """Seal a form to its author, to be shown after a sign-in; False where it could not be."""
    token = read_session_cookie(request)
    if token is None:
        return False
    try:
        return current_services().hold_form(token, form.action, urlencode(form.fields).encode())
    except Exception:  # the form is not lost: it is kept on the page, or on the one that it stood on
        log.warning("form not held", exc_info=True)
        return False


def _password_address() -> str:
    """The page that asks for the password again, and leads back to the act with all that was typed."""
    if request.method in SAFE_METHODS:
        back = safe_path(request.full_path.rstrip("?"))
    else:
        form = retained_form()
        came_from = urlsplit(request.referrer or "")
        back = safe_path(urlunsplit(("", "", came_from.path, came_from.query, "")))
        back = back if came_from.netloc == request.host else "/"
        if form is not None and form.fields and _hold(form):
            back = "/held-form"
    return f"/confirm-password?{urlencode({'next': back})}"


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)  # a view has made the whole answer itself
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    fallback = HTTPStatus.INTERNAL_SERVER_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 400
    title, sentence = HTTP_ANSWERS.get(status, HTTP_ANSWERS[int(fallback)])
    response = _render(Answer(status, title, sentence))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _unforeseen(error: Exception) -> Response:
    if current_services().is_outage(error):
        log.warning("database not available", exc_info=error)
        title, sentence = HTTP_ANSWERS[503]
        if isinstance(error, refusals.OutcomeUnknown):
            title, sentence = "This may have been recorded, or not", error.sentence
        return _render(Answer(503, title, sentence, OUTAGE_RETRY_SECONDS, retained_form()))
    log.error("unforeseen error", exc_info=error)
    title, sentence = HTTP_ANSWERS[500]
    return _render(Answer(500, title, sentence))


def _render(answer: Answer) -> Response:
    if _wants_json():
        response = jsonify(
            type="about:blank",
            title=answer.title,
            status=answer.status,
            detail=answer.sentence,
            request_id=g.request_id,
        )
        response.mimetype = "application/problem+json"
    else:
        g.is_error_page = True
        try:
            response = make_response(_page(answer))
        except Exception:  # the last resort must not depend on what may have failed
            log.error("error page not made", exc_info=True)  # noqa: G201 - as above
            response = make_response(LAST_RESORT)
    response.status_code = answer.status
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def _page(answer: Answer) -> str:
    retry = safe_path(request.full_path.rstrip("?")) if request.method in SAFE_METHODS else "/"
    return render_template("errors/error.html", answer=answer, request_id=g.request_id, retry_address=retry)


def _wants_json() -> bool:
    """Scripts of our pages that ask for JSON are answered with RFC 9457 problems."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html") == "application/json"
