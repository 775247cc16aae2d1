from market_processes import processes

__all__ = ["processes"]
