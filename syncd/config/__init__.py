"""What users write: syncd.toml, mappings/*.toml, secrets by reference, and the files `init` lays out."""

from syncd.config.fingerprint import fingerprint
from syncd.config.loading import Deployment, load
from syncd.config.secrets import Redactor, Secret
from syncd.config.settings import Settings, SiteSettings, SourceSettings

__all__ = ["Deployment", "Redactor", "Secret", "Settings", "SiteSettings", "SourceSettings", "fingerprint", "load"]
