"""
Tokens as GitHub Actions, GitLab and Kubernetes make them, for a federated credential that names one workload.

The claims are those that each publishes in its documentation of OpenID Connect tokens for jobs and pods; names, ids and
times are made up. Keys are given, so nobody is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.flow.graph import Graph
from tests.flow.test_federation import EXCHANGE, Workload
from tests.flow.test_sts_token import check_refusal, claims_of
from tests.world import Simulation


@dataclass(frozen=True)
class Elsewhere:
    """A workload elsewhere: what its tokens say beside times, and the subjects of others that are not it."""

    issuer: str
    subject: str
    claims: dict[str, Any]
    others: tuple[str, ...]
    audience: str | list[str] = field(default=EXCHANGE)


def github(rest: str, others: tuple[str, ...], **claims: Any) -> Elsewhere:
    """Give a job of GitHub Actions."""
    repository = "octo-org/octo-repo"
    said = {
        "jti": "a6f8d2c4-0b1e-4c9a-9a37-5f0c1f6c7b11",
        "ref": "refs/heads/main",
        "sha": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "repository": repository,
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "repository_id": "74",
        "repository_visibility": "private",
        "run_id": "9214532451",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "actor_id": "12",
        "workflow": "deploy",
        "workflow_ref": f"{repository}/.github/workflows/deploy.yml@refs/heads/main",
        "workflow_sha": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "job_workflow_ref": f"{repository}/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_sha": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "ref_type": "branch",
        "ref_protected": "true",
        **claims,
    }
    return Elsewhere("https://token.actions.githubusercontent.com", f"repo:{repository}:{rest}", said, others)


BRANCH = github(
    "ref:refs/heads/main",
    (
        "repo:octo-org/octo-repo:ref:refs/heads/main2",
        "repo:octo-org/octo-repo:ref:refs/heads/Main",
        "repo:octo-org/octo-repo:ref:refs/tags/main",
        "repo:octo-org/octo-repo:ref:refs/heads/main/../main",
        "repo:octo-org/octo-repo:pull_request",
        "repo:octo-org/octo-repo:environment:main",
        "repo:octo-org/octo-repo2:ref:refs/heads/main",
        "repo:Octo-org/octo-repo:ref:refs/heads/main",
        "repo:evil-org/octo-repo:ref:refs/heads/main",
        "repo:octo-org/octo-repo:*",
    ),
)
ENVIRONMENT = github(
    "environment:production",
    (
        "repo:octo-org/octo-repo:environment:Production",
        "repo:octo-org/octo-repo:environment:staging",
        "repo:octo-org/octo-repo:environment:production:ref:refs/heads/main",
        "repo:octo-org/octo-repo:ref:refs/heads/main",
        "repo:octo-org/other:environment:production",
    ),
    environment="production",
)
PULL_REQUEST = github(
    "pull_request",
    (
        "repo:octo-org/octo-repo:Pull_Request",
        "repo:octo-org/octo-repo:ref:refs/pull/7/merge",
        "repo:octo-org/octo-repo:ref:refs/heads/main",
        "repo:fork/octo-repo:pull_request",
    ),
    ref="refs/pull/7/merge",
    head_ref="a-change",
    base_ref="main",
    event_name="pull_request",
)
GITLAB = Elsewhere(
    "https://gitlab.com",
    "project_path:my-group/my-project:ref_type:branch:ref:main",
    {
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "user_access_level": "developer",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "groups_direct": ["my-group", "another/group"],
        "runner_id": 1,
        "runner_environment": "gitlab-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "private",
        "ci_config_ref_uri": "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    },
    (
        "project_path:my-group/my-project:ref_type:branch:ref:develop",
        "project_path:my-group/my-project:ref_type:branch:ref:MAIN",
        "project_path:my-group/my-project:ref_type:tag:ref:main",
        "project_path:my-group/my-project2:ref_type:branch:ref:main",
        "project_path:My-Group/my-project:ref_type:branch:ref:main",
        "project_path:evil/my-group/my-project:ref_type:branch:ref:main",
        "project_path:my-group/*:ref_type:branch:ref:main",
    ),
)
KUBERNETES = Elsewhere(
    "https://eastus.oic.prod-aks.azure.com/0a1b2c3d-0000-4000-8000-000000000001/0a1b2c3d-0000-4000-8000-000000000002/",
    "system:serviceaccount:shop:checkout",
    {
        "jti": "7f1a2f4e-5d7c-4f5e-9c33-0a3bd5a0b7cd",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": "checkout-69cbfb9798-jv9gn", "uid": "778a530c-b3f4-47c0-9cd5-ab018fb64f33"},
            "serviceaccount": {"name": "checkout", "uid": "a087d5a0-e1dd-43ec-93ac-f13d89cd13af"},
        },
    },
    (
        "system:serviceaccount:shop2:checkout",
        "system:serviceaccount:Shop:checkout",
        "system:serviceaccount:default:checkout",
        "system:serviceaccount:shop:default",
        "system:serviceaccount:shop:checkout2",
        "system:serviceaccount:shop:",
        "shop:checkout",
    ),
    [EXCHANGE],
)


def token_of(workload: Workload, one: Elsewhere, **changes: Any) -> str:
    """Make a token as the workload's issuer does."""
    return workload.assertion(**{"kubernetes.io": None, "aud": one.audience, **one.claims, **changes})


@pytest.mark.parametrize(
    "one",
    [BRANCH, ENVIRONMENT, PULL_REQUEST, GITLAB, KUBERNETES],
    ids=["github branch", "github environment", "github pull request", "gitlab", "kubernetes"],
)
def test_a_workload_elsewhere(world: Simulation, one: Elsewhere) -> None:
    """SEC-TOKEN-14: it gets its application's token; another branch, project or namespace, or case, is AADSTS700213."""
    workload = Workload(world, Graph(world, world.administrator), one.issuer, one.subject)
    answer = workload.ask(token_of(workload, one))
    assert answer.status == 200, answer.body
    token = answer.json["access_token"]
    claims = claims_of(world, token)
    assert (claims["oid"], claims["appidacr"]) == (workload.app.oid, "2")
    assert not one.claims.keys() & claims.keys(), "nothing of the outside token is taken over"
    assert workload.opens(token)
    for subject in (*one.others, one.subject.upper(), f"{one.subject} ", f" {one.subject}", one.subject[:-1]):
        refused = workload.ask(token_of(workload, one, sub=subject))
        check_refusal(refused, 700213, "invalid_client", 401)
        assert world.entries()[-1]["properties"]["reason"]
    check_refusal(
        workload.ask(token_of(workload, one, aud="https://github.com/octo-org")), 700212, "invalid_client", 401
    )
    elsewhere = workload.ask(token_of(workload, one, iss=f"{one.issuer}x"))
    check_refusal(elsewhere, 700211, "invalid_client", 401)
