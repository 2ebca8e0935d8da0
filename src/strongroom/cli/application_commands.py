"""The grammar of `strongroom app`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter, validators

from strongroom.cli.options import Data, Json, SecretFile, Yes

_DAYS_MAX = 36_500
"""A hundred years: what is good for longer is not meant to end, and says so nowhere."""
app = App(name="app", help="Applications of your tenant, and what they prove themselves by.")
credential = App(name="credential", help="An application's secrets, certificates and federated credentials.")
app.command(credential)
Application = Annotated[str, Parameter(help="The application, by name, client id or object id.")]
Name = Annotated[str | None, Parameter(name="--name", help="Only those whose name begins with it.")]
Days = Annotated[
    int | None,
    Parameter(
        name="--days",
        help="How many days the secret is good (default: two years).",
        validator=validators.Number(gte=1, lte=_DAYS_MAX),
    ),
]


@app.command(name="list")
def app_list(*, data: Data = None, name: Name = None, json: Json = False) -> int:
    """Print the applications of your tenant."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, name, as_json=json)


@app.command(name="show")
def app_show(application: Application, *, data: Data = None, json: Json = False) -> int:
    """Print one application."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.show_application(data, application, as_json=json)


@app.command(name="create")
def app_create(
    name: Annotated[str, Parameter(help="Its display name.")],
    *,
    data: Data = None,
    service_principal: Annotated[
        bool, Parameter(help="Make its service principal as well, which rights are given to.")
    ] = True,
    secret: Annotated[bool, Parameter(negative="", help="Make a secret as well, and print it, once.")] = False,
    days: Days = None,
    secret_file: SecretFile = None,
    json: Json = False,
) -> int:
    """Make an application. It has no rights until it is given some: strongroom role assign."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.create(
        data, name, principal=service_principal, secret=secret, days=days, file=secret_file, as_json=json
    )


@app.command(name="delete")
def app_delete(application: Application, *, data: Data = None, yes: Yes = False, json: Json = False) -> int:
    """Remove an application, ending its tokens."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.delete(data, application, yes=yes, as_json=json)


@credential.command(name="list")
def credential_list(application: Application, *, data: Data = None, json: Json = False) -> int:
    """Print what an application proves itself by; no secret is shown again."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.show_credentials(data, application, as_json=json)


@credential.command(name="add")
def credential_add(
    application: Application,
    *,
    data: Data = None,
    name: Annotated[str | None, Parameter(help="What the secret is called.")] = None,
    days: Days = None,
    secret_file: SecretFile = None,
    json: Json = False,
) -> int:
    """Make another secret of an application, and print it, once."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.add_credential(data, application, name=name, days=days, file=secret_file, as_json=json)


@credential.command(name="remove")
def credential_remove(
    application: Application,
    credential_id: Annotated[str, Parameter(help="The credential's id, as the list shows it.")],
    *,
    data: Data = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Take a credential from an application, ending the tokens that it gave."""
    from strongroom.cli.remote import applications as command  # noqa: PLC0415  each command loads what it needs

    return command.remove_credential(data, application, credential_id, yes=yes, as_json=json)
