"""The settings by what they are about; `shared/settings.py` puts them together."""
