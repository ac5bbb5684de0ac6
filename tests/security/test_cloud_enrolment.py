"""A join token is good for one node, a node's token rotates without a gap, and a revoked node is out at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain import access
from chalicelib.domain.errors import ConflictError, ForbiddenError, InvalidInputError, UnauthenticatedError
from chalicelib.domain.model.account import Credential
from chalicelib.domain.model.nodes import Node
from chalicelib.services.account.auth import Auth
from chalicelib.services.edges.enrolment import OVERLAP, Enrolment
from chalicelib.wire.edge.enrolment import EnrollRequest, EnrollResponse
from tests.app.conftest import Api, enroll
from tests.app.conftest import Node as Edge
from tests.fakes import BOOTSTRAP, FakeClock, FakeNudger, MemoryStore
from tests.security.logins_rig import LockedStore
from tests.unit.v1_client import V1

A, B = "a" * 32, "b" * 32


class Door:
    """Enrolment and what checks its tokens."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store, self.clock, self.nudger = store or MemoryStore(), FakeClock(), FakeNudger()
        self.enrolment = Enrolment(self.store, self.nudger, self.clock, lambda: BOOTSTRAP)
        self.auth = Auth(self.store, self.clock, lambda: BOOTSTRAP)

    def enroll(self, nonce: str, join: str = BOOTSTRAP.join_token) -> EnrollResponse:
        return self.enrolment.enroll(EnrollRequest(join_token=join, nonce=nonce, name="edge", agent_version="1"))

    def at_sync(self, node: str, token: str) -> str | None:
        found = self.store.get(Node, node)
        assert found is not None
        return self.enrolment.at_sync(found, token)

    def is_good(self, token: str) -> bool:
        try:
            self.auth.node_of(f"Bearer {token}")
        except (UnauthenticatedError, ForbiddenError):
            return False
        return True


@pytest.fixture
def door() -> Door:
    return Door()


# join tokens


def test_a_join_token_is_good_for_one_node(door: Door) -> None:
    token, _ = door.enrolment.create_join_token()
    first = door.enroll(A, token)
    with pytest.raises(UnauthenticatedError, match="another node"):
        door.enroll(B, token)
    again = door.enroll(A, token)
    assert (again.node, again.token != first.token) == (first.node, True), "its answer may have been lost"
    assert (door.is_good(first.token), door.is_good(again.token)) == (False, True)
    door.clock.pass_(hours=1)
    with pytest.raises(UnauthenticatedError):
        door.enroll(A, token)


def test_the_installations_join_token_is_the_first_nodes(door: Door) -> None:
    first = door.enroll(A)
    with pytest.raises(UnauthenticatedError):
        door.enroll(B)
    door.clock.pass_(days=400)
    assert door.enroll(A).node == first.node
    assert BOOTSTRAP.join_token not in str(door.store.rows)


def test_of_many_nodes_at_once_one_gets_in() -> None:
    door = Door(LockedStore())
    token, _ = door.enrolment.create_join_token()
    gate = threading.Barrier(8)

    def one(n: int) -> bool:
        gate.wait()
        try:
            door.enroll(f"{n:032x}", token)
        except UnauthenticatedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1
    assert len([e for e in door.store.rows.values() if isinstance(e, Node)]) == 1


@pytest.mark.parametrize("kind", ["api", "node", "login", "sign_in"])
def test_no_other_token_joins(door: Door, kind: str) -> None:
    from chalicelib.domain.ids import token_hash
    from chalicelib.ports.store import Put

    made = {"hash": token_hash("some-other-token-01"), "kind": kind, "created_at": door.clock()}
    door.store.commit(Put(Credential.model_validate(made)))
    with pytest.raises(UnauthenticatedError):
        door.enroll(A, "some-other-token-01")


def test_making_one_takes_the_whole_scope_admin(v1: V1) -> None:
    with pytest.raises(InvalidInputError):
        access.grants_of("admin:join-tokens")
    part = v1("POST", "/v1/tokens", {"name": "t", "scope": "admin:nodes"}).json["token"]
    assert v1("POST", "/v1/join-tokens", {}, token=part).status == 403
    for name in sorted(access.WHOLE):
        assert v1("POST", "/v1/tokens", {"name": "t", "scope": f"admin:{name}"}).status == 400


# new tokens


def test_a_nodes_token_rotates_without_a_gap(door: Door) -> None:
    old = door.enroll(A)
    assert door.at_sync(old.node, old.token) is None
    door.enrolment.rotate(old.node)
    assert door.nudger.nudged == [old.node]
    lost = door.at_sync(old.node, old.token)
    assert lost is not None
    assert door.is_good(old.token), "the answer may have been lost"
    fresh = door.at_sync(old.node, old.token)
    assert fresh is not None
    assert (door.is_good(lost), door.is_good(fresh), door.is_good(old.token)) == (False, True, True)
    assert door.at_sync(old.node, fresh) is None
    assert door.is_good(old.token), "for calls that are under way"
    door.clock.pass_(seconds=OVERLAP.total_seconds() + 1)
    assert (door.is_good(old.token), door.is_good(fresh)) == (False, True)
    assert door.at_sync(old.node, fresh) is None, "once asked, once done"
    assert fresh not in str(door.store.rows)


def test_enrolling_again_ends_a_rotation(door: Door) -> None:
    old = door.enroll(A)
    door.enrolment.rotate(old.node)
    handed = door.at_sync(old.node, old.token)
    again = door.enroll(A)
    assert handed is not None
    assert (door.is_good(handed), door.is_good(old.token), door.is_good(again.token)) == (False, False, True)
    assert door.at_sync(old.node, again.token) is None


# revocation


def test_a_revoked_node_is_out_at_once_and_knows_why(door: Door) -> None:
    given = door.enroll(A)
    door.enrolment.rotate(given.node)
    handed = door.at_sync(given.node, given.token) or ""
    door.enrolment.end(given.node)
    for token in (given.token, handed):
        with pytest.raises(ForbiddenError, match="revoked"):
            door.auth.node_of(f"Bearer {token}")
    with pytest.raises(ForbiddenError):
        door.enroll(A)
    with pytest.raises(ForbiddenError):
        door.enroll(A, door.enrolment.create_join_token()[0])
    with pytest.raises(ConflictError):
        door.enrolment.rotate(given.node)


def test_by_the_api(api: Api, node: Edge) -> None:
    other = enroll(api, B).json
    assert api("POST", f"/v1/nodes/{node.id}/token").status == 202
    fresh = node.sync().json["node_token"]
    assert fresh
    node.api.token = fresh
    assert node.sync().json["node_token"] is None
    assert api("DELETE", f"/v1/nodes/{node.id}").status == 204
    assert node.sync().status == 403
    for path in ("publish", "events", "authorize", "results/x"):
        assert node.api("POST", f"/edge/v1/{path}", {}).status in (400, 403)
    assert api("GET", f"/v1/nodes/{node.id}").status == 404
    assert [n["id"] for n in api("GET", "/v1/nodes").json["items"]] == [other["node"]]
    assert api("GET", f"/v1/nodes/{other['node']}").json["state"] != "revoked"
    assert api("DELETE", f"/v1/nodes/{node.id}").status == 404
    assert api("POST", f"/v1/nodes/{node.id}/token").status == 409
    audited = [e["action"] for e in api("GET", "/v1/audit").json["items"]]
    assert audited.count("remove_node") == 2
