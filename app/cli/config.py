"""The settings of the commands that authors use: `ussd.toml` where they stand, and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.fail import fail

if TYPE_CHECKING:
    from app.settings import Settings

HERE = Path("ussd.toml")


def in_this_folder() -> Path | None:
    """`ussd.toml` of the present folder, if there is one."""
    return HERE if HERE.is_file() else None


def here() -> Settings:
    """Read `ussd.toml` of the present folder if there is one, and import the action modules it names."""
    from app.configuring import SettingsError, load

    try:
        settings = load(in_this_folder())
    except SettingsError as error:
        fail(str(error))
    use_actions(settings)
    return settings


def use_actions(settings: Settings) -> None:
    """Import the modules of `[menus] actions`, so that their actions are found like those of packages."""
    from app import plugins

    try:
        plugins.use_modules(settings.menus.actions)
    except plugins.BadModule as error:
        fail(str(error))
