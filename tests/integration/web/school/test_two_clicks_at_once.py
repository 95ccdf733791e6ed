"""The last step of a new transfer, pressed twice in the same moment, records one transfer."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import follow
from tests.integration.web.school.test_new_transfer_pages import MOVE, PUPIL
from transfer_service.db.models import Transfer
from transfer_service.web.school import choosing


def test_two_posts_of_the_last_step_at_once_record_one_transfer(stage: Stage, browser, monkeypatch):
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)
    step = follow(client, step, {"receiving_school": "125581"}, page=step)
    clients = [browser(stage.alma), browser(stage.alma)]
    for one in clients:
        one.page("/accessibility")
    together = threading.Barrier(2)

    def look(urn: str):
        found = look_at_receiver(urn)
        together.wait(10)  # both have read what was typed, and neither has recorded it
        return found

    look_at_receiver = choosing.look_at_receiver
    monkeypatch.setattr(choosing, "look_at_receiver", look)

    with ThreadPoolExecutor(2) as pool:
        led_to = list(pool.map(lambda one: follow(one, step, {}, page="/accessibility"), clients))

    assert led_to[0] == led_to[1]
    with stage.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Transfer)) == 1
