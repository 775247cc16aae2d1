from story_world import empty, keyring, standing, working, world

__all__ = ["empty", "keyring", "standing", "working", "world"]
