"""Pack the third-party styles and scripts of the pages into what is built."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKED = "transfer_service/web/static/vendor"


class PackPageAssets(BuildHookInterface):
    """Copies the files that the pages need from `node_modules`, which npm has checked against its lock."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel or source archive; an editable install serves them from where npm put them."""
        if version == "editable":
            return
        root = Path(self.root)
        if (root / PACKED).is_dir():
            return  # a wheel made from the source archive, which carries them already
        assets = _load(root / "transfer_service" / "web" / "assets.py")
        for place in (*assets.VENDOR_FILES.values(), *assets.NOTICES):
            source = root / "node_modules" / place
            if not source.is_file():
                message = f"{place} is not in node_modules. Run `npm ci` in the checkout, then build again."
                raise FileNotFoundError(message)
            build_data["force_include"][str(source)] = f"{PACKED}/{place}"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_assets", path)
    if spec is None or spec.loader is None:
        message = f"{path.name} cannot be loaded."
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
