from story_world import keyring, working, world

__all__ = ["keyring", "working", "world"]
