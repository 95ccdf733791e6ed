"""The two steps of signing in, as tests take them."""

from tests.cast import HOME, Member, Service
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in


def begin(
    service: Service, member: Member, *, password: str | None = None, email: str | None = None, device: Device = HOME
) -> StartedSession:
    return begin_sign_in(
        service.database,
        service.at,
        service.work,
        email=email or member.email,
        password=member.password if password is None else password,
        device=device,
    )


def finish(
    service: Service,
    member: Member,
    cookie: bytes,
    *,
    code: str | None = None,
    device: Device = HOME,
    trust_device: bool = False,
) -> StartedSession:
    return finish_sign_in(
        service.database,
        service.at,
        cookie=cookie,
        code=member.code(service) if code is None else code,
        device=device,
        trust_device=trust_device,
    )
