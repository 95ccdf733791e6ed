"""A walk through the lives of people, keys and files, by the real use cases over a real database.

After every step: each live item opens for everybody who is entitled to it and through the custodians' quorum, and for
nobody else; the log holds, the doctor finds nothing unexpected, and the leaves alone tell every epoch and grant.
The suite takes a few short walks, always the same; `--hypothesis-profile=ten-thousand-steps` takes 200 long ones.
"""

import random
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, invariant

from tests.integration.keys.lifecycle import invariants
from tests.integration.keys.lifecycle.entitlement import Epoch, Lead, Model, School
from tests.integration.keys.lifecycle.files_walk import FilesWalk
from tests.integration.keys.lifecycle.healing import heal
from tests.integration.keys.lifecycle.keys_walk import KeysWalk
from tests.integration.keys.lifecycle.world import World, make_template
from transfer_service.use_cases.keys import rotation

PARCELS_LOOKED_AT = 3


class Lifecycle(KeysWalk, FilesWalk):
    """Two schools with two leads each, one with one, one with none."""

    folders: Callable[[], Path]

    @initialize()
    def set_up(self) -> None:
        self.world = World.begin(self.template, type(self).folders())
        self.chance = random.Random(0)
        cast = self.cast
        self.model = Model(schools={school: School() for school in (cast.sending, cast.receiving, cast.stranger)})
        for school in self.model.schools.values():
            school.epochs, school.active = {1: Epoch("active", {1}, self.now - timedelta(minutes=5))}, 1
        self.model.schools[cast.keyless] = School()
        for member in (cast.alma, cast.ben, cast.cora, cast.dev, cast.stella):
            school_id = member.actor.organisation_id
            assert school_id is not None
            lead = Lead(member.person_id, school_id)
            self.model.leads[member.person_id] = lead
            self.model.give(lead, {1})
            self.model.approve(lead)
        self.begin_with_files()

    @invariant()
    def keys_open_what_they_should_and_nothing_else(self) -> None:
        self.world.clock.move(minutes=2)
        invariants.check_states(self.world, self.model)
        invariants.check_grants(self.world, self.model)
        invariants.check_leavers(self.model)
        parcels = list(self.model.parcels.values())
        looked_at = parcels[-1:] + self.chance.sample(parcels, min(PARCELS_LOOKED_AT - 1, len(parcels)))
        invariants.check_people(self.world, self.model, looked_at)
        places = list(self.model.live_items())
        invariants.check_quorum(self.world, self.model, self.chance.sample(places, min(4, len(places))))
        if self.chance.random() < 0.5:
            invariants.check_keys_of_others(self.world, self.model, self.chance)
        if self.chance.random() < 0.3:
            invariants.check_doctor(self.world, self.model)
        if self.chance.random() < 0.15:
            invariants.check_log(self.world)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        with self.world.stack:
            if sys.exc_info()[0] is not None:
                return  # a step failed: that is what there is to tell
            invariants.check_people(self.world, self.model, self.model.parcels.values())
            invariants.check_quorum(self.world, self.model, self.model.live_items())
            invariants.check_keys_of_others(self.world, self.model, self.chance)
            invariants.check_doctor(self.world, self.model)
            invariants.check_log(self.world)
            heal(self)


@pytest.fixture(scope="module", autouse=True)
def _prepared(cast_template, run_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    template = cast_template("sqlite")
    folder = tmp_path_factory.mktemp("template")
    Lifecycle.template = make_template(template.cast, template.source, folder=folder, run_folder=run_folder)
    Lifecycle.folders = staticmethod(lambda: tmp_path_factory.mktemp("walk"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rotation, "AT_ONCE", 5)  # so that a renewal takes several rounds
        yield


TestLifecycle = Lifecycle.TestCase
IS_LONG = settings.get_current_profile_name() == "ten-thousand-steps"
TestLifecycle.settings = settings(
    max_examples=200 if IS_LONG else 4,
    stateful_step_count=50 if IS_LONG else 25,
    derandomize=not IS_LONG,
    deadline=None,
    database=None,
    # A walk that fails is told as it was: to find a shorter one would take an hour.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
