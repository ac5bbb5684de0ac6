"""Every service with what it needs, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from chalicelib.adapters.ffmpeg import FfmpegMedia, bundled_ffmpeg
from chalicelib.ports.queues import DeadLetters
from chalicelib.services.account.audit import Audit
from chalicelib.services.account.idempotency import Idempotency
from chalicelib.services.account.system import System
from chalicelib.services.account.tokens import Tokens
from chalicelib.services.backup import Backup
from chalicelib.services.callbacks.checks import Checks
from chalicelib.services.callbacks.replay import Replay
from chalicelib.services.edges.fleet import Fleet
from chalicelib.services.edges.sync import Liveness
from chalicelib.services.nodes.certificates import Certificates
from chalicelib.services.nodes.node_settings import NodeConfigs
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.publishing.cards import TestCards
from chalicelib.services.publishing.explain import Explain
from chalicelib.services.publishing.kicks import Kicks
from chalicelib.services.publishing.limits import Limits
from chalicelib.services.publishing.rooms import Rooms
from chalicelib.services.publishing.uses import SecretUses
from chalicelib.services.pushing.destinations import Destinations
from chalicelib.services.pushing.preflight import Preflight
from chalicelib.services.pushing.slots import Slots
from chalicelib.services.pushing.takeover import Takeover
from chalicelib.services.readiness import Readiness
from chalicelib.services.recordings.abandoned import Abandoned
from chalicelib.services.recordings.announcing import Announcements
from chalicelib.services.recordings.arriving import Arriving
from chalicelib.services.recordings.artifacts import Artifacts
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.services.recordings.library import Library
from chalicelib.services.recordings.running import RunningRecordings
from chalicelib.services.recordings.tasks import EndedTasks
from chalicelib.services.recordings.trash import Trash
from chalicelib.services.sources.bilibili import Bilibili
from chalicelib.services.sources.editing import SourceEditor
from chalicelib.services.sources.intake import Intake
from chalicelib.services.sources.transcodes import Transcodes
from chalicelib.services.sources.uploading import Uploading
from chalicelib.services.sources.vlive import PlaySlots
from chalicelib.services.watching.addresses import Addresses
from chalicelib.services.watching.life import Lives
from chalicelib.services.watching.live import LiveLooks

from .following import FollowingWiring
from .installation import now


class Wiring(FollowingWiring):
    """Every service, wired."""

    @cached_property
    def rooms(self) -> Rooms:
        """Live rooms."""
        return Rooms(self.store, now)

    @cached_property
    def slots(self) -> Slots:
        """The forward slots of the compatible API."""
        return Slots(self.store, now)

    @cached_property
    def limits(self) -> Limits:
        """The owner's limits."""
        return Limits(self.store, self.overview, self.pushes, now)

    @cached_property
    def backup(self) -> Backup:
        """Settings out and in."""
        return Backup(self.store, self.settings, self.rooms, self.pushes, now)

    @cached_property
    def system(self) -> System:
        """Footer, language, limits."""
        return System(self.store)

    @cached_property
    def running(self) -> RunningRecordings:
        """Recordings as they run."""
        return RunningRecordings(self.store, self.arriving)

    @cached_property
    def abandoned(self) -> Abandoned:
        """Recordings whose node does not come back."""
        return Abandoned(self.store, self.finisher, self.finish_queue, now)

    @cached_property
    def bilibili(self) -> Bilibili:
        """Videos of Bilibili."""
        return Bilibili(self.store, self.sender, now)

    @cached_property
    def fleet(self) -> Fleet:
        """Nodes that are to be none any more."""
        return Fleet(self.store, self.enrolment, self.events, self.pushes, self.source_leases, self.abandoned, now)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of the management API."""
        return Tokens(self.store, now)

    @cached_property
    def audit(self) -> Audit:
        """Who changed what."""
        return Audit(self.store, now)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Answers to requests that may come twice."""
        return Idempotency(self.store, now)

    @cached_property
    def checks(self) -> Checks:
        """Trial callbacks."""
        return Checks(self.settings, self.webhooks, now)

    @cached_property
    def replay(self) -> Replay:
        """Callbacks for what happened before."""
        return Replay(self.store, self.settings, now)

    @cached_property
    def explain(self) -> Explain:
        """What would happen to a publish."""
        return Explain(self.store, self.settings, self.pushes)

    @cached_property
    def addresses(self) -> Addresses:
        """Where streams are published and watched."""
        return Addresses(self.store, self.settings)

    @cached_property
    def secret_uses(self) -> SecretUses:
        """Who published with the publish secret lately."""
        return SecretUses(self.store, self.settings, now)

    @cached_property
    def intake(self) -> Intake:
        """What can be played."""
        return Intake(self.store, self.questions, self.system, now)

    @cached_property
    def source_editor(self) -> SourceEditor:
        """The sources as they are edited."""
        return SourceEditor(self.store, self.source_leases, self.intake, now)

    @cached_property
    def uploading(self) -> Uploading:
        """Files that are being brought in."""
        return Uploading(self.questions, now)

    @cached_property
    def test_cards(self) -> TestCards:
        """Streams without an encoder."""
        return TestCards(self.store, self.source_editor, self.questions, now)

    @cached_property
    def vlive(self) -> PlaySlots:
        """Virtual live as the compatible API knows it."""
        return PlaySlots("vlive", self.store, self.source_leases, self.intake, now)

    @cached_property
    def cameras(self) -> PlaySlots:
        """Cameras as the compatible API knows them."""
        return PlaySlots("camera", self.store, self.source_leases, self.intake, now)

    @cached_property
    def transcodes(self) -> Transcodes:
        """The transcode that the compatible API knows."""
        return Transcodes(self.store, self.source_leases, now)

    @cached_property
    def node_configs(self) -> NodeConfigs:
        """The settings of nodes."""
        return NodeConfigs(self.store, self.questions)

    @cached_property
    def lives(self) -> Lives:
        """Sessions from their beginnings to their ends."""
        return Lives(self.store, self.overview, self.settings, now)

    @cached_property
    def live(self) -> LiveLooks:
        """Live sessions, as their nodes see them."""
        return LiveLooks(self.store, self.questions, self.pushes, now)

    @cached_property
    def certificates(self) -> Certificates:
        """HTTPS of the nodes."""
        return Certificates(self.questions)

    @cached_property
    def kicks(self) -> Kicks:
        """Publishers that are to go."""
        return Kicks(self.store, self.overview, self.questions, now)

    @cached_property
    def finisher(self) -> Finisher:
        """Whole recordings."""
        media = FfmpegMedia(self.config.ffmpeg or bundled_ffmpeg())
        artifacts = Artifacts(self.objects, media, self.settings, self.folders)
        record_dir, tasks = self.config.record_dir, self.adapters.tasks
        return Finisher(self.store, artifacts, self.settings, now, record_dir, self.finish_queue, tasks)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """What was given up."""
        return self.adapters.given_up(self.follow)

    def follow(self, image: Mapping[str, Any]) -> None:
        """What follows from a record of the table's stream."""
        images = image["dynamodb"]
        old, new = (self.store.entity(images[n]) if images.get(n) else None for n in ("OldImage", "NewImage"))
        self.dispatch.changed(old, new)

    @cached_property
    def ended_tasks(self) -> EndedTasks:
        """Tasks that were to finish a recording."""
        return EndedTasks(self.store, now, self.finish_queue)

    @cached_property
    def announcements(self) -> Announcements:
        """Manifests that arrive."""
        return Announcements(self.store, self.objects, self.finish_queue, now)

    @cached_property
    def arriving(self) -> Arriving:
        """Segments of recordings that run."""
        return Arriving(self.objects)

    @cached_property
    def library(self) -> Library:
        """The recordings as they are read."""
        return Library(self.store, self.objects, self.finisher, self.arriving, self.folders, now, self.vault.master)

    @cached_property
    def trash(self) -> Trash:
        """Recordings that were removed, and can be taken back."""
        return Trash(self.store, self.library, self.settings, now)

    @cached_property
    def takeover(self) -> Takeover:
        """Pushes of lost nodes."""
        return Takeover(self.store, self.pushes, now)

    @cached_property
    def destinations(self) -> Destinations:
        """The destinations as they are edited."""
        return Destinations(self.store, self.pushes, self.questions, now)

    @cached_property
    def readiness(self) -> Readiness:
        """What is not ready."""
        return Readiness(self.store, self.overview, self.destinations, self.adapters.upkeep, now)

    @cached_property
    def preflight(self) -> Preflight:
        """Whether what is live fits where it would be pushed."""
        return Preflight(self.overview)

    @cached_property
    def overview(self) -> Overview:
        """What is there."""
        return Overview(self.store, now)

    @cached_property
    def liveness(self) -> Liveness:
        """Silent nodes."""
        return Liveness(self.store, now)


wiring = Wiring()
"""Of this process."""
